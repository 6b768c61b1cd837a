import { buildTree } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { warmUp } from './warm_up.mjs';

/** Milliseconds from an abort, so many seconds into a build, until the call rejects; undefined where it was done before. */
export async function run({ spec, threads, after }) {
  const { block, weights } = syntheticBlock(spec);
  await warmUp(spec, threads);
  const controller = new AbortController();
  let aborted;
  const timer = setTimeout(() => {
    aborted = performance.now();
    controller.abort();
  }, after * 1000);
  try {
    await buildTree(block, weights, { threads, signal: controller.signal });
    return {};
  } catch (error) {
    if (error.code !== 'ABORTED') throw error;
    return { milliseconds: performance.now() - aborted };
  } finally {
    clearTimeout(timer);
  }
}
