import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { growModel } from '../../lib/herm/grow/grow.ts';
import { copyNeurons, type Growth, growthByNorms, shareNeurons } from '../../lib/herm/grow/split_neurons.ts';
import { growthByTree } from '../../lib/herm/grow/tree_growth.ts';
import { allocateTree } from '../../lib/herm/tree.ts';
import { blocksOption } from '../../lib/model/block_option.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { type DType, fromFloat64, type Tensor, toFloat64 } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { makeNetwork } from '../format/support/network.ts';
import { Random } from '../format/support/random.ts';
import { extremes, gaussian } from '../format/support/values.ts';
import { RUNS } from './oracle/arbitraries.ts';

const DTYPES: readonly DType[] = ['F64', 'F32', 'F16', 'BF16'];
const dtype = fc.constantFrom(...DTYPES);

/** Neuron by neuron, as rows. */
function neuronsOf(tensor: Tensor, axis: 0 | 1): number[][] {
  const values = toFloat64(tensor);
  const [rows, cols] = tensor.shape as [number, number];
  const at = (row: number, col: number) => values[row * cols + col]!;
  const [neurons, others] = axis === 0 ? [rows, cols] : [cols, rows];
  return Array.from({ length: neurons }, (_, neuron) =>
    Array.from({ length: others }, (_, other) => (axis === 0 ? at(neuron, other) : at(other, neuron))),
  );
}

/** What adding two doubles rounds off. */
function roundedOff(a: number, b: number): number {
  const sum = a + b;
  const back = sum - a;
  return a - (sum - back) + (b - back);
}

/** A matrix of up to 6×6 numbers of any size, and splits of its neurons, some of them of copies. */
const splitting = fc
  .record({
    dtype,
    axis: fc.constantFrom(0, 1) as fc.Arbitrary<0 | 1>,
    rows: fc.integer({ min: 1, max: 6 }),
    cols: fc.integer({ min: 1, max: 6 }),
    seed: fc.nat(),
    splits: fc.array(fc.tuple(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 9 }),
  })
  .map(({ dtype, axis, rows, cols, seed, splits }) => {
    const random = new Random(seed);
    const values = extremes(random, rows * cols, dtype).map((value) =>
      random.below(12) === 0 ? random.pick([Infinity, -Infinity, Number.NaN]) : value,
    );
    const neurons = axis === 0 ? rows : cols;
    const width = neurons + splits.length;
    // The neurons and their copies in any order.
    const keys = Array.from({ length: width }, () => random.word());
    const order = [...keys.keys()].sort((one, other) => keys[one]! - keys[other]!);
    const growth: Growth = {
      width,
      places: Uint32Array.from(order.slice(0, neurons)).sort(),
      splits: [],
      sharesOf: (other) => Float64Array.from(splits, ([, share]) => (other % 2 === 0 ? share : 1 - share)),
    };
    const free = order.filter((place) => !growth.places.includes(place));
    const there = [...growth.places];
    const made = splits.map(([which], at) => {
      const neuron = there[which % there.length]!;
      there.push(free[at]!);
      return { neuron, copy: free[at]! };
    });
    return { tensor: fromFloat64(values, dtype, 'v', [rows, cols]), axis, growth: { ...growth, splits: made } };
  });

describe('splitting neurons', () => {
  it('shares weights so that they add up exactly, in every format, also denormal, infinite and negative zero', () => {
    fc.assert(
      fc.property(splitting, ({ tensor, axis, growth }) => {
        const grown = neuronsOf(shareNeurons(tensor, axis, growth), axis);
        for (const { neuron, copy } of growth.splits.toReversed()) {
          const [kept, its] = [grown[neuron]!, grown[copy]!];
          kept.forEach((value, k) => {
            if (!Number.isFinite(value)) {
              expect(its[k]).toBe(-0);
              return;
            }
            expect(Math.abs(roundedOff(value, its[k]!))).toBe(0);
            expect(its[k]! * Math.sign(value)).toBeGreaterThanOrEqual(0);
          });
          grown[neuron] = kept.map((value, k) => value + its[k]!);
        }
        expect(Array.from(growth.places, (place) => grown[place])).toEqual(neuronsOf(tensor, axis));
      }),
      RUNS,
    );
  });

  it('copies weights bit for bit', () => {
    fc.assert(
      fc.property(splitting, ({ tensor, axis, growth }) => {
        const expected: number[][] = [];
        for (const [neuron, weights] of neuronsOf(tensor, axis).entries()) expected[growth.places[neuron]!] = weights;
        for (const { neuron, copy } of growth.splits) expected[copy] = expected[neuron]!;
        expect(neuronsOf(copyNeurons(tensor, axis, growth), axis)).toEqual(expected);
      }),
      RUNS,
    );
  });

  it('begins with the largest output weights, and goes round', () => {
    const { places, splits, sharesOf } = growthByNorms(Float64Array.of(1, 3, 2, 3), 10, () => 0.5);
    expect([...places]).toEqual([0, 1, 2, 3]);
    expect(splits.map(({ neuron }) => neuron)).toEqual([1, 3, 2, 0, 1, 3]);
    expect(splits.map(({ copy }) => copy)).toEqual([4, 5, 6, 7, 8, 9]);
    expect([...sharesOf(0)]).toEqual(Array(6).fill(0.75));
  });
});

describe('the growth along a tree', () => {
  /** Four neurons: 0 and 1 merge, 2 and 3 merge, then both parents, all with β = (1, ½). */
  const tree = { ...allocateTree(4, 3), pairs: Uint32Array.of(0, 1, 2, 3, 0, 2) };
  tree.beta.set([0x3c00, 0x3800, 0x3c00, 0x3800, 0x3c00, 0x3800]);
  const grow = (from: number, to: number, weights: readonly number[][]) =>
    growthByTree(
      tree,
      [from, to],
      { outputs: weights.length, to: (output) => Float64Array.from(weights[output]!) },
      () => 0.5,
    );

  it('gives every child the share of each output that the merge took from it', () => {
    const { width, places, splits, sharesOf } = grow(1, 4, [
      [3, 2, 1, 8],
      [-1, 6, 0, 2],
    ]);
    expect({ width, places: [...places], splits }).toEqual({
      ...{ width: 4, places: [0] },
      splits: [
        { neuron: 0, copy: 2 },
        { neuron: 2, copy: 3 },
        { neuron: 0, copy: 1 },
      ],
    });
    // Parents: 3 + 1 and 1 + 4, of which the second counts half; then −1 and 3, where the larger part takes all, and 0 and 1.
    expect([...sharesOf(0)]).toEqual([4 / 6.5, 1 / 5, 3 / 4]);
    expect([...sharesOf(1)]).toEqual([2 / 2.5, 0, 0]);
  });

  it('draws shares where the record says nothing that would keep children apart', () => {
    const drawn = 0.75;
    // 1 and ½·2 are equal; 3 has no outputs.
    expect([...grow(2, 4, [[1, 2, 5, 0]]).sharesOf(0)]).toEqual([drawn, drawn]);
    expect([...grow(2, 4, [[1, 2.1, 5, 4]]).sharesOf(0)]).toEqual([5 / 7, drawn]);
  });
});

const network = fc.record({
  seed: fc.nat(),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 5 }),
  dtypes: fc.array(dtype, { minLength: 1, maxLength: 3 }),
  biases: fc.boolean(),
  transposed: fc.boolean(),
  gated: fc.boolean(),
  more: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 3, maxLength: 3 }),
});

const BATCH = 5;

describe('growModel', () => {
  it('computes the same, up to the rounding of sums (theory.md, 7)', async () => {
    await fc.assert(
      fc.asyncProperty(network, async ({ seed, more, ...options }) => {
        const random = new Random(seed);
        const { tensors, blocks } = makeNetwork(random, { ...options, values: gaussian });
        const widths = Object.fromEntries(blocks.map(({ name, neurons }, at) => [name, neurons + more[at % 3]!]));
        const grown = await growModel({ tensors }, { widths, seed, blocks: blocksOption(blocks) });
        expect(Object.fromEntries(grown.blocks.map(({ name, width }) => [name, width]))).toEqual(widths);
        const x = Float64Array.from({ length: BATCH * options.sizes[0]! }, () => random.gauss());
        const run = (of: readonly Tensor[], as = blocks, on = x) => forward(mlpLayers(as, lookupIn(of)), on, BATCH);
        const [before, after] = [await run(tensors), await run(grown.tensors)];
        // All numbers without their signs, no activations.
        const linear = blocks.map((block) => ({ ...block, activation: { name: 'identity' as const, slope: 1 } }));
        const size = await run(
          tensors.map((tensor) => fromFloat64(toFloat64(tensor).map(Math.abs), 'F64', tensor.name, tensor.shape)),
          linear,
          x.map(Math.abs),
        );
        const terms = Math.max(options.sizes[0]!, ...Object.values(widths)) + 2;
        const unit = (terms * 2 ** -53) / (1 - terms * 2 ** -53);
        const rounding = 2 * ((1 + unit) ** (options.sizes.length + 1) - 1) * (1 + 1e-9);
        before.forEach((value, k) => {
          expect(Math.abs(after[k]! - value)).toBeLessThanOrEqual(rounding * size[k]!);
        });
      }),
      { ...RUNS, numRuns: 60 },
    );
  });

  const two = () =>
    makeNetwork(new Random(7), {
      ...{ sizes: [4, 6, 3], dtypes: ['BF16'], biases: true, transposed: false, gated: true, values: gaussian },
    });
  const bytesOf = (tensors: readonly Tensor[], name: string) => {
    const { shape, data } = tensors.find((tensor) => tensor.name === name)!;
    return { shape: [...shape], data: Buffer.from(data).toString('hex') };
  };

  it('gives the same for the same seed, and shares otherwise for another', async () => {
    const { tensors } = two();
    const grow = async (seed?: number) =>
      (await growModel({ tensors }, { widths: 2, seed, blocks: 'gate0&fc0>fc1' })).tensors;
    const [first, again, other] = [await grow(), await grow(0), await grow(1)];
    expect(again).toEqual(first);
    for (const name of ['fc0.weight', 'fc0.bias', 'gate0.weight', 'gate0.bias', 'fc1.bias']) {
      expect(bytesOf(other, name)).toEqual(bytesOf(first, name));
    }
    expect(bytesOf(other, 'fc1.weight')).not.toEqual(bytesOf(first, 'fc1.weight'));
  });

  it('grows both halves of a fused gate, and keeps the metadata', async () => {
    const { tensors } = two();
    const find = (name: string) => tensors.find((tensor) => tensor.name === name)!;
    const [gate, value] = [find('gate0.weight'), find('fc0.weight')];
    const data = Buffer.concat([gate.data, value.data]);
    const fused = [{ name: 'gu.weight', dtype: 'BF16', shape: [12, 4], data }, find('fc1.weight')];
    const metadata = new Map([['format', 'pt']]);
    const blocks = 'gu[1/2]&gu[2/2]>fc1';
    const model = await growModel(
      { tensors: fused, metadata },
      {
        widths: { gu: 9 },
        blocks: [{ name: 'gu', gate: 'gu.weight[1/2]', input: 'gu.weight[2/2]', output: 'fc1.weight' }],
      },
    );
    const apart = await growModel({ tensors }, { widths: { fc0: 9 }, blocks: 'gate0&fc0>fc1' });
    const [one, other] = ['gate0.weight', 'fc0.weight'].map((name) => bytesOf(apart.tensors, name).data);
    expect(bytesOf(model.tensors, 'gu.weight')).toEqual({ shape: [18, 4], data: one! + other! });
    expect(bytesOf(model.tensors, 'fc1.weight')).toEqual(bytesOf(apart.tensors, 'fc1.weight'));
    expect(model.metadata).toEqual(metadata);
    const text = await growModel({ tensors: fused }, { widths: 1.5, blocks });
    expect(text.tensors).toEqual(model.tensors);
  });

  it('refuses what cannot grow', async () => {
    const { tensors } = makeNetwork(new Random(1), {
      ...{ sizes: [4, 6, 3], dtypes: ['F32'], biases: false, transposed: false, values: gaussian },
    });
    const refused = (code: string, options: Parameters<typeof growModel>[1], of: readonly Tensor[] = tensors) =>
      expect(growModel({ tensors: of }, options)).rejects.toMatchObject({ name: 'HermError', code });
    for (const widths of [0.5, Number.NaN, 1e12, { fc0: 5 }, { fc0: 6.5 }, { fc9: 7 }, { toString: 7 }]) {
      await refused('WIDTH', { widths });
    }
    for (const seed of [-1, 0.5, 2 ** 32]) await refused('BAD_ARGUMENT', { widths: 2, seed });
    await refused('NO_BLOCKS', { widths: 2 }, tensors.slice(0, 1));
    const [input, output] = tensors as [Tensor, Tensor];
    const halves = [{ ...input, name: 'in.weight' }, output, { ...output, name: 'other.weight' }].map((tensor) =>
      tensor.name === 'in.weight' ? tensor : fromFloat64(Array(9).fill(1), 'F32', tensor.name, [3, 3]),
    );
    const blocks = [
      { name: 'one', input: 'in.weight[1/2]', output: 'fc1.weight' },
      { name: 'two', input: 'in.weight[2/2]', output: 'other.weight' },
    ];
    await refused('WIDTH', { widths: { one: 4 }, blocks }, halves);
    expect((await growModel({ tensors: halves }, { widths: 2, blocks })).tensors[1]!.shape).toEqual([12, 4]);
    await expect(growModel({ tensors }, { widths: 2, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});
