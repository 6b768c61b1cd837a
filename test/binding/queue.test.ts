import { describe, expect, it } from 'vitest';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { scaLayer } from '../../lib/analysis/sca.ts';
import { certifyWidths } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { CallOptions } from '../../lib/native/call.ts';
import { randomBlock } from './support/random_block.ts';

const JOBS = 12;
const blocks = [randomBlock(30, 6, 5, 'relu', 1), randomBlock(40, 5, 7, 'gelu', 2)] as const;

/** The `at`th job of a caller: kernels of every sort in turn, all short. */
async function job({ block, weights }: ReturnType<typeof randomBlock>, at: number, options?: CallOptions) {
  if (at % 3 === 0) return interactionOf(block, weights, options);
  if (at % 3 === 1) return scaLayer(block, weights, options);
  return certifyWidths(block, weights, await buildTree(block, weights, options), [block.neurons, 9, 1], options);
}

const aborted = { status: 'rejected', reason: { name: 'HermError', code: 'ABORTED' } };

describe('two callers at once', () => {
  it('that wait for each of their jobs take turns, and get what they get alone', async () => {
    const alone = [];
    for (const block of blocks) alone.push(await Promise.all([0, 1, 2].map((at) => job(block, at))));

    const settled: string[] = [];
    const caller = async (name: string, block: (typeof blocks)[number]) => {
      const results = [];
      for (let at = 0; at < JOBS; at++) {
        results.push(await interactionOf(block.block, block.weights));
        settled.push(name);
      }
      return results;
    };
    const [first, second] = await Promise.all([caller('A', blocks[0]), caller('B', blocks[1])]);
    expect(settled.join('')).toBe('AB'.repeat(JOBS));
    for (const result of first) expect(result).toEqual(alone[0]?.[0]);
    for (const result of second) expect(result).toEqual(alone[1]?.[0]);

    const mixed = await Promise.all(
      blocks.map((block) => Promise.all(Array.from({ length: JOBS }, (_, at) => job(block, at)))),
    );
    for (const [caller, results] of mixed.entries()) {
      for (const [at, result] of results.entries()) expect(result).toEqual(alone[caller]?.[at % 3]);
    }
  });

  it('that call many times without waiting have their calls settled in the order in which they were made', async () => {
    const order: number[] = [];
    const calls = Array.from({ length: 2 * JOBS }, async (_, at) => {
      const { block, weights } = blocks[at % 2 === 0 ? 0 : 1];
      await (at % 3 === 0 ? interactionOf(block, weights) : scaLayer(block, weights));
      order.push(at);
    });
    await Promise.all(calls);
    expect(order).toEqual(calls.map((_, at) => at));
  });

  it('lose only the calls that were aborted while they waited', async () => {
    const { block, weights } = blocks[0];
    const expected = await interactionOf(block, weights);
    const controllers = Array.from({ length: 2 * JOBS }, () => new AbortController());
    const order: number[] = [];
    const calls = controllers.map(async ({ signal }, at) => {
      const result = await interactionOf(block, weights, { signal });
      order.push(at);
      return result;
    });
    // Every third call; the first one is at work by the time of its abort or not, and is left alone.
    const leaves = (at: number) => at % 3 === 1;
    for (const [at, controller] of controllers.entries()) if (leaves(at)) controller.abort();
    const results = await Promise.allSettled(calls);
    expect(order).toEqual(controllers.map((_, at) => at).filter((at) => !leaves(at)));
    for (const [at, result] of results.entries()) {
      if (leaves(at)) expect(result).toMatchObject(aborted);
      else expect(result).toEqual({ status: 'fulfilled', value: expected });
    }
  });
});
