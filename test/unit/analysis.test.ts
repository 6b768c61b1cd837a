import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gateSpectrum, gid, gidGroup, gidPair, pairGates } from '../../lib/analysis/gid.ts';
import { scaGroup, scaLayer, scaPair, scaPairs } from '../../lib/analysis/sca.ts';
import { symmetriesOf } from '../../lib/analysis/symmetry.ts';
import { matrix, RUNS } from './oracle/arbitraries.ts';
import { blockOf } from './oracle/block.ts';
import { expectClose } from './oracle/expect.ts';
import { scale } from './oracle/matrix.ts';

/** Irregular weights without chance: the same at every run. */
const waves = (rows: number, cols: number, phase: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: cols }, (_, j) => Math.sin(12.9898 * (i + 1) + 78.233 * (j + 1) * (i + phase))),
  );

const allPairs = (m: number): Uint32Array =>
  Uint32Array.from(
    Array.from({ length: m }, (_, i) => Array.from({ length: m - i - 1 }, (_, j) => [i, i + j + 1])).flat(2),
  );

const input = waves(40, 9, 1);
const output = waves(40, 6, 2);
const bias = waves(1, 40, 3)[0]!;
const { block, weights } = blockOf('relu', input, output, bias);
// Every pair: Gram matrices. Few of them: dot products.
const pairLists = [
  ['all pairs', allPairs(40)],
  ['few pairs', Uint32Array.from([0, 39, 5, 4, 7, 7, 12, 30])],
] as const;

describe('many pairs at once', () => {
  test.each(pairLists)('%s have the shares and angles of their own SCA', async (_, pairs) => {
    const { shares, angles } = await scaPairs(block, weights, pairs);
    for (let k = 0; k < pairs.length; k += 2) {
      const neuron = (i: number) => ({ input: input[i]!, bias: bias[i]!, output: output[i]! });
      const expected = await scaPair(neuron(pairs[k]!), neuron(pairs[k + 1]!));
      for (const l of [0, 1]) {
        if (l < expected.rank) {
          expect(shares[k + l]).toBeCloseTo(expected.shares[l]!, 12);
          expect(angles[k + l]).toBeCloseTo(expected.angles[l]!, 11);
        } else {
          expect([shares[k + l], angles[k + l]]).toEqual([Number.NaN, Number.NaN]);
        }
      }
    }
  });

  test.each(pairLists)('%s have the gates of their own GID', async (_, pairs) => {
    const gates = await pairGates(block, weights, pairs);
    for (let k = 0; k < pairs.length; k += 2) {
      const expected = await gidPair(block, weights, pairs[k]!, pairs[k + 1]!);
      for (const l of [0, 1]) expect(gates[k + l]).toBeCloseTo(expected.gates[l]!, 11);
    }
  });

  test('no pairs are no work', async () => {
    expect((await scaPairs(block, weights, new Uint32Array())).shares).toHaveLength(0);
    expect(await pairGates(block, weights, new Uint32Array())).toHaveLength(0);
  });

  test('indices are checked', async () => {
    const beyond = Uint32Array.from([0, 40]);
    const message = /pairs\[1\] is 40, but block fc has neurons 0 to 39/;
    await expect(scaPairs(block, weights, beyond)).rejects.toThrow(message);
    await expect(pairGates(block, weights, beyond)).rejects.toThrow(message);
    await expect(pairGates(block, weights, beyond.subarray(1))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(gidPair(block, weights, -1, 2)).rejects.toThrow('neurons[0] is -1');
    await expect(gidGroup(block, weights, [0, 1.5])).rejects.toThrow('neurons[1] is 1.5');
  });
});

describe('a layer', () => {
  const few = blockOf('relu', input.slice(0, 7), output.slice(0, 7), bias.slice(0, 7));

  test('its SCA is that of the group of all its neurons', async () => {
    const layer = await scaLayer(few.block, few.weights);
    const neurons = input.slice(0, 7).map((w, i) => ({ input: w, bias: bias[i]!, output: output[i]! }));
    expect(layer).toEqual(await scaGroup(neurons));
    expect(layer).toMatchObject({ rank: 7, neurons: 7, inputs: 10, width: 16 });
  });

  test('of more neurons than dimensions spans everything: n + 1 shares of 1, p of 0', async () => {
    const { shares, rank } = await scaLayer(block, weights);
    expect(rank).toBe(16);
    expectClose([Array.from(shares)], [[...new Array(10).fill(1), ...new Array(6).fill(0)]]);
  });

  test('its gate spectrum is that of the group of all its neurons', async () => {
    const { gates, norm } = await gateSpectrum(few.block, few.weights);
    const group = await gidGroup(few.block, few.weights, [0, 1, 2, 3, 4, 5, 6]);
    expectClose([Array.from(gates)], [Array.from(group.gates)], 1e-12 * norm);
    expect(group.kernel).toHaveLength(49);
    expect(group).toMatchObject({ neurons: 7, rank: 6 });
  });

  test('a layer that computes nothing has no gates and no error', async () => {
    const silent = blockOf(
      'relu',
      input,
      output.map((row) => scale(row, 0)),
      bias,
    );
    const { gates, norm, bounds } = await gateSpectrum(silent.block, silent.weights);
    expect([norm, ...gates, ...bounds].every((value) => value === 0)).toBe(true);
  });
});

describe('groups', () => {
  test('of no neurons, of one, of zero neurons', async () => {
    expect(await scaGroup([])).toMatchObject({ rank: 0, neurons: 0 });
    const one = await scaGroup([{ input: [3], output: [4] }]);
    expect(one.rank).toBe(1);
    expect(one.coordinates[0]).toBeCloseTo(5, 14);
    expect(await scaPair({ input: [0], output: [0] }, { input: [0], output: [0] })).toMatchObject({
      rank: 0,
      width: 3,
    });
    expect(await gid(new Float64Array(), new Float64Array())).toMatchObject({ rank: 0, neurons: 0 });
    expect(await gid(Float64Array.of(4), Float64Array.of(9))).toMatchObject({ rank: 1, gates: Float64Array.of(6) });
  });

  test('typed arrays are neurons too, and a missing bias is 0', async () => {
    const a = { input: Float32Array.of(1, 2), output: Float64Array.of(3) };
    const b = { input: Float32Array.of(0, 1), output: Float64Array.of(-1) };
    expect(await scaPair(a, b)).toEqual(await scaPair({ ...a, bias: 0 }, { input: [0, 1], bias: 0, output: [-1] }));
  });

  test('sizes are checked, by name', async () => {
    const a = { input: [1, 2], output: [3] };
    await expect(scaPair(a, { input: [1], output: [3] })).rejects.toThrow(/neurons\[1\]\.input has 1 numbers/);
    await expect(scaGroup([a, a, { input: [1, 2], output: [] }])).rejects.toThrow(/neurons\[2\]\.output has 0 numbers/);
    await expect(gid(new Float64Array(4), new Float64Array(9))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(gid(new Float64Array(3), new Float64Array(3))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  test('weights that are not finite are refused', async () => {
    const broken = blockOf(
      'relu',
      [[Number.NaN, 1], ...input.slice(1, 3).map((w) => w.slice(0, 2))],
      output.slice(0, 3),
    );
    for (const call of [
      scaPair({ input: [1], output: [Number.POSITIVE_INFINITY] }, { input: [1], output: [1] }),
      scaLayer(broken.block, broken.weights),
      gidPair(broken.block, broken.weights, 0, 1),
      gateSpectrum(broken.block, broken.weights),
      symmetriesOf(broken.block, broken.weights),
      gid(Float64Array.of(1, Number.NaN, Number.NaN, 1), new Float64Array(4)),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'NON_FINITE' });
    }
    const why = `Block "${broken.block.name}": row 0, column 0 of the input weights is not a finite number.`;
    await expect(gateSpectrum(broken.block, broken.weights)).rejects.toThrow(why);
  });

  test('an aborted signal stops them', async () => {
    await expect(scaLayer(block, weights, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('the number of threads changes nothing', async () => {
    for (const call of [scaLayer, gateSpectrum, symmetriesOf]) {
      expect(await call(block, weights, { threads: 1 })).toEqual(await call(block, weights, { threads: 3 }));
    }
  });
});

describe('symmetries', () => {
  /** Neuron 5 is twice neuron 1, 6 is its opposite, 7 is dead, 8 constant. */
  const special = (activation: 'relu' | 'tanh' | 'gelu') => {
    const [w, v, b] = [input.slice(0, 9), output.slice(0, 9), bias.slice(0, 9)];
    w[5] = scale(w[1]!, 2);
    w[6] = scale(w[1]!, -1);
    [b[5], b[6]] = [2 * b[1]!, -b[1]!];
    v[7] = scale(v[7]!, 0);
    w[8] = scale(w[8]!, 0);
    return blockOf(activation, w, v, b);
  };

  test.each([
    ['relu', [5]],
    ['tanh', [6]],
    ['gelu', []],
  ] as const)('%s', async (activation, duplicates) => {
    const model = special(activation);
    const found = await symmetriesOf(model.block, model.weights);
    expect(found).toMatchObject({ dead: [7], constant: [8], duplicates });
    for (const neuron of duplicates) expect(found.groups[neuron]).toBe(1);
  });

  test('copies of ReLU neurons have one gate, whatever their scale', () =>
    fc.assert(
      fc.asyncProperty(
        matrix(1, 4),
        matrix(2, 3),
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        async ([w], v, by) => {
          if (w!.every((x) => x === 0) || v.some((row) => row.every((x) => x === 0))) return;
          const model = blockOf('relu', [w!, scale(w!, by)], v);
          expect((await symmetriesOf(model.block, model.weights)).duplicates).toEqual([1]);
          const { gates, kernel, outputGram } = await gidPair(model.block, model.weights, 0, 1);
          const size = Math.sqrt(kernel[0]! * outputGram[0]!) + Math.sqrt(kernel[3]! * outputGram[3]!);
          expect(gates[1]).toBeLessThanOrEqual(1e-7 * size);
        },
      ),
      RUNS,
    ));
});

describe('what memory cannot hold is refused before anything is allocated', () => {
  const m = 1e12;
  const huge = { ...block, neurons: m };
  const refused = (need: number) => ({
    name: 'HermError',
    code: 'OUT_OF_MEMORY',
    message: expect.stringContaining(`neurons of block ${block.name} needs`),
    details: { need, free: expect.any(Number) },
  });

  test('the gates of a layer: 56·m² bytes and its weights', async () => {
    await expect(gateSpectrum(huge, weights)).rejects.toMatchObject(refused(56 * m ** 2 + 8 * m * (9 + 6)));
  });

  test('the SCA of a layer: its weights twice, and its components twice', async () => {
    const d = 9 + 1 + 6;
    await expect(scaLayer(huge, weights)).rejects.toMatchObject(refused(8 * (2 * m * d + 2 * d * (m + d))));
  });

  test('the GID of a group: 128·g² bytes and its weights', async () => {
    const g = 1e6;
    const group = new Uint32Array(g).fill(3);
    await expect(gidGroup(block, weights, group)).rejects.toMatchObject(refused(128 * g ** 2 + 8 * g * (9 + 6)));
  });
});
