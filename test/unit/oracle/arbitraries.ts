import fc from 'fast-check';
import { type Matrix, orthonormalRows, svd } from './matrix.ts';

/** Runs of every property, the same ones each time. */
export const RUNS = { seed: 20240229, numRuns: 150 } as const;

/**
 * Quarters from −2 to 2: neurons of such weights either depend on each other exactly or are far from it, so that a rank is
 * never a matter of rounding.
 */
const weight = fc.integer({ min: -8, max: 8 }).map((quarters) => quarters / 4);

export const matrix = (rows: number, cols: number): fc.Arbitrary<number[][]> =>
  fc.array(fc.array(weight, { minLength: cols, maxLength: cols }), { minLength: rows, maxLength: rows });

/** An orthogonal matrix [n×n]. */
export const rotation = (n: number): fc.Arbitrary<number[][]> =>
  matrix(n, n)
    .map(orthonormalRows)
    .filter((rows) => rows.length === n);

/** A well-conditioned invertible matrix [n×n]. */
export const invertible = (n: number): fc.Arbitrary<number[][]> =>
  matrix(n, n).filter((a) => {
    const { values } = svd(a);
    return values.length === n && values[0]! < 30 * values[n - 1]!;
  });

/** A group of neurons by its two sides, [g×n] and [g×p]. */
export interface Group {
  readonly input: number[][];
  readonly output: number[][];
}

export type Degeneracy =
  | 'none'
  | 'zero input'
  | 'zero output'
  | 'zero neuron'
  | 'parallel inputs'
  | 'parallel outputs'
  | 'copy'
  | 'opposite';

const degeneracies: readonly Degeneracy[] = [
  'none',
  'zero input',
  'zero output',
  'zero neuron',
  'parallel inputs',
  'parallel outputs',
  'copy',
  'opposite',
];

/** Neuron 1 becomes degenerate beside neuron 0. */
function degenerate({ input, output }: Group, how: Degeneracy, factor: number): Group {
  const times = (rows: number[][], by: number) => rows.map((row, i) => (i === 1 ? rows[0]!.map((x) => x * by) : row));
  switch (how) {
    case 'none':
      return { input, output };
    case 'zero input':
      return { input: times(input, 0), output };
    case 'zero output':
      return { input, output: times(output, 0) };
    case 'zero neuron':
      return { input: times(input, 0), output: times(output, 0) };
    case 'parallel inputs':
      return { input: times(input, factor), output };
    case 'parallel outputs':
      return { input, output: times(output, factor) };
    case 'copy':
      return { input: times(input, factor), output: times(output, factor) };
    case 'opposite':
      return { input: times(input, 1), output: times(output, -1) };
  }
}

const sizes = { min: 1, max: 6 };

/** Groups of `least` to `most` neurons, every kind of degenerate pair among them. */
export const group = (least: number, most: number): fc.Arbitrary<Group> =>
  fc
    .tuple(fc.integer({ min: least, max: most }), fc.integer(sizes), fc.integer(sizes))
    .chain(([g, n, p]) =>
      fc
        .tuple(matrix(g, n), matrix(g, p), fc.constantFrom(...degeneracies), fc.constantFrom(1, 2, -0.5, -3))
        .map(([input, output, how, factor]) =>
          g === 1 ? { input, output } : degenerate({ input, output }, how, factor),
        ),
    );

/** Groups whose neurons are independent on both sides: full rank everywhere. */
export const independentGroup = (least: number, most: number): fc.Arbitrary<Group> =>
  fc.integer({ min: least, max: most }).chain((g) =>
    fc
      .tuple(matrix(g, g + 2), matrix(g, g + 1))
      .map(([input, output]) => ({ input, output }))
      .filter(({ input, output }) => wellConditioned(input) && wellConditioned(output)),
  );

function wellConditioned(rows: Matrix): boolean {
  const { values } = svd(rows);
  return values.length === rows.length && values[0]! < 30 * values.at(-1)!;
}
