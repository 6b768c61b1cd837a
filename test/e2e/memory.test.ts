import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from './herm.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('process/memory.mjs', import.meta.url));
const inFolder = temporaryFolder();

interface Memory {
  readonly rss: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

/*
 * One m×m matrix of the 200 neurons is 0.32 MB: a job that keeps one grows the process by 16 MB in 50 jobs. Measured
 * without a leak: 20 MB from the 10th to the 60th job, which is V8's heap and glibc's arenas, one for each pool thread,
 * finding their sizes, −0.5 MB from there to the 110th and −6 MB to the 210th. What V8 accounts for itself is the same
 * but for 40 bytes. So the process warms up for 60 jobs.
 */
const RSS_MARGIN = 12e6;
const ACCOUNTED_MARGIN = 1e4;

it('fifty jobs leave the memory of the process as it was', { timeout: 300_000 }, async () => {
  const { stdout } = await run(process.execPath, ['--expose-gc', script, inFolder(''), '60', '50']);
  const { warm, end } = JSON.parse(stdout) as { warm: Memory; end: Memory };
  expect(end.arrayBuffers - warm.arrayBuffers).toBeLessThan(ACCOUNTED_MARGIN);
  expect(end.external - warm.external).toBeLessThan(ACCOUNTED_MARGIN);
  expect(end.rss - warm.rss).toBeLessThan(RSS_MARGIN);
});
