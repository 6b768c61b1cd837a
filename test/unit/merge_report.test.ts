import { describe, expect, it } from 'vitest';
import { buildTree, type MergeReport, measureGram } from '../../lib/herm/merge.ts';
import { mergeMemory } from '../../lib/herm/merge_memory.ts';
import { formatBytes } from '../../lib/native/memory.ts';
import { randomBlock } from '../binding/support/random_block.ts';

const { block, weights } = randomBlock(60, 7, 5, 'gelu', 3);
const need = mergeMemory(block, 2);

async function merge(memory?: number) {
  const reports: MergeReport[] = [];
  const tree = await buildTree(block, weights, { memory, threads: 2, onReport: (report) => reports.push(report) });
  expect(reports).toHaveLength(1);
  return { tree, report: reports[0]! };
}

describe('memory for merging', () => {
  it('is what is free where nothing is said', async () => {
    expect((await merge()).report.mode).toBe('stored');
  });

  it('too small for either way is refused with the numbers, and the queue goes on', async () => {
    const refused = merge(need.computed - 1);
    const next = merge(need.stored);
    await expect(refused).rejects.toMatchObject({
      name: 'HermError',
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(/60 neurons of block .*--memory/),
      details: { need: need.computed, free: need.computed - 1 },
    });
    await expect(refused).rejects.toThrow(formatBytes(need.stored));
    expect((await next).report.mode).toBe('stored');
  });

  it('grows by the Gram matrices alone from one way to the other', () => {
    const larger = mergeMemory({ ...block, neurons: 14_336 });
    const matrices = 2 * 4 * 14_336 ** 2;
    expect(larger.stored - larger.computed).toBeGreaterThanOrEqual(matrices);
    expect(larger.stored - larger.computed).toBeLessThan(1.2 * matrices);
  });
});

describe('a report of merging', () => {
  it('counts rounds and looks at every neuron', async () => {
    const { report } = await merge();
    expect(report.threads).toBe(2);
    // 59 merges, at most 5% of 60 neurons in one round.
    expect(report.rounds).toBeGreaterThanOrEqual(59 / 3);
    expect(report.rounds).toBeLessThanOrEqual(59);
    expect(report.scans).toBeGreaterThanOrEqual(59);
    expect(report.estimates).toBeGreaterThan(0);
    for (const seconds of Object.values(report.phases)) expect(seconds).toBeGreaterThanOrEqual(0);
    expect(Object.keys(report.phases)).toEqual(['load', 'gram', 'sweep', 'match', 'operator', 'update', 'offer']);
  });

  it('that throws rejects the call', async () => {
    const mine = new Error('mine');
    const onReport = () => {
      throw mine;
    };
    await expect(buildTree(block, weights, { onReport })).rejects.toBe(mine);
  });
});

it('measuring Gram matrices needs the memory for them', async () => {
  expect(await measureGram(block, weights)).toBeGreaterThan(0);
  await expect(measureGram({ ...block, neurons: 1e9 }, weights)).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
});
