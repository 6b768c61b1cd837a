// (g) How a program that uses the library fares meanwhile: its event loop, its aborts, its memory.
import { availableParallelism } from 'node:os';
import { atMost } from '../bars.mjs';
import { GPT2 } from '../blocks.mjs';
import { runTask } from '../process.mjs';
import { median } from '../stats.mjs';

export const title = 'Event loop, abort and memory while blocks merge on all threads';

const LARGE = { neurons: 14336, inputs: 1024, outputs: 1024, activation: 'gelu', bias: true };
const SMALL = { neurons: 1024, inputs: 256, outputs: 256, activation: 'gelu', bias: true };
const SHARES = [0.05, 0.15, 0.3, 0.5, 0.7, 0.9];
const JOBS = 50;
const RUNS = 3;
const DELAY_GOAL_MS = 20;
const ABORT_GOAL_MS = 100;
const threads = availableParallelism();

export async function run({ maxNeurons }) {
  const parts = [
    ...(GPT2.neurons <= maxNeurons ? [await eventLoop()] : []),
    await abort({ ...LARGE, neurons: Math.min(LARGE.neurons, maxNeurons) }),
    await memory(),
  ];
  return { rows: parts.flatMap(({ rows }) => rows), bars: parts.flatMap(({ bars }) => bars) };
}

async function eventLoop() {
  const runs = [];
  for (let at = 0; at < RUNS; at++) runs.push(await runTask('event_loop', { spec: GPT2, threads }));
  const row = (what, of) => ({
    what,
    'p50 ms': median(runs.map((run) => of(run).p50)),
    'p99 ms': median(runs.map((run) => of(run).p99)),
    'max ms': Math.max(...runs.map((run) => of(run).max)),
  });
  const rows = [
    row('event loop delay, idle', ({ idle }) => idle),
    row(`event loop delay, ${GPT2.neurons} neurons merging`, ({ merging }) => merging),
  ];
  return { rows, bars: [atMost('event loop delay p99 while merging, ms', rows[1]['p99 ms'], DELAY_GOAL_MS)] };
}

/** Aborts all along a build, each in a process of its own. */
async function abort(spec) {
  const { seconds } = await runTask('build', { spec, threads });
  const latencies = [];
  for (const share of SHARES) {
    const { milliseconds } = await runTask('abort', { spec, threads, after: share * seconds });
    if (milliseconds !== undefined) latencies.push(milliseconds);
  }
  const what = `abort of ${spec.neurons} neurons, ${latencies.length} times during ${seconds.toFixed(1)} s`;
  if (latencies.length === 0) return { rows: [{ what }], bars: [] };
  const max = Math.max(...latencies);
  return {
    rows: [{ what, 'p50 ms': median(latencies), 'max ms': max }],
    bars: [atMost(`abort latency at ${spec.neurons} neurons, largest, ms`, max, ABORT_GOAL_MS)],
  };
}

async function memory() {
  const { before, after } = await runTask('many_jobs', { spec: SMALL, threads, jobs: JOBS });
  const rows = [
    {
      what: `resident memory before and after ${JOBS} builds of ${SMALL.neurons} neurons`,
      'before MiB': before / 2 ** 20,
      'after MiB': after / 2 ** 20,
    },
  ];
  return { rows, bars: [] };
}
