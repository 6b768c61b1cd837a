import { lstat, mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { atomicWrite } from '../../lib/model/atomic_write.ts';
import { removePendingTempFiles } from '../../lib/model/temporary.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-atomic-'));
  path = join(folder, 'out.bin');
});
afterEach(() => rm(folder, { recursive: true }));

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test('the file appears whole, and nothing else stays', async () => {
  await atomicWrite(path, async (file) => {
    await file.write(text('one '));
    await file.write(new Uint8Array(0));
    await file.write(text('two'));
  });
  expect(await readFile(path, 'utf8')).toBe('one two');
  expect(await readdir(folder)).toEqual(['out.bin']);
});

test('a write larger than one piece keeps every byte', async () => {
  const bytes = new Uint8Array(2 ** 26 + 5).map((_, i) => i * 31);
  await atomicWrite(path, (file) => file.write(bytes));
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
});

test('until the end, readers see the old bytes and the new ones lie beside them', async () => {
  await writeFile(path, 'before');
  await atomicWrite(path, async (file) => {
    await file.write(text('after'));
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(await readdir(folder)).toHaveLength(2);
  });
  expect(await readFile(path, 'utf8')).toBe('after');
});

test('what the callback throws comes out as it is, and leaves the old file and no temporary one', async () => {
  await writeFile(path, 'before');
  const failure = new Error('the callback failed');
  const writing = atomicWrite(path, async (file) => {
    await file.write(text('after'));
    throw failure;
  });
  await expect(writing).rejects.toBe(failure);
  expect(await readFile(path, 'utf8')).toBe('before');
  expect(await readdir(folder)).toEqual(['out.bin']);
});

test('an abort before, between writes, or after the last one leaves no trace', async () => {
  const reason = new Error('enough');
  const aborted = { name: 'HermError', code: 'ABORTED', message: expect.stringContaining(path), cause: reason };
  const never = atomicWrite(path, () => Promise.reject(new Error('must not run')), {
    signal: AbortSignal.abort(reason),
  });
  await expect(never).rejects.toMatchObject(aborted);
  for (const writesAfter of [1, 0]) {
    const controller = new AbortController();
    const writing = atomicWrite(
      path,
      async (file) => {
        await file.write(text('first'));
        controller.abort(reason);
        for (let i = 0; i < writesAfter; i++) await file.write(text('second'));
      },
      { signal: controller.signal },
    );
    await expect(writing).rejects.toMatchObject(aborted);
  }
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that is missing, a folder in the place of the file, and a device are errors that name the path', async () => {
  const inMissing = join(folder, 'missing', 'out.bin');
  const write = (target: string): Promise<void> => atomicWrite(target, (file) => file.write(text('x')));
  await expect(write(inMissing)).rejects.toMatchObject({
    code: 'IO',
    message: `Cannot write ${inMissing}: no such file or directory; check the path.`,
  });
  await mkdir(path);
  await expect(write(path)).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining('not a regular file'),
  });
  await expect(write('/dev/null')).rejects.toMatchObject({ code: 'IO' });
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  expect(await readdir(folder)).toEqual(['out.bin']);
});

test('a symbolic link is followed, and an existing file keeps its permissions', async () => {
  const link = join(folder, 'link');
  await writeFile(path, 'before', { mode: 0o600 });
  await symlink(path, link);
  await atomicWrite(link, (file) => file.write(text('after')));
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(path, 'utf8')).toBe('after');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a flush that fails on the way is not forgotten where later ones succeed', async () => {
  const handle = await open(folder);
  await handle.close();
  const failing = vi.spyOn(Object.getPrototypeOf(handle), 'datasync');
  failing.mockRejectedValueOnce(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  const part = new Uint8Array(2 ** 22);
  const writing = atomicWrite(path, async (file) => {
    for (let n = 0; n < 4; n++) await file.write(part);
  });
  await expect(writing).rejects.toMatchObject({ code: 'IO' });
  expect(failing.mock.calls.length).toBeGreaterThan(1);
  failing.mockRestore();
  expect(await readdir(folder)).toEqual([]);
});

test('removePendingTempFiles removes the temporary files of all unfinished writes, at once', async () => {
  await writeFile(path, 'before');
  const interrupted = (target: string): Promise<void> =>
    atomicWrite(target, async (file) => {
      await file.write(text('after'));
      started.push(target);
      await bothStarted;
    });
  const started: string[] = [];
  let release = (): void => {};
  const bothStarted = new Promise<void>((resolve) => {
    release = resolve;
  });
  const writing = Promise.allSettled([interrupted(path), interrupted(join(folder, 'other.bin'))]);
  await expect.poll(() => started.length).toBe(2);
  expect(await readdir(folder)).toHaveLength(3);
  removePendingTempFiles();
  expect(await readdir(folder)).toEqual(['out.bin']);
  release();
  expect((await writing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await readFile(path, 'utf8')).toBe('before');
});
