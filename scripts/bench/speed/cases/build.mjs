// (a) A whole build against its own Gram products at the fastest number of threads.
import { availableParallelism } from 'node:os';
import { atMost } from '../bars.mjs';
import { GPT2, KINDS, LLAMA_7B } from '../blocks.mjs';
import { interleave } from '../interleave.mjs';
import { runTask } from '../process.mjs';
import { threadCounts } from '../threads.mjs';

export const title =
  'Whole build of one block, over the time of its Gram products alone at the fastest number of threads; cold: the first call of a process';

const SHAPES = [
  { name: '768→3072→768 GELU', block: GPT2, goal: 3 },
  { name: '4096→11008→4096 SwiGLU', block: LLAMA_7B, goal: 2 },
];

export async function run({ maxNeurons }) {
  const rows = [];
  const bars = [];
  for (const { name, block, goal } of SHAPES.filter((shape) => shape.block.neurons <= maxNeurons)) {
    for (const kind of KINDS) {
      const row = await measure({ ...block, kind });
      rows.push({ shape: name, weights: kind, ...row });
      bars.push(atMost(`build over Gram, ${name}, ${kind}, first call`, row['cold build/Gram'], goal));
      bars.push(atMost(`build over Gram, ${name}, ${kind}, later calls`, row['build/Gram'], goal));
    }
  }
  return { rows, bars };
}

async function measure(spec) {
  const threads = availableParallelism();
  const contestants = { build: () => runTask('build', { spec, threads, warm: true }) };
  for (const count of threadCounts()) contestants[count] = () => runTask('gram', { spec, threads: count });
  const { build, ...grams } = await interleave(contestants);
  const [gramThreads, gram] = Object.entries(grams).reduce((best, next) =>
    next[1].seconds < best[1].seconds ? next : best,
  );
  const { mode, rounds, scans, estimates } = build.runs[0].report;
  return {
    mode,
    rounds,
    // Rows searched more than once, and pairs looked up in double precision.
    rescans: scans - spec.neurons,
    estimates,
    threads,
    'build s': build.seconds,
    'Gram s': gram.seconds,
    'Gram threads': Number(gramThreads),
    'build/Gram': build.seconds / gram.seconds,
    'cold build s': build.coldSeconds,
    'cold Gram s': gram.coldSeconds,
    'cold build/Gram': build.coldSeconds / gram.coldSeconds,
    runs: build.runs.length,
  };
}
