import { buildTree } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';

const WARM_UP_JOBS = 5;

/** Resident memory after a few builds, and after `jobs` more. */
export async function run({ spec, threads, jobs }) {
  const { block, weights } = syntheticBlock(spec);
  const build = async (count) => {
    for (let job = 0; job < count; job++) await buildTree(block, weights, { threads });
    globalThis.gc();
    return process.memoryUsage.rss();
  };
  return { before: await build(WARM_UP_JOBS), after: await build(jobs) };
}
