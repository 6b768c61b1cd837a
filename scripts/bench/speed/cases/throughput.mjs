// (d) Refit, forward pass, and the codec against zstd on the same bytes.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { GPT2 } from '../blocks.mjs';
import { interleave } from '../interleave.mjs';
import { runCommand, runTask } from '../process.mjs';
import { median, timed } from '../stats.mjs';

export const title = 'Refit at half width, forward pass, and codec of a block 768→3072→768 GELU f32, all threads';

const BATCH = 1024;
const ZSTD_LEVELS = [3, 19];
const NO_ZSTD = 'zstd: not installed (apt-get install zstd)';

export async function run({ maxNeurons }) {
  if (GPT2.neurons > maxNeurons) return { rows: [], bars: [] };
  const folder = await mkdtemp(join(tmpdir(), 'herm-bench-'));
  try {
    const rows = [...(await computeRows()), ...(await codecRows(folder))];
    return { rows, bars: [], environment: { zstd: (await zstdVersion()) ?? 'none' } };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function computeRows() {
  const threads = availableParallelism();
  const { forward, ...refits } = await interleave({
    refitSkeleton: () => runTask('refit_skeleton', { spec: GPT2, threads }),
    refitOutput: () => runTask('refit_output', { spec: GPT2, threads }),
    forward: () => runTask('forward', { spec: GPT2, batch: BATCH, threads }),
  });
  const operations = 2 * BATCH * GPT2.neurons * (GPT2.inputs + GPT2.outputs);
  return [
    ...Object.entries(refits).map(([name, { seconds }]) => ({ what: `${name}, width ${GPT2.neurons / 2}`, seconds })),
    {
      what: `forward, ${BATCH} inputs`,
      seconds: forward.seconds,
      'GFLOP/s': operations / forward.seconds / 1e9,
    },
  ];
}

async function codecRows(folder) {
  const path = (name) => join(folder, name);
  const { bytes } = await runTask('write_model', { spec: GPT2, path: path('model') });
  const threads = availableParallelism();
  const { activation } = GPT2;
  const contestants = {
    compress: () => runTask('compress', { from: path('model'), to: path('model.herm'), activation, threads }),
    recover: () => runTask('recover', { from: path('model.herm'), to: path('recovered'), threads }),
    ...((await zstdVersion()) && zstdContestants(path)),
  };
  const { compress, recover, ...zstd } = await interleave(contestants);
  const row = (what, seconds, size) => ({
    what,
    seconds,
    'MB/s': bytes / seconds / 1e6,
    ...(size && { 'size/raw': size / bytes }),
  });
  const writing = median(compress.runs.map(({ writeSeconds }) => writeSeconds));
  return [
    row('herm compress, whole', compress.seconds, compress.runs[0].bytes),
    row('herm compress, encode + write + check alone', writing, compress.runs[0].bytes),
    row('herm recover', recover.seconds),
    ...Object.entries(zstd).map(([what, { seconds, runs }]) => row(what, seconds, runs[0].bytes)),
    ...(Object.keys(zstd).length === 0 ? [{ what: NO_ZSTD }] : []),
  ];
}

/** From file to file like herm, on all cores like herm. */
function zstdContestants(path) {
  const contestants = {};
  for (const level of ZSTD_LEVELS) {
    const packed = path(`model.${level}.zst`);
    contestants[`zstd -${level}`] = async () => {
      const { seconds } = await timed(() => runCommand('zstd', zstdArgs(`-${level}`, path('model'), packed)));
      return { seconds, bytes: (await stat(packed)).size };
    };
    contestants[`zstd -d of -${level}`] = () =>
      timed(() => runCommand('zstd', zstdArgs('-d', packed, path('recovered'))));
  }
  return contestants;
}

const zstdArgs = (mode, from, to) => ['-q', '-f', '-T0', mode, from, '-o', to];

async function zstdVersion() {
  try {
    return /v[\d.]+/.exec(await runCommand('zstd', ['--version']))?.[0];
  } catch {
    return undefined;
  }
}
