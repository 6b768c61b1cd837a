// (f) What more threads bring, phase by phase.
import { GPT2, KINDS } from '../blocks.mjs';
import { interleave } from '../interleave.mjs';
import { runTask } from '../process.mjs';
import { median } from '../stats.mjs';
import { threadCounts } from '../threads.mjs';

export const title =
  'Phases of a build of 768→3072→768 GELU in a process that has built before, by number of threads: seconds, and speed-up over one thread';

export async function run({ maxNeurons }) {
  if (GPT2.neurons > maxNeurons) return { rows: [], bars: [] };
  const rows = [];
  for (const kind of KINDS) rows.push(...(await measure({ ...GPT2, kind })));
  return { rows, bars: [] };
}

async function measure(spec) {
  const counts = threadCounts();
  const contestants = {};
  for (const threads of counts) contestants[threads] = () => runTask('build', { spec, threads, warm: true });
  const results = await interleave(contestants);
  const seconds = (threads, phase) => median(results[threads].runs.map(({ report }) => report.phases[phase]));
  return Object.keys(results[1].runs[0].report.phases).map((phase) => {
    const row = { weights: spec.kind, phase };
    for (const threads of counts) row[`${threads} s`] = seconds(threads, phase);
    for (const threads of counts.slice(1)) row[`×${threads}`] = seconds(1, phase) / seconds(threads, phase);
    return row;
  });
}
