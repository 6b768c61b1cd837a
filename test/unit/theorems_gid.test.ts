/** The numbered theorems of docs/theory.md, section 3, through the addon. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Gid, gateSpectrum, gid, gidGroup, gidPair } from '../../lib/analysis/gid.ts';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { type Group, group, independentGroup, invertible, matrix, RUNS } from './oracle/arbitraries.ts';
import { blockOf } from './oracle/block.ts';
import { expectClose } from './oracle/expect.ts';
import {
  diagonal,
  dot,
  flat,
  frobenius,
  gram,
  inverse,
  type Matrix,
  multiply,
  norm,
  outer,
  rowsOf,
  scale,
  subtract,
  svd,
  transpose,
} from './oracle/matrix.ts';

/**
 * Neurons whose functions are plain vectors: φ_k = input[k] in R^n, so T = Σ v_k⊗φ_k is the matrix outputᵀ·input [p×n]. Any
 * Gram matrix Φ comes about so.
 */
const total = ({ input, output }: Group): number[][] => multiply(transpose(output), input);

const gidOf = ({ input, output }: Group): Promise<Gid> => gid(flat(gram(input)), flat(gram(output)));

interface Generators {
  /** M [r×g] */
  readonly mixing: number[][];
  /** M⁻ᵀ [r×g] */
  readonly dual: number[][];
  /** ψ [r×n] */
  readonly psi: number[][];
  /** a [r×p] */
  readonly a: number[][];
  readonly gates: number[];
}

function generatorsOf(result: Gid, { input, output }: Group): Generators {
  const mixing = rowsOf(result.inputMixing, result.neurons);
  const dual = rowsOf(result.outputMixing, result.neurons);
  const gates = Array.from(result.gates.subarray(0, result.rank));
  return { mixing, dual, psi: multiply(mixing, input), a: multiply(dual, output), gates };
}

const term = ({ a, psi }: Generators, l: number): number[][] => outer(a[l]!, psi[l]!);

const squared = (x: number): number => x * x;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(arbitrary, property), RUNS);

/** Pairs most of all, degenerate ones among them. */
const groups = fc.oneof({ arbitrary: group(2, 2), weight: 2 }, { arbitrary: group(1, 6), weight: 1 });
const independent = fc.oneof(
  { arbitrary: independentGroup(2, 2), weight: 2 },
  { arbitrary: independentGroup(1, 4), weight: 1 },
);

const distinct = (gates: readonly number[]): boolean => gates.every((gate, l) => (gates[l + 1] ?? 0) < 0.98 * gate);

describe('GID, theorem 1: both sides are diagonalised at once and balanced', () => {
  test('M Φ Mᵀ = diag σ = M⁻ᵀ H M⁻¹ at full rank', () =>
    check(independent, async (neurons) => {
      const result = await gidOf(neurons);
      const { mixing, dual, gates } = generatorsOf(result, neurons);
      expect(result.rank).toBe(neurons.input.length);
      expectClose(multiply(multiply(mixing, gram(neurons.input)), transpose(mixing)), diagonal(gates), 1e-10);
      const back = inverse(mixing);
      expectClose(transpose(back), dual, 1e-10);
      expectClose(multiply(multiply(transpose(back), gram(neurons.output)), back), diagonal(gates), 1e-10);
    }));

  test('unique up to signs where the gates differ: the terms are the singular triplets of T', () =>
    check(groups, async (neurons) => {
      const generators = generatorsOf(await gidOf(neurons), neurons);
      if (!distinct(generators.gates)) return;
      const { values, left, right } = svd(total(neurons));
      expectClose([generators.gates], [values], 1e-10);
      values.forEach((sigma, l) => {
        expectClose(term(generators, l), outer(scale(left[l]!, sigma), right[l]!), 1e-8);
        expect(norm(generators.psi[l]!)).toBeCloseTo(norm(generators.a[l]!), 10);
      });
    }));
});

describe('GID, theorem 2: generative', () => {
  test('inputs mix by M⁻¹ and outputs by its transposed inverse', () =>
    check(independent, async (neurons) => {
      const { mixing, dual, psi, a } = generatorsOf(await gidOf(neurons), neurons);
      expectClose(multiply(inverse(mixing), psi), neurons.input, 1e-10);
      expectClose(multiply(transpose(dual), psi), neurons.input, 1e-10);
      expectClose(multiply(transpose(mixing), a), neurons.output, 1e-10);
    }));
});

describe('GID, theorem 3: the sum is kept, in orthogonal terms of size σ', () => {
  test('for any neurons, degenerate ones too', () =>
    check(groups, async (neurons) => {
      const result = await gidOf(neurons);
      const generators = generatorsOf(result, neurons);
      const { gates, psi, a } = generators;
      const whole = total(neurons);
      expect(result.rank).toBe(svd(whole).values.length);
      expectClose(gram(psi), diagonal(gates), 1e-10);
      expectClose(gram(a), diagonal(gates), 1e-10);
      const terms = gates.map((_, l) => term(generators, l));
      const rest = terms.reduce((left, matrix) => subtract(left, matrix), whole);
      expect(frobenius(rest)).toBeLessThan(1e-10);
      terms.forEach((matrix, l) => {
        expect(frobenius(matrix)).toBeCloseTo(gates[l]!, 10);
        for (const other of terms.slice(l + 1)) expect(Math.abs(dot(matrix.flat(), other.flat()))).toBeLessThan(1e-10);
      });
    }));

  test('the shares of the neurons in a term sum to 1', () =>
    check(groups, async (neurons) => {
      const { mixing, dual } = generatorsOf(await gidOf(neurons), neurons);
      mixing.forEach((row, l) => {
        expect(dot(row, dual[l]!)).toBeCloseTo(1, 10);
      });
    }));
});

describe('GID, theorem 4: generator 1 is the best rank-one approximation', () => {
  test('with squared error σ_2² + σ_3² + …, which no other term undercuts', () =>
    check(fc.tuple(groups, matrix(2, 6), matrix(2, 6)), async ([neurons, lefts, rights]) => {
      const whole = total(neurons);
      const generators = generatorsOf(await gidOf(neurons), neurons);
      if (generators.gates.length === 0) return;
      const error = squared(frobenius(subtract(whole, term(generators, 0))));
      const tail = sum(generators.gates.slice(1).map(squared));
      expect(error).toBeCloseTo(tail, 9);
      const [p, n] = [whole.length, whole[0]!.length];
      const [a, psi] = [generators.a[0]!, generators.psi[0]!];
      // Terms far away, and terms beside the best one.
      const rivals = [
        outer(lefts[0]!.slice(0, p), rights[0]!.slice(0, n)),
        ...[0.3, 0.01, 0.001].map((step) =>
          outer(
            a.map((x, at) => x + step * lefts[1]![at]!),
            psi.map((x, at) => x + step * rights[1]![at]!),
          ),
        ),
      ];
      for (const rival of rivals)
        expect(squared(frobenius(subtract(whole, rival)))).toBeGreaterThanOrEqual(tail - 1e-9);
    }));
});

describe('GID, theorem 5: the gates do not change with the parametrisation', () => {
  test('(φ, V) → (Aφ, V A⁻¹) for every invertible A', () =>
    check(
      group(1, 5).chain((neurons) => fc.tuple(fc.constant(neurons), invertible(neurons.input.length))),
      async ([neurons, mixing]) => {
        const { gates } = await gidOf(neurons);
        const other = await gidOf({
          input: multiply(mixing, neurons.input),
          output: multiply(transpose(inverse(mixing)), neurons.output),
        });
        expectClose([Array.from(other.gates)], [Array.from(gates)], 1e-8);
      },
    ));

  test("ReLU's rescaling (αw, αb, v/α) of neurons of a block", () =>
    check(
      fc.tuple(matrix(2, 4), matrix(2, 3), matrix(1, 2), fc.constantFrom(0.01, 0.5, 3, 1000)),
      async ([input, output, [bias], factor]) => {
        const [w, v] = [input, output];
        const before = blockOf('relu', w, v, bias);
        const after = blockOf(
          'relu',
          [scale(w[0]!, factor), w[1]!],
          [scale(v[0]!, 1 / factor), v[1]!],
          [bias![0]! * factor, bias![1]!],
        );
        const [a, b] = [
          await gidPair(before.block, before.weights, 0, 1),
          await gidPair(after.block, after.weights, 0, 1),
        ];
        expect(b.rank).toBe(a.rank);
        for (const l of [0, 1])
          expect(Math.abs(b.gates[l]! - a.gates[l]!)).toBeLessThanOrEqual(1e-9 * (1 + a.gates[0]!));
      },
    ));
});

describe('GID, theorem 6: with φ the identity it is the classical linear case', () => {
  /** With x ~ N(0, I) and biases, φ_k is the vector (w_k, b_k). */
  const withBias = (input: Matrix, bias: readonly number[]): number[][] => input.map((w, i) => [...w, bias[i]!]);

  test('gates are the singular values of V W, and generator 1 its best rank-one part', () =>
    check(fc.tuple(group(1, 6), matrix(1, 6)), async ([neurons, [bias]]) => {
      const { block, weights } = blockOf(
        'identity',
        neurons.input,
        neurons.output,
        bias!.slice(0, neurons.input.length),
      );
      const linear = { input: withBias(neurons.input, bias!), output: neurons.output };
      const { values, left, right } = svd(total(linear));
      const everyone = neurons.input.map((_, i) => i);
      const result = await gidGroup(block, weights, everyone);
      const generators = generatorsOf(result, linear);
      expectClose([generators.gates], [values], 1e-7);
      if (values.length > 0 && (values[1] ?? 0) < 0.98 * values[0]!) {
        expectClose(term(generators, 0), outer(scale(left[0]!, values[0]!), right[0]!), 1e-6);
      }
      const { gates } = await gateSpectrum(block, weights);
      values.forEach((sigma, l) => {
        expect(gates[l]).toBeCloseTo(sigma, 6);
      });
    }));
});

describe("a layer's gate spectrum", () => {
  test('bounds the error of every skeleton from below, and its norm is that of the function', () =>
    check(
      fc.tuple(
        matrix(6, 4),
        matrix(6, 3),
        matrix(1, 6),
        fc.constantFrom('relu', 'gelu', 'tanh', 'leaky_relu'),
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
      ),
      async ([input, output, [bias], activation, kept]) => {
        const { block, weights } = blockOf(activation, input, output, bias);
        const { gates, norm: size, bounds } = await gateSpectrum(block, weights);
        const { kernel, interaction } = await interactionOf(block, weights);
        const energy = sum(Array.from(interaction));
        expect(squared(size)).toBeCloseTo(Math.max(0, energy), 8);
        expect(sum(Array.from(gates, squared))).toBeCloseTo(Math.max(0, energy), 8);
        expect(bounds.length).toBe(7);
        expect(bounds[6]).toBe(0);
        if (size < 1e-6) return;
        // The kept neurons with their own outputs: ‖f − f_k‖² is the interaction of the others.
        const gone = [0, 1, 2, 3, 4, 5].filter((i) => !kept.includes(i));
        const phi = rowsOf(kernel, 6);
        const error = sum(gone.flatMap((i) => gone.map((j) => phi[i]![j]! * dot(output[i]!, output[j]!))));
        expect(Math.sqrt(Math.max(0, error)) / size).toBeGreaterThanOrEqual(bounds[kept.length]! - 1e-6);
      },
    ));
});
