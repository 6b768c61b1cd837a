// (b) A build against Ward's clustering of the same vectors.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { atLeast } from '../bars.mjs';
import { GPT2, syntheticBlock } from '../blocks.mjs';
import { interleave } from '../interleave.mjs';
import { runTask } from '../process.mjs';
import { findPython, INSTALL, runPython } from '../python.mjs';

export const title =
  'Whole build of 768→3072→768 GELU, and Ward clustering of the same vectors (w, b, v) [3072×1537]; cold: the first call of a process';

const PEERS = [
  { name: 'scipy', label: "scipy linkage('ward')", goal: 15 },
  { name: 'sklearn', label: 'sklearn AgglomerativeClustering(ward)', goal: 15 },
  { name: 'dgemm', label: 'numpy dgemm distances + scipy linkage', goal: 2.5 },
  { name: 'sgemm', label: 'numpy sgemm distances + scipy linkage', goal: 2.5 },
];

export async function run({ maxNeurons }) {
  if (GPT2.neurons > maxNeurons) return { rows: [], bars: [] };
  const threads = availableParallelism();
  const python = await findPython();
  const folder = await mkdtemp(join(tmpdir(), 'herm-bench-'));
  try {
    const points = await writePoints(join(folder, 'points.f32'));
    const contestants = { hermkit: () => runTask('build', { spec: GPT2, threads, warm: true }) };
    for (const { name } of python ? PEERS : []) contestants[name] = () => runPython(python, 'ward', [name, ...points]);
    const { hermkit, ...peers } = await interleave(contestants);
    const row = (method, { seconds, coldSeconds, runs }) => ({
      method,
      seconds,
      'over hermkit': seconds / hermkit.seconds,
      'cold seconds': coldSeconds,
      'cold over hermkit': coldSeconds / hermkit.coldSeconds,
      runs: runs.length,
    });
    return {
      rows: [row('hermkit', hermkit), ...PEERS.map(({ name, label }) => measured(label, peers[name], row))],
      bars: PEERS.map(({ name, label, goal }) => {
        const ratio = peers[name] && peers[name].seconds / hermkit.seconds;
        return atLeast(`times faster than ${label}`, ratio, goal);
      }),
      environment: { python: python?.versions ?? 'none' },
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const measured = (label, result, row) =>
  result ? row(label, result) : { method: `${label}: not installed (${INSTALL})` };

/** The block's (w, b, v) as rows of float32; gives the file with its rows and columns. */
async function writePoints(path) {
  const { tensors } = syntheticBlock(GPT2);
  const [w, b, v] = tensors.map(({ data }) => new Float32Array(data.buffer));
  const { neurons, inputs, outputs } = GPT2;
  const width = inputs + 1 + outputs;
  const points = new Float32Array(neurons * width);
  for (let i = 0; i < neurons; i++) {
    points.set(w.subarray(i * inputs, (i + 1) * inputs), i * width);
    points[i * width + inputs] = b[i];
    for (let o = 0; o < outputs; o++) points[i * width + inputs + 1 + o] = v[o * neurons + i];
  }
  await writeFile(path, points);
  return [path, neurons, width];
}
