import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HermFile, openHerm } from '../../lib/file/read.ts';
import { compress } from '../../lib/herm/compress.ts';
import { growModel } from '../../lib/herm/grow/grow.ts';
import { growTo } from '../../lib/herm/grow/grow_to.ts';
import type { Block } from '../../lib/model/block.ts';
import { readNamed } from '../../lib/model/model.ts';
import { withModel } from '../../lib/model/open_model.ts';
import { parsePart } from '../../lib/model/parts.ts';
import { type DType, fromFloat64, type Tensor, toFloat64 } from '../../lib/model/tensor.ts';
import { CHAIN, type Checkpoint, tensorsOf, writeCheckpoint } from '../support/checkpoints.ts';
import { nudged } from '../support/lift_oracle.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { PLAIN_ZOO } from '../support/zoo_plain.ts';
import { INDEX, writeSharded } from './support/sharded.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-grow-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WANTED: Record<string, DType> = { 'GPT-2': 'F32', 'Llama with biases': 'BF16', 'Phi-3': 'F16' };
const NETS = [CHAIN, ...[...PLAIN_ZOO, ...GATED_ZOO].filter(({ name }) => name in WANTED)];

it('knows all the nets that it names', () => expect(NETS).toHaveLength(4));

async function herm(checkpoint: Checkpoint) {
  const dtype = WANTED[checkpoint.name] ?? 'F32';
  writeCheckpoint(at(checkpoint.name), checkpoint, tensorsOf(checkpoint, 3, dtype));
  const path = at(`${checkpoint.name}.herm`);
  const activation = checkpoint === CHAIN ? { activation: 'relu' } : {};
  if (!existsSync(path)) await compress(at(checkpoint.name), path, activation);
  return { path, dtype, file: await openHerm(path) };
}

/** Rows of numbers, neurons first, of a tensor that a block names. */
function neuronsOf(tensors: readonly Tensor[], name: string, isColumns: boolean): number[][] {
  const part = parsePart(name);
  const { data, shape, dtype } = tensors.find((tensor) => tensor.name === (part?.tensor ?? name))!;
  const values = toFloat64({ name, data, shape, dtype });
  const rows = shape[0]! / (part?.count ?? 1);
  const cols = shape[1] ?? 1;
  const first = ((part?.part ?? 1) - 1) * rows;
  const at = (row: number, col: number) => values[(first + row) * cols + col]!;
  const range = (count: number) => Array.from({ length: count }, (_, index) => index);
  return isColumns
    ? range(cols).map((col) => range(rows).map((row) => at(row, col)))
    : range(rows).map((row) => range(cols).map((col) => at(row, col)));
}

/** What adding two doubles rounds off. */
function roundedOff(a: number, b: number): number {
  const back = a + b - a;
  return a - (a + b - back) + (b - back);
}

/** Undoes the splits of a block: both neurons of each must have the same inputs; outputs are added, which must be exact. */
async function mergedAgain(file: HermFile, block: Block, tensors: readonly Tensor[], [from, to]: [number, number]) {
  const { pairs, neurons } = await file.tree(block.name);
  const living = new Set(Array.from({ length: neurons }, (_, slot) => slot));
  for (let t = 0; t < neurons - to; t++) living.delete(pairs[2 * t + 1]!);
  const slots = [...living];
  const inputs = [block.input, block.gate?.weight].flatMap((weight) =>
    weight === undefined ? [] : [neuronsOf(tensors, weight.tensor, weight.transposed)],
  );
  const biases = [block.bias, block.gate?.bias].flatMap((bias) =>
    bias === undefined ? [] : [neuronsOf(tensors, bias, false)],
  );
  const outputs = neuronsOf(tensors, block.output.tensor, block.output.transposed);
  for (let t = neurons - to; t < neurons - from; t++) {
    const [i, j] = [slots.indexOf(pairs[2 * t]!), slots.indexOf(pairs[2 * t + 1]!)];
    for (const weights of [...inputs, ...biases]) expect(weights[j]).toEqual(weights[i]);
    outputs[i] = outputs[i]!.map((value, output) => {
      expect(Math.abs(roundedOff(value, outputs[j]![output]!))).toBe(0);
      return value + outputs[j]![output]!;
    });
    living.delete(pairs[2 * t + 1]!);
  }
  return slots.flatMap((slot, at) => (living.has(slot) ? [outputs[at]!] : []));
}

describe.each(NETS)('$name along its tree', (checkpoint) => {
  it('splits neurons as they were merged: the same inputs, outputs that add up exactly', async () => {
    const { path, file, dtype } = await herm(checkpoint);
    const skeleton = await file.skeleton(0.4);
    const tuned = nudged(skeleton.tensors, 0.05).map((tensor) =>
      fromFloat64(toFloat64(tensor), dtype, tensor.name, tensor.shape),
    );
    const wide = await file.skeleton(0.8);
    for (const block of file.blocks) {
      // One block alone: then its neighbours in a chain have the outputs that they had.
      const widths = { [block.name]: wide.widths[block.name]! };
      const { tensors, blocks } = await growModel({ tensors: tuned }, { tree: path, widths });
      const pair: [number, number] = [skeleton.widths[block.name]!, wide.widths[block.name]!];
      expect(pair[1]).toBeGreaterThan(pair[0]);
      expect(blocks.find(({ name }) => name === block.name)).toEqual({
        ...{ name: block.name, neurons: pair[0], width: pair[1] },
      });
      const before = neuronsOf(tuned, block.output.tensor, block.output.transposed);
      expect(await mergedAgain(file, block, tensors, pair)).toEqual(before);
    }
    await file.close();
  });

  it('gives what the file takes for a skeleton of the larger widths', async () => {
    const { path, file } = await herm(checkpoint);
    const [narrow, wide] = [await file.skeleton(0.4), await file.skeleton(0.8)];
    const { tensors } = await growModel({ tensors: narrow.tensors }, { tree: path, widths: 0.8 });
    expect(tensors.map(({ name, shape }) => [name, ...shape])).toEqual(
      wide.tensors.map(({ name, shape }) => [name, ...shape]),
    );
    const full = await growModel({ tensors }, { tree: readFileSync(path), widths: 1 });
    const original = await file.skeleton('full');
    expect(full.tensors.map(({ shape }) => shape)).toEqual(original.tensors.map(({ shape }) => shape));
    await file.close();
  });
});

describe('growing', () => {
  it('refuses what is no skeleton of the tree, and widths that it does not have', async () => {
    const { path, file } = await herm(CHAIN);
    const { tensors } = await file.skeleton(0.5);
    const { tensors: original } = await file.skeleton('full');
    const refused = (code: string, of: readonly Tensor[], widths: Record<string, number> | number, blocks?: string) =>
      expect(growModel({ tensors: of }, { tree: path, widths, blocks })).rejects.toMatchObject({
        ...{ name: 'HermError', code },
        message: expect.stringContaining(code === 'BAD_ARGUMENT' ? 'tree' : 'chain that shares a matrix.herm'),
      });
    const other = (shape: number[]) =>
      tensors.map((tensor) =>
        tensor.name === 'fc2.weight'
          ? fromFloat64(Array(shape[0]! * shape[1]!).fill(1), 'F32', tensor.name, shape)
          : tensor,
      );
    await refused('TUNED_TENSOR', other([5, 7]), 0.8);
    await refused('TUNED_TENSOR', tensors.slice(1), 0.8);
    await refused('TUNED_TENSOR', [...tensors, { ...tensors[0]!, name: 'fc9.weight' }], 0.8);
    await refused('WIDTH', original, 1);
    for (const widths of [1.5, 0, { fc1: 13 }, { fc9: 3 }]) await refused('WIDTH', tensors, widths);
    await expect(growModel({ tensors }, { tree: path, widths: { fc1: 5 } })).rejects.toMatchObject({ code: 'WIDTH' });
    await refused('BAD_ARGUMENT', tensors, 0.8, 'fc1>fc2');
    await file.close();
  });

  it('writes a sharded directory as it was, with the new index and config.json', async () => {
    const checkpoint = GATED_ZOO.find(({ name }) => name === 'Phi-3')!;
    const tensors = tensorsOf(checkpoint, 1, 'BF16');
    const shards = writeSharded(at('shards'), 2, tensors);
    const config = { ...checkpoint.config, intermediate_size: 16 };
    writeFileSync(at('shards/config.json'), JSON.stringify(config, undefined, 2));
    const { files, blocks, bytes } = await growTo(at('shards'), at('grown'), { widths: 1.5 });
    expect(blocks.every(({ neurons, width }) => neurons === 16 && width === 24)).toBe(true);
    expect([...files!].sort()).toEqual(readdirSync(at('shards')).sort());
    const read = (name: string) => readFileSync(at(`grown/${name}`));
    expect(bytes).toBe(files!.reduce((sum, name) => sum + read(name).byteLength, 0));
    expect(JSON.parse(read('config.json').toString())).toEqual({ ...config, intermediate_size: 24 });
    const index = JSON.parse(read(INDEX).toString());
    expect(index.weight_map).toEqual(JSON.parse(readFileSync(at(`shards/${INDEX}`), 'utf8')).weight_map);
    const grown = await growModel(at('shards'), { widths: 1.5 });
    expect(index.metadata.total_size).toBe(grown.tensors.reduce((sum, { data }) => sum + data.byteLength, 0));
    await withModel(at('grown'), async (model) => {
      const found = await readNamed(
        model,
        grown.tensors.map(({ name }) => name),
      );
      expect(new Map(found.map((tensor) => [tensor.name, tensor]))).toEqual(
        new Map(grown.tensors.map((tensor) => [tensor.name, tensor])),
      );
      expect(model.files.map(({ name }) => name)).toEqual(Object.keys(shards));
    });
    await expect(growTo(at('shards'), at('grown'), { widths: 1.5 })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    const single = await growTo(at('shards'), at('grown.safetensors'), { widths: 1.5 });
    expect(single).toMatchObject({ files: undefined, bytes: readFileSync(at('grown.safetensors')).byteLength });
  });
});
