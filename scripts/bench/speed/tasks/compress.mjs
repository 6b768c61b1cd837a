import { stat } from 'node:fs/promises';
import { compress } from '../../../../dist/index.mjs';
import { timed } from '../stats.mjs';

/** A file to .herm: all of it, and its last stage alone, which encodes, writes and reads everything back once. */
export async function run({ from, to, activation, threads }) {
  let writing;
  const onProgress = ({ stage }) => {
    if (stage === 'write') writing ??= performance.now();
  };
  const { seconds } = await timed(() => compress(from, to, { activation, threads, onProgress }));
  return { seconds, writeSeconds: (performance.now() - writing) / 1000, bytes: (await stat(to)).size };
}
