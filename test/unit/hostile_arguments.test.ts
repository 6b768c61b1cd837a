import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as hermkit from '../../lib/index.ts';
import {
  blockWeights,
  bufferSource,
  compress,
  forestOf,
  HermError,
  type HermFile,
  lookupIn,
  type Network,
  neuronTensors,
  open,
  openHerm,
  readSafetensorsHeader,
} from '../../lib/index.ts';

const LENET = new URL('../fixtures/lenet/relu.safetensors', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'hermkit-arguments-'));
const path = join(folder, 'relu.herm');
const output = join(folder, 'never-written');

/** Calls by name, with arguments as they should be, made when the file is there. */
let calls: Readonly<Record<string, readonly unknown[]>>;
let methods: Readonly<Record<string, readonly unknown[]>>;
let file: HermFile;
let net: Network;

beforeAll(async () => {
  await compress(LENET, path);
  file = await openHerm(path);
  net = await open(path);
  const block = file.blocks[1]!;
  const { tensors } = await file.skeleton({ fc1: 4, fc2: 3 });
  const lookup = lookupIn(await file.readTensors(neuronTensors(block)));
  const weights = blockWeights(block, lookup);
  const tree = await file.tree('fc2');
  const forest = forestOf(tree);
  const source = bufferSource(readFileSync(LENET));
  const header = await readSafetensorsHeader(source);
  const [f32, f64, pairs] = [new Float32Array(3000), new Float64Array(300), Uint32Array.of(0, 1)];
  const layers = hermkit.mlpLayers(file.blocks, lookupIn(tensors));
  const neuron = { input: [1], output: [1] };
  calls = {
    ...{ blockOutputs: [block, weights, f32, {}], blockValues: [block, weights, f32, {}] },
    ...{ blockWeights: [block, lookup], bufferSource: [new Uint8Array(1)], buildInfo: [], buildLadder: [[]] },
    ...{ buildTree: [block, weights, {}], certifyWidths: [block, weights, tree, [50], {}], childrenOf: [forest, 0] },
    ...{ chooseBlends: [block, weights, f32, {}], compress: [LENET, output, {}], describeBlocks: [header] },
    ...{ fileSource: [], findBlocks: [header, {}], forestOf: [tree], forward: [layers, f64, 0, {}] },
    ...{ fromFloat64: [[1], 'F32', 'one', [1]], gateSpectrum: [block, weights, {}], gid: [f64, f64, {}] },
    ...{ gidGroup: [block, weights, [0], {}], gidPair: [block, weights, 0, 1, {}], groupsAt: [forest, 50] },
    ...{
      growModel: [LENET, { widths: 2 }],
      growTo: [LENET, output, { widths: 2 }],
      interactionOf: [block, weights, {}],
    },
    ...{ leaveAlone: [[]], lookupIn: [tensors], measureGram: [block, weights, {}], measureSensitivity: [file, {}] },
    ...{ mergeMemory: [block], mergeTerms: [block, weights, tree, {}], mlpLayers: [file.blocks, lookup] },
    ...{ nativeMatrix: [tensors[0]], neuronTensors: [block], open: [path, {}], openHerm: [path, {}] },
    ...{ pairGates: [block, weights, pairs, {}], precedingNorm: [header, block], randomCondition: [] },
    ...{ readSafetensorsHeader: [source], readTensor: [source, header, header.tensors[0]] },
    ...{ refitOutput: [block, weights, f64, undefined, {}], refitSkeleton: [block, weights, tree, 50, {}] },
    ...{ rootsOf: [forest], scaGroup: [[neuron], {}], scaLayer: [block, weights, {}], scaPair: [neuron, neuron, {}] },
    ...{ scaPairs: [block, weights, pairs, {}], serializeSafetensors: [tensors, new Map()], sizesOf: [forest] },
    ...{ skeletonWeights: [block, weights, tree, 50, {}], splitSamples: [block, f32], spreadOf: [f64] },
    ...{ symmetriesOf: [block, weights, {}], toFloat64: [tensors[0]], treeDot: ['fc2', tree, {}] },
    ...{ treeNewick: [tree, {}], treeNodes: [tree, {}], truncate: [path, output, 0.5, {}], upgrade: [path, path, {}] },
    ...{ weightPrior: [block, weights, {}], weightSpectrum: ['fc2', weights.input, {}], widthAt: [{}, 0.5] },
    ...{ writeReport: [file, output, {}], writeSafetensors: [output, tensors, new Map(), {}] },
  };
  methods = {
    ...{ adapter: [0.5, {}], findDamage: [{}], fitWidths: [0.5, {}], liftTensors: [tensors, {}] },
    ...{ liftTo: [output, tensors, {}], planWidths: [{}], readTensors: [[], {}], recoverTo: [output, {}] },
    ...{
      skeleton: [0.5, {}],
      truncateTo: [output, 0.5, {}],
      verify: [{}],
      onnxModel: [{ tensors }, {}],
      writeSkeleton: [output, { tensors }, {}],
    },
  };
});

afterAll(async () => {
  await net.close();
  await file.close();
  rmSync(folder, { recursive: true });
});

/** How a call ends without types, for every one of its objects that is nothing or a number instead. */
async function outcomes(args: readonly unknown[], call: (...given: unknown[]) => unknown): Promise<unknown[]> {
  const ends: unknown[] = [];
  for (const [at, given] of args.entries()) {
    if (typeof given !== 'object' && typeof given !== 'function') continue;
    for (const other of [null, 3]) {
      const end = async () => call(...args.with(at, other));
      ends.push(await end().catch((error: unknown) => error));
    }
  }
  return ends;
}

describe('a call without types is told of what it was given', () => {
  it('by every function', async () => {
    const functions = Object.entries(hermkit).filter(([name, it]) => typeof it === 'function' && name !== 'HermError');
    expect(Object.keys(calls).sort()).toEqual(functions.map(([name]) => name).sort());
    for (const [name, call] of functions) {
      const ends = await outcomes(calls[name]!, call as () => unknown);
      for (const end of ends) expect(end, name).toBeInstanceOf(HermError);
    }
  });

  it('by methods of a file and a network', async () => {
    for (const [name, args] of Object.entries(methods)) {
      const ends = await outcomes(args, (...given) => (file as unknown as Callable)[name]!(...given));
      for (const end of ends) expect(end, name).toBeInstanceOf(HermError);
    }
    for (const end of await outcomes([0.5, {}], (...given) => net.setWidth(...(given as [never, never])))) {
      expect(end).toBeInstanceOf(HermError);
    }
  });

  it.each(['compress', 'buildTree', 'forward', 'growModel', 'measureSensitivity', 'writeReport'])(
    '%s, where progress is reported to no function',
    async (name) => {
      const [call, args] = [(hermkit as unknown as Callable)[name]!, calls[name]!];
      const options = { ...(args.at(-1) as object), onProgress: 'log' };
      await expect(async () => call(...args.with(-1, options))).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
        message: 'onProgress must be a function.',
      });
    },
  );
});

type Callable = Readonly<Record<string, (...given: unknown[]) => unknown>>;

it('a node or a width that a hierarchy does not have is no neighbour of it', async () => {
  const forest = forestOf(await file.tree('fc2'));
  for (const call of [
    () => hermkit.childrenOf(forest, 199),
    () => hermkit.childrenOf(forest, -1),
    () => hermkit.groupsAt(forest, 0),
    () => hermkit.groupsAt(forest, 101),
  ]) {
    expect(call).toThrow(expect.objectContaining({ name: 'HermError', code: 'BAD_ARGUMENT' }));
  }
  expect(hermkit.childrenOf(forest, 198)).toHaveLength(2);
});

it('metadata that are no Map are not left out in silence', async () => {
  const metadata = { activation: 'relu' } as never;
  expect(() => hermkit.serializeSafetensors([], metadata)).toThrow(/^metadata must be a Map/);
});
