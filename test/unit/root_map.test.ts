import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { rootMap } from '../../lib/herm/elastic/root_map.ts';
import { allocateTree, type MergeTree } from '../../lib/herm/tree.ts';
import { fromFloat64 } from '../../lib/model/tensor.ts';
import { liftMatrix, mergeMatrix } from '../support/lift_oracle.ts';
import { RUNS } from './oracle/arbitraries.ts';

/** Means, absorptions, opposite signs, lopsided ones: halves, none of whose pairs is (0, 0). */
const COEFFICIENTS: readonly (readonly [number, number])[] = [
  [0.5, 0.5],
  [1, 0],
  [0, 1],
  [0.25, 0.75],
  [1, -0.5],
  [-2, 3],
  [0.001, 1],
];

/** Trees of up to 12 neurons, merged down to a width, of which a property looks at another. */
const merged: fc.Arbitrary<{ tree: MergeTree; width: number }> = fc.integer({ min: 1, max: 12 }).chain((neurons) =>
  fc
    .record({
      steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()), { maxLength: neurons - 1 }),
      width: fc.nat(),
    })
    .map(({ steps, width }) => {
      const tree = allocateTree(neurons, steps.length);
      const living = Array.from({ length: neurons }, (_, slot) => slot);
      const put = (list: Uint16Array, at: number, choice: number) => {
        const pair = COEFFICIENTS[choice % COEFFICIENTS.length]!;
        list.set(new Uint16Array(fromFloat64(pair, 'F16', '', [2]).data.buffer), 2 * at);
      };
      for (const [t, [first, second, alpha, beta]] of steps.entries()) {
        const one = living.splice(first % living.length, 1)[0]!;
        const other = living.splice(second % living.length, 1)[0]!;
        tree.pairs.set([Math.min(one, other), Math.max(one, other)], 2 * t);
        living.push(Math.min(one, other));
        put(tree.alpha, t, alpha);
        put(tree.beta, t, beta);
      }
      return { tree, width: neurons - (width % (steps.length + 1)) };
    }),
);

const SIDES = ['input', 'output'] as const;

function dense({ index, coefficient }: ReturnType<typeof rootMap>, width: number): Matrix {
  const out = Matrix.zeros(index.length, width);
  for (const [neuron, root] of index.entries()) out.set(neuron, root, coefficient[neuron]!);
  return out;
}

const gap = (a: Matrix, b: Matrix) => Matrix.sub(a, b).abs().max();

describe('the map that lifts changes of roots', () => {
  it('is the pseudo-inverse of merging, found without any linear algebra', () => {
    fc.assert(
      fc.property(merged, fc.constantFrom(...SIDES), ({ tree, width }, side) => {
        expect(gap(dense(rootMap(tree, width, side), width), liftMatrix(tree, width, side))).toBeLessThan(1e-9);
      }),
      RUNS,
    );
  });

  it('makes changes that merge to those of the roots', () => {
    fc.assert(
      fc.property(merged, fc.constantFrom(...SIDES), ({ tree, width }, side) => {
        const back = mergeMatrix(tree, width, side).mmul(dense(rootMap(tree, width, side), width));
        expect(gap(back, Matrix.eye(width, width))).toBeLessThan(1e-9);
      }),
      RUNS,
    );
  });

  it('with columns of length 1 spans the same, and keeps lengths', () => {
    fc.assert(
      fc.property(merged, fc.constantFrom(...SIDES), ({ tree, width }, side) => {
        const [unit, least] = (['unit', 'least-norm'] as const).map((s) => dense(rootMap(tree, width, side, s), width));
        expect(gap(unit!.transpose().mmul(unit!), Matrix.eye(width, width))).toBeLessThan(1e-9);
        expect(gap(unit!.mmul(unit!.transpose()).mmul(least!), least!)).toBeLessThan(1e-9 * (1 + least!.norm()));
      }),
      RUNS,
    );
  });

  it('is the identity at full width', () => {
    fc.assert(
      fc.property(merged, ({ tree }) => {
        const { neurons } = tree;
        expect(gap(dense(rootMap(tree, neurons, 'input'), neurons), Matrix.eye(neurons, neurons))).toBe(0);
      }),
      RUNS,
    );
  });

  it('moves copies below one root alike, and merges to the change of the roots all the same', () => {
    fc.assert(
      fc.property(
        merged,
        fc.constantFrom(...SIDES),
        fc.array(fc.nat({ max: 3 }), { minLength: 12 }),
        (of, side, kinds) => {
          const { tree, width } = of;
          const copies = Uint32Array.from({ length: tree.neurons }, (_, neuron) => kinds.indexOf(kinds[neuron]!));
          const { index, coefficient } = rootMap(tree, width, side, 'least-norm', copies);
          const alone = rootMap(tree, width, side);
          for (const [neuron, root] of index.entries()) {
            const own = [...index.keys()].filter((at) => index[at] === root && copies[at] === copies[neuron]);
            const signs = new Set(own.map((at) => Math.sign(alone.coefficient[at]!)));
            if (signs.has(1) && signs.has(-1)) continue;
            expect(own.map((at) => coefficient[at])).toEqual(own.map(() => coefficient[neuron]));
          }
          const back = mergeMatrix(tree, width, side).mmul(dense({ index, coefficient }, width));
          expect(gap(back, Matrix.eye(width, width))).toBeLessThan(1e-9);
        },
      ),
      RUNS,
    );
  });

  it('lifts nothing from a root that no neuron has a part in', () => {
    const tree = allocateTree(2, 1);
    tree.pairs.set([0, 1]);
    expect(rootMap(tree, 1, 'output').coefficient).toEqual(Float64Array.of(0, 0));
  });
});
