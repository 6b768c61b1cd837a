/** Plans for whole files against every combination of recorded widths. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { openHerm } from '../../lib/file/read.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import type { WidthCost } from '../../lib/plan/cost.ts';
import type { PlanRequest, WidthPlan } from '../../lib/plan/plan_widths.ts';
import { makeCases } from './support/case.ts';
import { withHeader } from './support/header.ts';
import { compress } from './support/herm.ts';
import { Random } from './support/random.ts';

const KINDS = ['params', 'flops', 'bytes'] as const;

interface Combination {
  readonly widths: readonly number[];
  readonly errors: readonly number[];
  readonly cost: Omit<WidthCost, 'prefixBytes'>;
}

let herm: Uint8Array;
let names: string[];
let combinations: Combination[];
let full: Combination['cost'];

beforeAll(async () => {
  // A chain of two blocks that share a matrix, and a gated block by itself.
  const made = makeCases([
    { sizes: [5, 6, 5, 3], smallest: 2 },
    { sizes: [4, 4, 6], gated: true, dtypes: ['F16', 'BF16'] },
  ]);
  const filler = { name: 'filler', dtype: 'U8', shape: [3, 40], data: new Uint8Array(120) };
  const plain = await compress(serializeSafetensors([...made.tensors, filler]), made.blocks, made.trees);
  const random = new Random(5);
  herm = await withHeader(plain, (header) => {
    header.errors = header.errors.map((own) => own.map((_, level) => (level === own.length - 1 ? 0 : random.unit())));
  });
  names = made.blocks.map(({ name }) => name);
  combinations = await allCombinations();
  full = combinations.at(-1)!.cost;
});

const open = () => openHerm(bufferSource(herm, 'model.herm'));

/** Every combination of recorded widths: what it costs is counted in the network and in what was read for it. */
async function allCombinations(): Promise<Combination[]> {
  const { ladder, errors, blocks } = await open();
  const recorded = blocks.map((_, block) => {
    const errorOf = new Map<number, number>();
    // Of levels with one width the first counts.
    for (const [level, widths] of [...ladder.entries()].reverse()) errorOf.set(widths[block]!, errors[block]![level]!);
    return [...errorOf].reverse();
  });
  const all: Combination[] = [];
  for (const a of recorded[0]!) {
    for (const b of recorded[1]!) {
      for (const c of recorded[2]!) {
        const widths = [a[0], b[0], c[0]];
        const file = await open();
        const { tensors } = await file.skeleton(Object.fromEntries(widths.map((width, n) => [names[n]!, width])));
        const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
        const params = tensors.reduce((sum, { shape }) => sum + count(shape), 0);
        const matrices = tensors.filter(({ name }) => name.endsWith('weight'));
        const flops = 2 * matrices.reduce((sum, { shape }) => sum + count(shape), 0);
        const cost = { params, flops, bytes: file.traffic.bytes };
        all.push({ widths, errors: [a[1], b[1], c[1]], cost });
      }
    }
  }
  return all;
}

const errorOf = ({ errors }: Combination, sensitivity = [1, 1, 1]) =>
  Math.sqrt(errors.reduce((sum, error, block) => sum + sensitivity[block]! * error ** 2, 0));

async function planned(request: PlanRequest): Promise<WidthPlan> {
  return (await open()).planWidths(request);
}

const share = fc.double({ min: 0.01, max: 1, noNaN: true });

describe('planWidths', () => {
  it.each(KINDS)('has the least error of all combinations within a budget of %s', async (kind) => {
    const weights = fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(share, fc.option(weights, { nil: undefined }), async (part, sensitivity) => {
        const within = combinations.filter(({ cost }) => cost[kind] <= part * full[kind]);
        const named = sensitivity && Object.fromEntries(names.map((name, n) => [name, sensitivity[n]!]));
        const plan = await planned({ [kind]: part, sensitivity: named }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'BUDGET' });
          return undefined;
        });
        expect(plan === undefined).toBe(within.length === 0);
        if (plan === undefined) return;
        const best = Math.min(...within.map((combination) => errorOf(combination, sensitivity)));
        expect(plan.error).toBeCloseTo(best, 9);
        expect(plan.bound).toBeCloseTo(best, 9);
        expect(plan.cost[kind]).toBeLessThanOrEqual(part * full[kind]);
      }),
      { seed: 3, numRuns: 50, endOnFailure: true },
    );
  });

  it.each(KINDS)(
    'costs the least %s of all combinations within an error, and of these has the least error',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(share, async (maxError) => {
          const within = combinations.filter((combination) => errorOf(combination) <= maxError);
          const least = Math.min(...within.map(({ cost }) => cost[kind]));
          const cheapest = within.filter(({ cost }) => cost[kind] === least);
          const plan = await planned({ maxError, minimize: kind });
          expect(plan.cost[kind]).toBe(least);
          expect(plan.bound).toBeCloseTo(least, 6);
          expect(plan.error).toBeCloseTo(Math.min(...cheapest.map((combination) => errorOf(combination))), 9);
        }),
        { seed: 4, numRuns: 40, endOnFailure: true },
      );
    },
  );

  it('says what a network costs as it is counted', async () => {
    const file = await open();
    for (const { widths, cost } of combinations) {
      const { prefixBytes, ...rest } = file.costOf(Object.fromEntries(widths.map((width, n) => [names[n]!, width])));
      expect(rest).toEqual(cost);
      const beginning = await openHerm(bufferSource(herm.slice(0, prefixBytes), 'beginning.herm'));
      const held = beginning.widthsAvailable();
      expect(widths.every((width, n) => width <= held[names[n]!]!)).toBe(true);
    }
  });

  it('rounds widths up, with the certificate of the recorded width before', async () => {
    const { blocks, cost } = await planned({ params: 0.9, roundTo: 3 });
    const { ladder, errors } = await open();
    for (const [block, { width, neurons, recorded, error }] of blocks.entries()) {
      expect(width === neurons || width % 3 === 0).toBe(true);
      const level = ladder.findLastIndex((widths) => widths[block]! <= width);
      const first = ladder.findIndex((widths) => widths[block] === ladder[level]![block]);
      expect([recorded, error]).toEqual([ladder[first]![block], errors[block]![first]]);
    }
    expect(cost.params).toBeLessThanOrEqual(0.9 * full.params);
  });

  it('plans for what the beginning of a file holds', async () => {
    const beginning = await openHerm(bufferSource(herm.slice(0, (await open()).prefixBytes[3]), 'part.herm'));
    const plan = await beginning.planWidths({ params: 1 });
    expect((await beginning.skeleton(plan.widths)).widths).toEqual(plan.widths);
  });

  it.each<[string, PlanRequest, string]>([
    ['nothing to spread', {}, 'BAD_ARGUMENT'],
    ['two budgets', { params: 1, bytes: 1 }, 'BAD_ARGUMENT'],
    ['no number', { params: Number.NaN }, 'BAD_ARGUMENT'],
    ['a number as text', { params: '0.4' as unknown as number }, 'BAD_ARGUMENT'],
    ['no sensitivities', { params: 1, sensitivity: null as unknown as undefined }, 'BAD_ARGUMENT'],
    ['nothing', null as unknown as object, 'BAD_ARGUMENT'],
    ['another cost', { maxError: 1, minimize: 'time' as 'params' }, 'BAD_ARGUMENT'],
    ['half a multiple', { params: 1, roundTo: 0.5 }, 'BAD_ARGUMENT'],
    ['a block without sensitivity', { params: 1, sensitivity: { 'n0.fc0': 1 } }, 'BAD_ARGUMENT'],
    ['an unknown block', { params: 1, sensitivity: { fc9: 1 } }, 'BAD_ARGUMENT'],
    ['less than the smallest network', { params: 2 }, 'BUDGET'],
  ])('refuses %s', async (_, request, code) => {
    await expect(planned(request)).rejects.toMatchObject({ code });
  });
});

it('says what the smallest network takes, where a budget is less, in whole numbers', async () => {
  const why =
    /^No recorded widths have parameters of at most [\d,]+: the smallest that they give is [\d,]+\. Allow as much\.$/;
  for (const params of [2, 0.0101]) {
    await expect(planned({ params })).rejects.toMatchObject({ code: 'BUDGET', message: expect.stringMatching(why) });
  }
});

describe('plans of uniform widths', () => {
  it('are the best of those that give blocks of one size one width', async () => {
    const made = makeCases([{ sizes: [5, 9, 9, 3] }, { sizes: [4, 9, 4] }, { sizes: [4, 5, 4] }]);
    const plain = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
    const random = new Random(8);
    const own = await withHeader(plain, (header) => {
      header.errors = header.errors.map((all) => all.map((_, level) => (level === all.length - 1 ? 0 : random.unit())));
    });
    const file = await openHerm(bufferSource(own, 'uniform.herm'));
    const recorded = (block: number) => [...new Set(file.ladder.map((widths) => widths[block]!))];
    const error = (block: number, width: number) =>
      file.errors[block]![file.ladder.findIndex((widths) => widths[block] === width)]!;
    for (const kind of KINDS) {
      for (const part of kind === 'bytes' ? [0.6, 0.8] : [0.2, 0.35, 0.5, 0.8]) {
        const plan = await file.planWidths({ [kind]: part, uniform: true });
        const errors = recorded(0).flatMap((wide) =>
          recorded(3).flatMap((narrow) => {
            const widths = [wide, wide, wide, narrow];
            const cost = file.costOf(Object.fromEntries(file.blocks.map(({ name }, n) => [name, widths[n]!])))[kind];
            if (cost > part * plan.whole[kind]) return [];
            return Math.sqrt(widths.reduce((sum, width, block) => sum + error(block, width) ** 2, 0));
          }),
        );
        expect(plan.error).toBeCloseTo(Math.min(...errors), 9);
        expect(new Set(plan.blocks.slice(0, 3).map(({ width }) => width)).size).toBe(1);
      }
    }
  });
});
