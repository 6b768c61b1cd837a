import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHerm as decode } from '../../lib/decode/index.ts';
import {
  type Block,
  blockOutputs,
  blockWeights,
  buildLadder,
  certifyWidths,
  chooseBlends,
  compress,
  forward,
  growModel,
  type HermFile,
  lookupIn,
  measureSensitivity,
  mlpLayers,
  type NativeBlock,
  type Network,
  neuronTensors,
  open,
  openHerm,
  refitOutput,
  splitSamples,
  type Tensor,
  writeReport,
} from '../../lib/index.ts';

const LENET = new URL('../fixtures/lenet/relu.safetensors', import.meta.url).pathname;
const path = join(tmpdir(), `hermkit-hostile-${process.pid}.herm`);
let file: HermFile;
let net: Network;
let block: Block;
let weights: NativeBlock;
let tensors: readonly Tensor[];

beforeAll(async () => {
  await compress(LENET, path);
  file = await openHerm(path);
  net = await open(path);
  await net.setWidth({ fc1: 4, fc2: 3 });
  block = file.blocks[1]!;
  weights = blockWeights(block, lookupIn(await file.readTensors(neuronTensors(block))));
  ({ tensors } = await file.skeleton({ fc1: 4, fc2: 3 }));
});

afterAll(async () => {
  await net.close();
  await file.close();
  rmSync(path);
});

/** What a caller without types may pass. */
const any = (value: unknown): never => value as never;

/** An array whose buffer went elsewhere: it looks like an empty one. */
function detached<T extends Float32Array | Float64Array | Uint8Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  return array;
}

const f32 = () => detached(new Float32Array(300));
const f64 = () => detached(new Float64Array(300));

describe('arrays whose buffers were transferred', () => {
  it.each<readonly [string, () => Promise<unknown>]>([
    ['a batch in single precision', () => net.forward(f32())],
    ['a batch in double precision', () => net.forward(f64())],
    ['what is run through layers', () => forward(mlpLayers(file.blocks, lookupIn(tensors)), f64(), 0)],
    ['inputs of a block', () => blockOutputs(block, weights, f32())],
    ['samples to split', async () => splitSamples(block, f32())],
    ['samples to choose a blend on', () => chooseBlends(block, weights, f32())],
    ['samples of a prior', async () => certified({ inputs: f32(), blend: 0.5 })],
    ['a norm', async () => certified({ deviation: f64() })],
    ['neurons to refit', () => refitOutput(block, weights, f64(), undefined)],
    ['inputs of a chain', () => measureSensitivity(file, { inputs: f64() })],
    ['outputs of a network', () => measureSensitivity(file, { evaluate: async () => f64() })],
    ['a file', () => openHerm(detached(new Uint8Array(readFileSync(path))))],
    ['a file that is decoded', () => decode(detached(new Uint8Array(readFileSync(path))))],
  ])('%s', async (_, call) => {
    await expect(call()).rejects.toMatchObject({
      name: 'HermError',
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining('was transferred'),
    });
  });
});

async function certified(prior: unknown): Promise<unknown> {
  const tree = await file.tree('fc2');
  return certifyWidths(block, weights, tree, [50], { prior: any(prior) });
}

it.each<readonly [string, (signal: AbortSignal) => Promise<unknown>]>([
  ['a plan', (signal) => file.planWidths({ params: 0.5, signal })],
  ['rounded widths', (signal) => file.fitWidths(0.5, { roundTo: 8, signal })],
])('%s is not made once the signal has fired', async (_, call) => {
  await expect(call(AbortSignal.abort())).rejects.toMatchObject({ name: 'HermError', code: 'ABORTED' });
});

describe('arguments of the wrong type', () => {
  const controller = any(new AbortController());
  it.each<readonly [string, string, () => Promise<unknown>]>([
    ['one share for a list of them', 'refit must be an array', () => compress(LENET, path, { refit: any(0.5) })],
    ['text for a list of norms', 'norms must be an array', () => compress(LENET, path, { norms: any('a=b') })],
    ['another prior', 'not gaussian', () => compress(LENET, path, { prior: any('gaussian') })],
    ['no model', 'A model must be', () => compress(any(undefined), path)],
    ['a controller for its signal', 'property "signal"', () => file.skeleton(0.5, { signal: controller })],
    ['a controller before anything is read', 'property "signal"', () => compress(LENET, path, { signal: controller })],
    ['text for widths to grow to', 'widths must be', () => growModel(LENET, { widths: any('150%') })],
    ['no model to grow', 'A model must be', () => growModel(any({}), { widths: 2 })],
    ['no tuned model', 'A tuned model must be', () => file.liftTensors(any(undefined))],
    ['text for a share', 'keep must be', () => file.liftTensors(tensors, { keep: any('') })],
    ['no name of a block', 'undefined', () => file.tree(any(undefined))],
    ['no names of tensors', 'must be an array', () => file.readTensors(any(3))],
    ['no prior', 'prior must be', () => certified('norm')],
    ['outputs that are no array', 'must be a Float64Array', () => measureSensitivity(file, { evaluate: any(() => 1) })],
    ['one name for a list of them', 'blocks must be', () => writeReport(file, path, { blocks: any('fc1') })],
    ['a plan of other blocks', 'no such block', () => writeReport(file, path, { plan: { fc9: 3 } })],
    ['a plan of other widths', 'widths from 1 to 100', () => writeReport(file, path, { plan: { fc2: 101 } })],
    ['no range of widths', 'neurons', async () => buildLadder([any({ neurons: 3 })])],
    ['a share for the decoder', 'by block name', async () => (await decode(readFileSync(path))).skeleton(any(0.5))],
    ['no file for the decoder', 'A file must be', () => decode(any('model.herm'))],
  ])('%s', async (_, why, call) => {
    await expect(call()).rejects.toMatchObject({
      name: 'HermError',
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining(why),
    });
  });

  it('an activation and a norm that are no texts', async () => {
    await expect(compress(LENET, path, { activation: any(3) })).rejects.toMatchObject({ code: 'ACTIVATION' });
    await expect(compress(LENET, path, { norms: [any(3)] })).rejects.toMatchObject({ code: 'PRIOR' });
  });
});
