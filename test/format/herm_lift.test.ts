import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHerm } from '../../lib/file/read.ts';
import { compress } from '../../lib/herm/compress.ts';
import { growModel } from '../../lib/herm/grow/grow.ts';
import { blocksOption } from '../../lib/model/block_option.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { serializeSafetensors, writeSafetensors } from '../../lib/model/safetensors.ts';
import { type DType, fromFloat64, type Tensor, toFloat64 } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { CHAIN, type Checkpoint, tensorsOf, writeCheckpoint } from '../support/checkpoints.ts';
import { liftedByOracle, nudged } from '../support/lift_oracle.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { PLAIN_ZOO } from '../support/zoo_plain.ts';
import { layersModel } from './support/layers.ts';
import { makeNetwork } from './support/network.ts';
import { Random } from './support/random.ts';
import { writeSharded } from './support/sharded.ts';
import { gaussian } from './support/values.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-lift-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WANTED = ['GPT-2', 'BERT', 'Llama', 'Llama with biases', 'Phi-3', 'Flan-T5'];
const DTYPES: readonly DType[] = ['F32', 'F16', 'BF16'];
const NETS = [CHAIN, ...[...PLAIN_ZOO, ...GATED_ZOO].filter(({ name }) => WANTED.includes(name))];

async function herm(checkpoint: Checkpoint, dtype: DType, refit: number[] = []) {
  const name = `${checkpoint.name} ${dtype} ${refit.length}`;
  writeCheckpoint(at(name), checkpoint, tensorsOf(checkpoint, 3, dtype));
  const activation = checkpoint === CHAIN ? { activation: 'relu' } : {};
  await compress(at(name), at(`${name}.herm`), { ...activation, refit });
  return { file: await openHerm(at(`${name}.herm`)), name };
}

const sameFiles = (one: string, other: string) => {
  expect(readdirSync(at(one))).toEqual(readdirSync(at(other)));
  return readdirSync(at(one)).every((file) =>
    readFileSync(join(at(one), file)).equals(readFileSync(join(at(other), file))),
  );
};

const values = (tensors: readonly Tensor[], name: string) => toFloat64(tensors.find((tensor) => tensor.name === name)!);

it('knows all the nets that it names', () => expect(NETS).toHaveLength(1 + WANTED.length));

describe.each(NETS)('$name', (checkpoint) => {
  it('without a change is the original, bit for bit', async () => {
    for (const dtype of checkpoint === CHAIN ? DTYPES : [DTYPES[NETS.indexOf(checkpoint) % 3]!]) {
      const { file, name } = await herm(checkpoint, dtype, [0.5]);
      for (const refit of [true, false]) {
        const { tensors } = await file.skeleton(0.5, { refit });
        const output = `${name} lifted ${refit}`;
        expect(await file.liftTo(at(output), tensors, { refit })).toMatchObject({ changed: [] });
        expect(sameFiles(output, name)).toBe(true);
      }
      await file.close();
    }
  });

  it('changes as the least-norm lift in dense matrices says', async () => {
    const { file } = await herm(checkpoint, 'F64');
    const trees = await Promise.all(file.blocks.map(({ name }) => file.tree(name)));
    const { tensors: original } = await file.skeleton('full');
    const { tensors: skeleton, widths } = await file.skeleton(0.4);
    const tuned = nudged(skeleton);
    for (const keep of [1, 0.25, 0]) {
      const lifted = await file.liftTensors(tuned, { keep });
      const expected = liftedByOracle({ blocks: file.blocks, trees, widths, keep }, [original, skeleton, tuned]);
      expect(lifted.map(({ name }) => name)).toEqual([...expected.keys()]);
      for (const { name } of lifted) {
        const [found, wanted] = [values(lifted, name), expected.get(name)!];
        expect(found).toHaveLength(wanted.length);
        expect(Math.max(...found.map((value, n) => Math.abs(value - wanted[n]!)))).toBeLessThan(1e-9);
      }
    }
    await file.close();
  });
});

describe('a lift', () => {
  it('is linear: twice the change of a skeleton is twice the change of the network', async () => {
    const { file } = await herm(CHAIN, 'F64', []);
    const { tensors: original } = await file.skeleton('full');
    const { tensors: skeleton } = await file.skeleton(0.5);
    const once = await file.liftTensors(nudged(skeleton, 0.1));
    const twice = await file.liftTensors(nudged(skeleton, 0.2));
    for (const { name } of original) {
      const [w, a, b] = [values(original, name), values(once, name), values(twice, name)];
      expect(Math.max(...w.map((value, n) => Math.abs(b[n]! - value - 2 * (a[n]! - value))))).toBeLessThan(1e-12);
    }
    await file.close();
  });

  it('moves copies alike: where merging lost nothing, the whole network computes what the tuned skeleton does', async () => {
    for (const [at, gated] of [false, true].entries()) {
      const random = new Random(11 + at);
      const { tensors: narrow, blocks } = makeNetwork(random, {
        ...{ sizes: [5, 6, 4, 3], dtypes: ['F64'], biases: true, transposed: gated, gated, values: gaussian },
      });
      const option = blocksOption(gated ? blocks.slice(0, 1) : blocks);
      const own = gated ? blocks.slice(0, 1) : blocks;
      const { tensors } = await growModel({ tensors: narrow }, { widths: 2.5, blocks: option });
      const path = join(folder, `copies-${gated}`);
      await writeSafetensors(`${path}.safetensors`, tensors);
      await compress(`${path}.safetensors`, `${path}.herm`, { blocks: option, activation: 'relu' });
      const file = await openHerm(`${path}.herm`);
      const skeleton = await file.skeleton(Object.fromEntries(own.map(({ name, neurons }) => [name, neurons])));
      const tuned = nudged(skeleton.tensors, 0.2);
      const lifted = await file.liftTensors(tuned);
      const x = Float64Array.from({ length: 7 * 5 }, () => random.gauss());
      const run = (of: readonly Tensor[]) => forward(mlpLayers(own, lookupIn(of)), x, 7);
      const [wanted, found, before] = [await run(tuned), await run(lifted), await run(tensors)];
      expect(Math.max(...wanted.map((value, n) => Math.abs(value - before[n]!)))).toBeGreaterThan(0.1);
      expect(Math.max(...wanted.map((value, n) => Math.abs(value - found[n]!)))).toBeLessThan(1e-9);
      expect(await file.liftTensors(skeleton.tensors)).toEqual((await file.skeleton('full')).tensors);
      await file.close();
    }
  });

  it('takes what was trained through the maps of an adapter, of some tensors, as those maps say', async () => {
    const { file } = await herm(CHAIN, 'F64', []);
    const { tensors: maps, metadata, parameters, widths } = await file.adapter(0.5);
    const shapes: Record<string, number[]> = JSON.parse(metadata.get('shapes')!);
    expect(JSON.parse(metadata.get('widths')!)).toEqual(widths);
    expect(parameters).toBe(6 * 5 + 6 + 5 * 6 + 5 + 3 * 5);
    const { 'fc1.bias': _, ...trained } = shapes;
    const zeros = Object.entries(trained).map(([name, shape]) =>
      fromFloat64(new Float64Array(shape.reduce((a, b) => a * b)), 'F64', name, shape),
    );
    const delta = nudged(zeros, 1);
    const { tensors: original } = await file.skeleton('full');
    const lifted = await file.liftTensors(delta, { delta: true });
    const axisOf = (name: string, side: string, at: number) => {
      const index = maps.find((map) => map.name === `${name}.${side}.index`);
      if (index === undefined) return { root: at, share: 1 };
      const coefficient = maps.find((map) => map.name === `${name}.${side}.coefficient`)!;
      return { root: Number(new BigInt64Array(index.data.slice().buffer)[at]), share: toFloat64(coefficient)[at]! };
    };
    for (const { name, shape } of original) {
      const change = name in trained ? values(delta, name) : undefined;
      const [columns, narrow] = [shape[1] ?? 1, shapes[name]?.[1] ?? 1];
      const expected = values(original, name).map((value, n) => {
        const row = axisOf(name, 'rows', Math.floor(n / columns));
        const col = axisOf(name, 'columns', n % columns);
        return value + (change === undefined ? 0 : row.share * col.share * change[row.root * narrow + col.root]!);
      });
      const found = values(lifted, name);
      expect(Math.max(...found.map((value, n) => Math.abs(value - expected[n]!)))).toBeLessThan(1e-6);
    }
    await expect(file.liftTensors(delta, { delta: true, keep: 0.5 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await file.close();
  });

  it('takes a skeleton that was saved in another dtype: what only rounding changed has not changed', async () => {
    const { file, name } = await herm(CHAIN, 'F32', []);
    const { tensors } = await file.skeleton(0.5);
    const saved = (dtype: DType) =>
      tensors.map((tensor) => fromFloat64(toFloat64(tensor), dtype, tensor.name, tensor.shape));
    for (const dtype of ['F64', 'BF16', 'F16'] as const) {
      expect(await file.liftTo(at(`as ${dtype}`), saved(dtype))).toMatchObject({ changed: [] });
      expect(sameFiles(`as ${dtype}`, name)).toBe(true);
    }
    await file.close();
  });

  it('keeps −0, and what no block owns as it was tuned', async () => {
    const tensors = tensorsOf(CHAIN, 3, 'F32').map((tensor) => {
      const zeros = toFloat64(tensor).map((value, n) => (n % 3 === 0 ? -0 : value));
      return fromFloat64(zeros, 'F32', tensor.name, tensor.shape);
    });
    await writeSafetensors(at('zeros.safetensors'), tensors);
    await compress(at('zeros.safetensors'), at('zeros.herm'), { activation: 'relu' });
    const file = await openHerm(at('zeros.herm'));
    const skeleton = (await file.skeleton(0.5)).tensors;
    const tuned = skeleton.map((tensor) => (tensor.name === 'fc3.bias' ? nudged([tensor])[0]! : tensor));
    expect(await file.liftTo(at('zeros lifted.safetensors'), tuned)).toMatchObject({ changed: ['fc3.bias'] });
    const expected = tensors.map(
      (tensor) => tuned.find(({ name }) => name === 'fc3.bias' && tensor.name === name) ?? tensor,
    );
    expect(readFileSync(at('zeros lifted.safetensors')).equals(serializeSafetensors(expected))).toBe(true);
    await file.close();
  });

  it('reads shards, and writes them as they were', async () => {
    writeSharded(at('Net'));
    await compress(at('Net'), at('net.herm'));
    const file = await openHerm(at('net.herm'));
    await file.writeSkeleton(at('half'), await file.skeleton(0.5));
    await file.liftTo(at('Net lifted'), at('half'));
    expect(sameFiles('Net lifted', 'Net')).toBe(true);
    const tuned = nudged((await file.skeleton(0.5)).tensors);
    writeSharded(
      at('half tuned'),
      3,
      layersModel().map(({ name }) => tuned.find((tensor) => tensor.name === name)!),
    );
    const { changed } = await file.liftTo(at('Net tuned'), at('half tuned'));
    expect(changed).toHaveLength(tuned.length);
    const pieces: Record<string, Uint8Array[]> = {};
    for await (const { file: name, bytes } of file.lift(at('half tuned'))) {
      pieces[name] = [...(pieces[name] ?? []), bytes.slice()];
    }
    for (const [name, parts] of Object.entries(pieces)) {
      expect(Buffer.concat(parts).equals(readFileSync(join(at('Net tuned'), name)))).toBe(true);
    }
    await file.close();
  });

  it('takes a padded skeleton, whose width must be said, and refuses tuned padding', async () => {
    const { file, name } = await herm(CHAIN, 'F32', []);
    const padded = (await file.skeleton(0.5, { pad: true })).tensors;
    await expect(file.liftTensors(padded)).rejects.toMatchObject({ code: 'WIDTH' });
    expect(await file.liftTo(at('unpadded'), padded, { widths: 0.5 })).toMatchObject({ changed: [] });
    expect(sameFiles('unpadded', name)).toBe(true);
    const tuned = nudged((await file.skeleton(0.5)).tensors);
    const skeleton = (await file.skeleton(0.5)).tensors;
    const filled = padded.map((tensor, n) => (tensor.shape.join() === skeleton[n]!.shape.join() ? tuned[n]! : tensor));
    expect(await file.liftTensors(filled, { widths: 0.5 })).toEqual(
      await file.liftTensors(skeleton.map((tensor, n) => (tensor.name === 'fc3.bias' ? tuned[n]! : tensor))),
    );
    const outside = nudged(padded);
    await expect(file.liftTensors(outside, { widths: 0.5 })).rejects.toMatchObject({ code: 'TUNED_TENSOR' });
    await file.close();
  });

  it('names the tensor and both shapes where they do not fit', async () => {
    const { file } = await herm(CHAIN, 'F32', []);
    const { tensors } = await file.skeleton({ fc1: 6, fc2: 5 });
    const with_ = (name: string, change: (tensor: Tensor) => Tensor[]) =>
      tensors.flatMap((tensor) => (tensor.name === name ? change(tensor) : [tensor]));
    const shaped = (name: string, shape: number[]) =>
      with_(name, () => [fromFloat64(new Float64Array(shape.reduce((a, b) => a * b, 1)), 'F32', name, shape)]);
    const refusals: [string, Tensor[], object][] = [
      ['fc2.weight', shaped('fc2.weight', [5, 7]), { found: [5, 7], expected: [5, 6] }],
      ['fc1.weight', shaped('fc1.weight', [6, 4]), { found: [6, 4], expected: [6, 5] }],
      ['fc1.weight', shaped('fc1.weight', [13, 5]), { found: [13, 5], expected: [6, 5] }],
      ['fc1.bias', shaped('fc1.bias', [6, 1]), { found: [6, 1], expected: [6] }],
      ['fc1.bias', with_('fc1.bias', () => []), {}],
      ['head', [...tensors, { ...tensors[0]!, name: 'head' }], {}],
      ['fc1.bias', with_('fc1.bias', (tensor) => [{ ...tensor, dtype: 'I32' }]), { found: 'I32' }],
    ];
    for (const [tensor, tuned, details] of refusals) {
      const refused = expect(file.liftTo(at('never'), tuned)).rejects;
      await refused.toMatchObject({ code: 'TUNED_TENSOR', details: { tensor, ...details } });
    }
    const wide = fromFloat64(new Float64Array(65), 'F32', 'fc1.weight', [13, 5]);
    await expect(file.liftTensors([wide], { delta: true })).rejects.toThrow(
      /"fc1\.weight".*\[13, 5\], not \[12, 5\] with block "fc1", of 12 neurons/,
    );
    expect(existsSync(at('never'))).toBe(false);
    await file.close();
  });

  it('refuses what has diverged, and weights that its dtype cannot hold', async () => {
    const { file } = await herm(CHAIN, 'F16', []);
    const { tensors } = await file.skeleton(0.5);
    const changed = (to: number, dtype: DType) =>
      tensors.map((tensor) =>
        fromFloat64(
          toFloat64(tensor).map((value, n) => (n === 1 ? to : value)),
          dtype,
          tensor.name,
          tensor.shape,
        ),
      );
    await expect(file.liftTo(at('nan'), changed(Number.NaN, 'F16'))).rejects.toMatchObject({ code: 'NON_FINITE' });
    await expect(file.liftTo(at('large'), changed(1e9, 'F32'))).rejects.toMatchObject({ code: 'NON_FINITE' });
    for (const keep of [-0.1, 1.1, Number.NaN]) {
      await expect(file.liftTensors(tensors, { keep })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    expect(existsSync(at('nan')) || existsSync(at('large'))).toBe(false);
    await file.close();
  });

  it('stops when it is told to, and leaves nothing', async () => {
    const { file } = await herm(CHAIN, 'F32', []);
    const { tensors } = await file.skeleton(0.5);
    const before = readdirSync(folder);
    const signal = AbortSignal.abort();
    await expect(file.liftTo(at('aborted'), tensors, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(folder)).toEqual(before);
    await file.close();
  });

  it('needs the whole file', async () => {
    const { file, name } = await herm(CHAIN, 'F32', []);
    const { tensors } = await file.skeleton(0.5);
    await file.truncateTo(at('half.herm'), 0.5);
    const part = await openHerm(at('half.herm'));
    expect(part.complete).toBe(false);
    await expect(part.liftTensors(tensors)).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
    await expect(part.adapter(0.5)).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
    expect(name).toBeTruthy();
    await part.close();
    await file.close();
  });
});
