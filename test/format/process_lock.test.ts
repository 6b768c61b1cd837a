import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockPath } from '../../lib/file/process_lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-lock-'));
  path = join(folder, 'output.partial');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('is held by one of several that ask at once, and free again after it', async () => {
  for (let round = 0; round < 20; round++) {
    const asked = await Promise.allSettled(Array.from({ length: 6 }, () => lockPath(path)));
    const holders = asked.filter((one) => one.status === 'fulfilled');
    expect(holders).toHaveLength(1);
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(String(process.pid));
    await holders[0]!.value();
    expect(existsSync(`${path}.lock`)).toBe(false);
  }
});

it('of a process that has ended counts for nothing, nor does what a crash has left', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  for (const text of [pid, process.pid, '', 'no number']) {
    writeFileSync(`${path}.lock`, String(text));
    await (await lockPath(path))();
    expect(existsSync(`${path}.lock`)).toBe(false);
  }
});

it('of a process that runs is left to it', async () => {
  writeFileSync(`${path}.lock`, String(process.ppid));
  await expect(lockPath(path)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', details: { process: process.ppid } });
  expect(readFileSync(`${path}.lock`, 'utf8')).toBe(String(process.ppid));
});
