/** docs/theory.md, section 5.1: the search against looking at every choice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { search } from '../../lib/plan/search.ts';
import { type PlanOption, type PlanPair, type PlanProblem, toStages } from '../../lib/plan/stages.ts';

interface Sums {
  readonly error: number;
  readonly cost: number;
}

/** What a choice adds up to, by the definition. */
function sumsOf({ variables, pairs }: PlanProblem, options: readonly number[]): Sums {
  const chosen = variables.map((all, at) => all[options[at]!]!);
  const joint = pairs.reduce((sum, { first, second, factor }) => {
    return sum + factor * chosen[first]!.size * chosen[second]!.size;
  }, 0);
  return {
    error: chosen.reduce((sum, { error }) => sum + error, 0),
    cost: chosen.reduce((sum, { cost }) => sum + cost, joint),
  };
}

function allSums(problem: PlanProblem): Sums[] {
  const choices = problem.variables.reduce<number[][]>(
    (some, options) => some.flatMap((choice) => options.map((_, option) => [...choice, option])),
    [[]],
  );
  return choices.map((choice) => sumsOf(problem, choice));
}

const option = fc.record<PlanOption>({
  error: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
  cost: fc.integer({ min: 0, max: 50 }),
  size: fc.integer({ min: 0, max: 9 }),
});

/** Variables with pairs between neighbours (chains), between any (other graphs), or none. */
const problem = fc
  .tuple(fc.array(fc.array(option, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }), fc.nat(2))
  .chain(([variables, form]) => {
    const all = variables.flatMap((_, second) => variables.slice(0, second).map((__, first) => ({ first, second })));
    const allowed = all.filter(({ first, second }) => form === 2 || (form === 1 && second === first + 1));
    const pairs: fc.Arbitrary<PlanPair[]> = fc.tuple(
      ...allowed.map((pair) => fc.nat(3).map((factor) => ({ ...pair, factor }))),
    );
    return fc.record({ variables: fc.constant(variables), pairs });
  });

/** To rounding, which is what the search promises. */
const isNear = (value: number, expected: number) =>
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-11 * Math.max(1, Math.abs(expected)));

describe('search', () => {
  it.each(['error', 'cost'] as const)('finds the least %s within any limit', (least) => {
    const other = least === 'error' ? 'cost' : 'error';
    fc.assert(
      fc.property(problem, fc.double({ min: -0.1, max: 1.1, noNaN: true }), (instance, at) => {
        const sums = allSums(instance);
        const limited = sums.map((sum) => sum[other]);
        const limit = Math.min(...limited) + at * (Math.max(...limited) - Math.min(...limited)) - (at < 0 ? 1 : 0);
        const within = sums.filter((sum) => sum[other] <= limit);
        const found = search(toStages(instance)!, { least, limit });
        expect(found === undefined).toBe(within.length === 0);
        if (found === undefined) return;
        const own = sumsOf(instance, found.options);
        isNear(found.error, own.error);
        isNear(found.cost, own.cost);
        expect(found[other]).toBeLessThanOrEqual(limit);
        isNear(found[least], Math.min(...within.map((sum) => sum[least])));
        isNear(found.bound, found[least]);
      }),
      { seed: 6, numRuns: 800, endOnFailure: true },
    );
  });

  it('keeps its bound where there is no room for every choice', () => {
    // Many layers of one size, errors without pattern: what is known by the bound alone.
    let state = 1;
    const random = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const layer = () =>
      Array.from({ length: 30 }, (_, at) => {
        const size = Math.round(3072 * 2 ** ((at - 29) / 4));
        return { error: ((1 - size / 3072) ** (1 + random()) * (0.5 + random())) ** 2, cost: 1536 * size, size };
      });
    const variables = Array.from({ length: 300 }, layer);
    const whole = 300 * 1536 * 3072;
    const found = search(toStages({ variables, pairs: [] })!, { least: 'error', limit: 0.4 * whole })!;
    expect(found.cost).toBeLessThanOrEqual(0.4 * whole);
    expect(found.bound).toBeLessThanOrEqual(found.error);
    expect(found.bound).toBeGreaterThan(found.error * (1 - 1e-4));
    // A bound that holds is met by every other plan that keeps the limit: here, one width for all layers.
    const same = variables[0]!.map((_, at) =>
      sumsOf(
        { variables, pairs: [] },
        variables.map(() => at),
      ),
    );
    for (const { error, cost } of same) if (cost <= 0.4 * whole) expect(error).toBeGreaterThan(found.bound);
  });

  it('says where too much hangs together', () => {
    const variables = Array.from({ length: 8 }, () =>
      Array.from({ length: 30 }, (_, size) => ({ error: 0, cost: 0, size })),
    );
    const all = variables.flatMap((_, second) =>
      variables.slice(0, second).map((__, first) => ({ first, second, factor: 1 })),
    );
    expect(toStages({ variables, pairs: all })).toBeUndefined();
  });
});
