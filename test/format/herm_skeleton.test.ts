import { describe, expect, it } from 'vitest';
import { type HermFile, openHerm } from '../../lib/file/read.ts';
import type { Skeleton } from '../../lib/herm/skeleton.ts';
import type { MergeTree } from '../../lib/herm/tree.ts';
import type { Block } from '../../lib/model/block.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { fromFloat64, type Tensor, toFloat64 } from '../../lib/model/tensor.ts';
import { type Case, makeCase } from './support/case.ts';
import { compress } from './support/herm.ts';
import { mildCoefficients } from './support/network.ts';
import { extremes, geometric } from './support/values.ts';

const open = (bytes: Uint8Array): Promise<HermFile> => openHerm(bufferSource(bytes, 'model.herm'));

async function fileOf({ tensors, blocks, trees }: Case): Promise<Uint8Array> {
  return compress(serializeSafetensors(tensors), blocks, trees);
}

const flatten = ({ tensors }: Skeleton) =>
  tensors.map(({ name, dtype, shape, data }) => [name, dtype, shape, hex(data)]);
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

/** The skeleton by the definition, in binary64 and without exact coding: names and values of the block tensors. */
function oracle(made: Case, widths: Readonly<Record<string, number>>): Map<string, Float64Array> {
  const values = new Map(made.tensors.map((tensor) => [tensor.name, toFloat64(tensor)]));
  for (const [index, block] of made.blocks.entries()) {
    const tree = made.trees[index]!;
    const merges = block.neurons - widths[block.name]!;
    mergeAxis(values, made, block.input.tensor, block.input.transposed, tree, merges, tree.alpha);
    mergeAxis(values, made, block.output.tensor, block.output.transposed, tree, merges, tree.beta);
    if (block.gate && tree.gate) {
      const { weight, bias } = block.gate;
      mergeAxis(values, made, weight.tensor, weight.transposed, tree, merges, tree.gate.alpha);
      const gateTree = { ...tree, bias: tree.gate.bias };
      if (bias !== undefined) values.set(bias, mergedBias(values.get(bias)!, gateTree, merges));
    }
    if (block.bias !== undefined) values.set(block.bias, mergedBias(values.get(block.bias)!, tree, merges));
  }
  return values;
}

const shapes = new WeakMap<Float64Array, readonly number[]>();

function mergeAxis(
  values: Map<string, Float64Array>,
  { tensors }: Case,
  name: string,
  transposed: boolean,
  tree: MergeTree,
  merges: number,
  coefficients: Uint16Array,
): void {
  const tensor = tensors.find((candidate) => candidate.name === name)!;
  const matrix = values.get(name)!;
  const [rows, cols] = (shapes.get(matrix) ?? tensor.shape) as [number, number];
  const [lanes, length] = transposed ? [cols, rows] : [rows, cols];
  const at = (lane: number, element: number) => (transposed ? element * cols + lane : lane * cols + element);
  const work = matrix.slice();
  for (let t = 0; t < merges; t++) {
    const [i, j] = [tree.pairs[2 * t]!, tree.pairs[2 * t + 1]!];
    const [a, b] = toFloat64(halves(coefficients.subarray(2 * t, 2 * t + 2)));
    for (let e = 0; e < length; e++) work[at(i, e)] = a! * work[at(i, e)]! + b! * work[at(j, e)]!;
  }
  const living = livingSlots(tree, merges);
  const shape = transposed ? [length, living.length] : [living.length, length];
  const out = Float64Array.from({ length: length * living.length }, (_, n) => {
    const [row, col] = [Math.floor(n / shape[1]!), n % shape[1]!];
    return work[transposed ? at(living[col]!, row) : at(living[row]!, col)]!;
  });
  expect(lanes).toBe(tree.neurons);
  shapes.set(out, shape);
  values.set(name, out);
}

function halves(patterns: Uint16Array): Tensor {
  const data = new Uint8Array(patterns.slice().buffer);
  return { name: 'coefficients', dtype: 'F16', shape: [patterns.length], data };
}

function livingSlots(tree: MergeTree, merges: number): number[] {
  const gone = new Set(Array.from({ length: merges }, (_, t) => tree.pairs[2 * t + 1]!));
  return Array.from({ length: tree.neurons }, (_, slot) => slot).filter((slot) => !gone.has(slot));
}

function mergedBias(bias: Float64Array, tree: MergeTree, merges: number): Float64Array {
  const work = bias.slice();
  for (let t = 0; t < merges; t++) work[tree.pairs[2 * t]!] = tree.bias[t]!;
  return Float64Array.from(livingSlots(tree, merges), (slot) => work[slot]!);
}

function* allWidths(blocks: readonly Block[], smallest: number): Generator<Record<string, number>> {
  const [first, ...rest] = blocks;
  if (first === undefined) {
    yield {};
    return;
  }
  for (const widths of allWidths(rest, smallest)) {
    for (let width = smallest; width <= first.neurons; width++) yield { ...widths, [first.name]: width };
  }
}

/** A parent's numbers are off by half a step of its grid, 2⁻²¹ of the lane's scale: here of about 1, and merged a few times. */
const SINGLE = 2e-6;

/** Between two hidden layers, along both axes; of numbers up to 30, of which BF16 has steps of 1/8. */
const MULTIPLES = { values: geometric, sizes: [17, 18, 19, 16] };

describe('a skeleton', () => {
  it.each([
    ['rows are neurons', { dtypes: ['F32' as const] }, SINGLE],
    ['columns are neurons', { transposed: true, dtypes: ['F32' as const] }, SINGLE],
    ['coarse numbers', { dtypes: ['BF16' as const] }, 0.04],
    ['multiples', { ...MULTIPLES, dtypes: ['F32' as const] }, 2 * SINGLE],
    ['coarse multiples', { ...MULTIPLES, dtypes: ['BF16' as const] }, 0.12],
    ['multiples in a gated layer', { ...MULTIPLES, gated: true, dtypes: ['F32' as const] }, 2 * SINGLE],
    ['a gated layer', { gated: true, dtypes: ['F32' as const] }, SINGLE],
    ['a gated layer, columns are neurons', { gated: true, transposed: true, dtypes: ['F32' as const] }, SINGLE],
  ])('is what its hierarchy says at every combination of widths (%s)', async (_, options, tolerance) => {
    const made = makeCase({ sizes: [4, 5, 6, 5, 3], coefficients: mildCoefficients, ...options });
    const file = await open(await fileOf(made));
    for (const widths of allWidths(made.blocks, 1)) {
      const skeleton = await file.skeleton(widths);
      const expected = oracle(made, widths);
      expect(skeleton.widths).toEqual(widths);
      expect(skeleton.tensors.map(({ name }) => name)).toEqual(file.tensors.map(({ name }) => name));
      for (const tensor of skeleton.tensors) {
        const values = expected.get(tensor.name)!;
        expect(tensor.shape).toEqual(shapes.get(values) ?? [values.length]);
        toFloat64(tensor).forEach((value, n) => {
          expect(Math.abs(value - values[n]!)).toBeLessThanOrEqual(tolerance);
        });
      }
    }
  });

  it('at the full width is the original', async () => {
    const made = makeCase({ sizes: [4, 9, 8, 7, 3], dtypes: ['F16'], values: extremes });
    const file = await open(await fileOf(made));
    const skeleton = await file.skeleton('full');
    const original = await openOriginal(made);
    expect(flatten(skeleton)).toEqual(original);
    expect(flatten(await file.skeleton(1))).toEqual(original);
    expect(flatten(await file.skeleton({}))).toEqual(original);
  });

  it('is finite at every combination of widths, whatever the weights and coefficients', async () => {
    const made = makeCase({ sizes: [3, 4, 4, 4, 2], values: extremes });
    const file = await open(await fileOf(made));
    for (const widths of allWidths(made.blocks, 1)) {
      for (const tensor of (await file.skeleton(widths)).tensors) {
        expect(toFloat64(tensor).every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('takes a share of all neurons, at least the smallest width', async () => {
    const file = await open(await fileOf(makeCase({ sizes: [3, 10, 20, 2], smallest: 4 })));
    expect((await file.skeleton(0.5)).widths).toEqual({ fc0: 5, fc1: 10 });
    expect((await file.skeleton(0.01)).widths).toEqual({ fc0: 4, fc1: 4 });
    expect((await file.skeleton({ fc1: 7 })).widths).toEqual({ fc0: 10, fc1: 7 });
  });

  it.each([
    [0, 'share'],
    [1.5, 'share'],
    [Number.NaN, 'share'],
    [{ fc0: 3 }, 'from 4 to 10'],
    [{ fc0: 11 }, 'from 4 to 10'],
    [{ fc1: 4.5 }, 'from 4 to 20'],
    [{ fc9: 5 }, '"fc9"'],
  ])('refuses widths %j', async (request, words) => {
    const file = await open(await fileOf(makeCase({ sizes: [3, 10, 20, 2], smallest: 4 })));
    await expect(file.skeleton(request)).rejects.toMatchObject({
      code: 'WIDTH',
      message: expect.stringContaining(words),
    });
  });
});

async function openOriginal({ tensors }: Case): Promise<unknown> {
  const order = tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return order.map(({ name, dtype, shape, data }) => [name, dtype, shape, hex(data)]);
}

describe('a hierarchy in a file', () => {
  it.each([false, true])('comes back as it was written (gated: %s)', async (gated) => {
    const made = makeCase({ gated, smallest: 2, dtypes: ['F16', 'BF16', 'F32'] });
    const file = await open(await fileOf(made));
    for (const [index, { name }] of made.blocks.entries()) expect(await file.tree(name)).toEqual(made.trees[index]);
    await expect(file.tree('fc9')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('lies beside tensors that can be read one by one', async () => {
    const made = makeCase({ smallest: 2, dtypes: ['F16', 'BF16', 'F32'] });
    const file = await open(await fileOf(made));
    const names = made.tensors.map(({ name }) => name).reverse();
    const tensors = await file.readTensors(names);
    expect(tensors.map(({ name }) => name)).toEqual(names);
    expect(await openOriginal({ ...made, tensors })).toEqual(await openOriginal(made));
    await expect(file.readTensors(['no.such'])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('refitted output weights', () => {
  it('are used at their widths only, columns merged where the next layer reads them', async () => {
    const made = makeCase({ sizes: [3, 6, 8, 2], coefficients: mildCoefficients });
    const widths = { fc0: 3, fc1: 5 };
    // Marks by neuron and output, so that every number shows where it comes from; exact in F32, and so are their means.
    const marks = (rows: number, cols: number) =>
      Array.from({ length: rows * cols }, (_, n) => 1024 * Math.floor(n / cols) + (n % cols));
    const refit = (rows: number, cols: number) => fromFloat64(marks(rows, cols), 'F32', 'refit', [rows, cols]).data;
    const refits = [{ widths: [3, 5], outputs: [refit(3, 8), refit(5, 2)], errors: [0.25, null] }];
    const herm = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees, { refits });
    const file = await open(herm);
    expect(file.refits).toEqual([{ widths: [3, 5], errors: [0.25, null] }]);
    const skeleton = await file.skeleton(widths);
    const valuesOf = (name: string) => Array.from(toFloat64(skeleton.tensors.find((tensor) => tensor.name === name)!));
    expect(skeleton.refitted).toBe(true);
    // The last layer's weights are [p×k], the refit [k×p].
    expect(valuesOf('fc2.weight')).toEqual([0, 1].flatMap((p) => [0, 1, 2, 3, 4].map((k) => 1024 * k + p)));
    const whole = { ...made, tensors: [fromFloat64(transposeOf(marks(3, 8), 3, 8), 'F32', 'fc1.weight', [8, 3])] };
    const merged = new Map(whole.tensors.map((tensor) => [tensor.name, toFloat64(tensor)]));
    mergeAxis(merged, whole, 'fc1.weight', false, made.trees[1]!, 3, made.trees[1]!.alpha);
    expect(valuesOf('fc1.weight')).toEqual(Array.from(merged.get('fc1.weight')!));

    const plain = await file.skeleton(widths, { refit: false });
    const without = await (await open(await fileOf(made))).skeleton(widths);
    expect(flatten(plain)).toEqual(flatten(without));
    expect((await file.skeleton({ fc0: 3, fc1: 6 })).refitted).toBe(false);
  });
});

function transposeOf(matrix: readonly number[], rows: number, cols: number): number[] {
  return Array.from({ length: rows * cols }, (_, n) => matrix[(n % rows) * cols + Math.floor(n / rows)]!);
}
