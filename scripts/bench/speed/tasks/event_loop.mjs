import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildTree } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { warmUp } from './warm_up.mjs';

const LEAST_MS = 4000;

/** Delays of the event loop while nothing runs, and while block after block merges. */
export async function run({ spec, threads }) {
  const { block, weights } = syntheticBlock(spec);
  await warmUp(spec, threads);
  const idle = await delays(() => sleep(LEAST_MS / 4));
  let builds = 0;
  const merging = await delays(async () => {
    const end = performance.now() + LEAST_MS;
    do {
      await buildTree(block, weights, { threads });
      builds++;
    } while (performance.now() < end);
  });
  return { builds, idle, merging };
}

/** Milliseconds between turns of a loop with a timer of 1 ms, so that 1 is the least. */
async function delays(work) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  const milliseconds = (nanoseconds) => nanoseconds / 1e6;
  return {
    p50: milliseconds(histogram.percentile(50)),
    p99: milliseconds(histogram.percentile(99)),
    max: milliseconds(histogram.max),
  };
}
