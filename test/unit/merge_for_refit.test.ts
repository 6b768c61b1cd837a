import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refitSkeleton } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import { refitMergeMemory, sampledMergeMemory } from '../../lib/herm/merge_memory.ts';
import { randomBlock } from '../binding/support/random_block.ts';

const SEED = { seed: 20261122, numRuns: 12 };

describe('merging for refits', () => {
  it('loses nothing where the neurons that are left span all the others', async () => {
    // Linear neurons of four inputs and a bias are five functions, whatever they do to outputs.
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 6, max: 24 }), fc.nat(1000), async (m, seed) => {
        const { block, weights } = randomBlock(m, 4, 6, 'identity', seed);
        const tree = await buildTree(block, weights, { cost: 'refit' });
        const { error } = await refitSkeleton(block, weights, tree, 5);
        expect(error).toBeLessThan(1e-3);
      }),
      SEED,
    );
  });

  it.each(['relu', 'tanh', 'gelu'] as const)('%s: refitted skeletons are closer to the block', async (activation) => {
    let [logs, count] = [0, 0];
    for (let seed = 1; seed <= 4; seed++) {
      const { block, weights } = randomBlock(40, 8, 12, activation, seed);
      const errorsBy = async (cost: 'pair' | 'refit') => {
        const tree = await buildTree(block, weights, { cost });
        return Promise.all([30, 20, 10].map(async (k) => (await refitSkeleton(block, weights, tree, k)).error));
      };
      const [pair, refit] = [await errorsBy('pair'), await errorsBy('refit')];
      for (const [n, error] of refit.entries()) {
        logs += Math.log(error / pair[n]!);
        count++;
      }
    }
    expect(Math.exp(logs / count)).toBeLessThan(0.98);
  });

  it('is refused where its matrices do not fit, with both numbers', async () => {
    const { block, weights } = randomBlock(50, 4, 3, 'relu', 1);
    const need = refitMergeMemory(block, 0);
    expect(need - sampledMergeMemory(block, 0)).toBeGreaterThanOrEqual(2 * 8 * 50 ** 2);
    await expect(buildTree(block, weights, { cost: 'refit', memory: need - 1 })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      details: { need, free: need - 1 },
    });
    expect((await buildTree(block, weights, { cost: 'refit', memory: need })).merges).toBe(49);
  });

  it('needs more memory for more outputs, copies of matrices and threads', () => {
    const { block } = randomBlock(50, 4, 3, 'relu', 1);
    const need = refitMergeMemory(block, 0, 2);
    expect(refitMergeMemory({ ...block, outputs: 1000 }, 0, 2) - need).toBeGreaterThan(3 * 8 * 50 * 997);
    const turned = { ...block, output: { ...block.output, transposed: true } };
    expect(refitMergeMemory(turned, 0, 2)).toBe(need + 4 * 50 * 3);
    expect(refitMergeMemory(block, 0, 3)).toBeGreaterThan(need);
  });

  it('says which costs there are', async () => {
    const { block, weights } = randomBlock(4, 3, 2, 'relu', 1);
    await expect(buildTree(block, weights, { cost: 'cheap' as 'pair' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      details: { cost: 'cheap' },
    });
  });
});
