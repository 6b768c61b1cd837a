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
 * One m×m matrix of the 200 neurons is 0.32 MB: a job that keeps one grows the process by 16 MB in 50 jobs. V8's heap for
 * young objects is held small: it grows by 20 MB at once, after 60 to 100 jobs, and would hide a leak. Without one the process
 * grows by 0.2 to 3 MB in the 50 jobs after the first 20, and by 0.2 MB in 200; what V8 accounts for itself, by 8 kB.
 */
const FIXED_HEAP = '--max-semi-space-size=2';
const RSS_MARGIN = 8e6;
const ACCOUNTED_MARGIN = 1e4;

it('fifty jobs leave the memory of the process as it was', { timeout: 300_000 }, async () => {
  const { stdout } = await run(process.execPath, ['--expose-gc', FIXED_HEAP, script, inFolder(''), '60', '50']);
  const { warm, end } = JSON.parse(stdout) as { warm: Memory; end: Memory };
  expect(end.arrayBuffers - warm.arrayBuffers).toBeLessThan(ACCOUNTED_MARGIN);
  expect(end.external - warm.external).toBeLessThan(ACCOUNTED_MARGIN);
  expect(end.rss - warm.rss).toBeLessThan(RSS_MARGIN);
});
