/** The numbered theorems of docs/theory.md, section 2, through the addon. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Neuron, type Sca, scaGroup, scaPair } from '../../lib/analysis/sca.ts';
import { type Group, group, invertible, matrix, RUNS, rotation } from './oracle/arbitraries.ts';
import { expectClose } from './oracle/expect.ts';
import {
  diagonal,
  dot,
  gram,
  identity,
  type Matrix,
  multiply,
  norm,
  orthonormalRows,
  rowsOf,
  scale,
  svd,
  transpose,
} from './oracle/matrix.ts';

const TOLERANCE = 1e-12;

const jointRows = ({ input, output }: Group): number[][] => input.map((w, i) => [...w, ...output[i]!]);

/** The input rows' last entry is the bias. */
const neuronsOf = ({ input, output }: Group): Neuron[] =>
  input.map((w, i) => ({ input: w.slice(0, -1), bias: w.at(-1)!, output: output[i]! }));

const scaOf = (neurons: Group): Promise<Sca> => {
  const [a, b, ...others] = neuronsOf(neurons);
  return a && b && others.length === 0 ? scaPair(a, b) : scaGroup(neuronsOf(neurons));
};

const componentsOf = (sca: Sca): number[][] => rowsOf(sca.basis, sca.width);
const inputParts = (sca: Sca, rows: Matrix): number[][] => rows.map((row) => row.slice(0, sca.inputs));
const outputParts = (sca: Sca, rows: Matrix): number[][] => rows.map((row) => row.slice(sca.inputs));

/** Groups with the SCA of each, pairs most of all. */
const groups = fc.oneof({ arbitrary: group(2, 2), weight: 2 }, { arbitrary: group(1, 6), weight: 1 });

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(arbitrary, property), RUNS);

describe('SCA, theorem 1: orthonormal as a whole, orthogonal in the input space, orthogonal in the output space', () => {
  test('for the span of any neurons', () =>
    check(groups, async (neurons) => {
      const sca = await scaOf(neurons);
      const components = componentsOf(sca);
      expect(sca.rank).toBe(orthonormalRows(jointRows(neurons)).length);
      expectClose(gram(components), identity(sca.rank));
      expectClose(gram(inputParts(sca, components)), diagonal(sca.shares));
      expectClose(gram(outputParts(sca, components)), diagonal(sca.shares.map((share) => 1 - share)));
      expectClose(multiply(rowsOf(sca.coordinates, sca.rank), components), sca.rank > 0 ? jointRows(neurons) : []);
    }));
});

/** A turn of the span's own axes, by index of the rank. */
const turns = fc.tuple(...[1, 2, 3, 4, 5, 6].map((n) => rotation(n)));

describe('SCA, theorem 2: no orthonormal basis of the span is more disentangled', () => {
  test('its input shares majorise those of every other basis', () =>
    check(fc.tuple(groups, turns), async ([neurons, rotations]) => {
      const sca = await scaOf(neurons);
      if (sca.rank === 0) return;
      const other = multiply(rotations[sca.rank - 1]!, orthonormalRows(jointRows(neurons)));
      const shares = inputParts(sca, other)
        .map((part) => dot(part, part))
        .sort((a, b) => b - a);
      let [sum, otherSum] = [0, 0];
      for (let k = 0; k < sca.rank; k++) {
        sum += sca.shares[k]!;
        otherSum += shares[k]!;
        expect(otherSum).toBeLessThanOrEqual(sum + TOLERANCE);
      }
      expect(otherSum).toBeCloseTo(sum, 11);
      const spread = (values: ArrayLike<number>) => Array.from(values).reduce((total, x) => total + (x - 0.5) ** 2, 0);
      expect(spread(shares)).toBeLessThanOrEqual(spread(sca.shares) + TOLERANCE);
    }));

  test('every unit vector of the span has an input share between the last and the first', () =>
    check(fc.tuple(groups, matrix(1, 6)), async ([neurons, [mixture]]) => {
      const sca = await scaOf(neurons);
      const [vector] = multiply([mixture!.slice(0, neurons.input.length)], jointRows(neurons));
      if (norm(vector!) < 1e-9) return;
      const unit = scale(vector!, 1 / norm(vector!)).slice(0, sca.inputs);
      expect(dot(unit, unit)).toBeLessThanOrEqual(sca.shares[0]! + TOLERANCE);
      expect(dot(unit, unit)).toBeGreaterThanOrEqual(sca.shares[sca.rank - 1]! - TOLERANCE);
    }));
});

describe('SCA, theorem 3: the principal angles', () => {
  test('are those between the span and the input space', () =>
    check(groups, async (neurons) => {
      const sca = await scaOf(neurons);
      const basis = orthonormalRows(jointRows(neurons));
      const cosines = svd(inputParts(sca, basis)).values;
      const sines = svd(outputParts(sca, basis)).values.reverse();
      for (let k = 0; k < sca.rank; k++) {
        const [angle, cosine] = [sca.angles[k]!, cosines[k] ?? 0];
        // Sines tell small angles, cosines large ones.
        const sine = sines[k - (sca.rank - sines.length)] ?? 0;
        expect(angle).toBeCloseTo(cosine > 0.7 ? Math.asin(Math.min(1, sine)) : Math.acos(cosine), 11);
        expect(sca.shares[k]).toBeCloseTo(cosine ** 2, 11);
      }
    }));

  test('do not change with the basis of the span, nor when input or output space is rotated', () =>
    check(
      group(1, 5).chain((neurons) =>
        fc.tuple(
          fc.constant(neurons),
          invertible(neurons.input.length),
          rotation(neurons.input[0]!.length),
          rotation(neurons.output[0]!.length),
        ),
      ),
      async ([neurons, mixing, turnInput, turnOutput]) => {
        const sca = await scaOf(neurons);
        const turned = await scaOf({
          input: multiply(mixing, multiply(neurons.input, turnInput)),
          output: multiply(mixing, multiply(neurons.output, turnOutput)),
        });
        expect(turned.rank).toBe(sca.rank);
        expectClose([Array.from(turned.angles)], [Array.from(sca.angles)], 1e-11);
      },
    ));
});

/** The smallest difference of neighbouring shares. */
const gapOf = ({ shares }: Sca): number =>
  Math.min(...Array.from(shares.subarray(1), (share, k) => shares[k]! - share));

describe('SCA, theorem 4: unique up to signs where the shares differ', () => {
  test('another basis of the span has the same components', () =>
    check(
      group(2, 5).chain((neurons) => fc.tuple(fc.constant(neurons), invertible(neurons.input.length))),
      async ([neurons, mixing]) => {
        const sca = await scaOf(neurons);
        if (sca.rank < 2 || gapOf(sca) < 1e-2) return;
        const other = await scaOf({ input: multiply(mixing, neurons.input), output: multiply(mixing, neurons.output) });
        const overlaps = multiply(componentsOf(sca), transpose(componentsOf(other)));
        expectClose(
          overlaps.map((row) => row.map(Math.abs)),
          identity(sca.rank),
          1e-10,
        );
      },
    ));

  test('every turn of two components makes their input parts overlap', () =>
    check(fc.tuple(group(2, 5), fc.double({ min: 0.01, max: 1.56, noNaN: true })), async ([neurons, angle]) => {
      const sca = await scaOf(neurons);
      if (sca.rank < 2 || gapOf(sca) < 1e-2) return;
      const [a, b] = inputParts(sca, componentsOf(sca));
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const overlap = dot(
        a!.map((x, at) => c * x + s * b![at]!),
        a!.map((x, at) => c * b![at]! - s * x),
      );
      expect(Math.abs(overlap)).toBeGreaterThan(1e-2 * Math.sin(angle) * Math.cos(angle) - TOLERANCE);
    }));
});
