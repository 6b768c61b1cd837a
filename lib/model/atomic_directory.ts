import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HermError } from '../errors.ts';
import { throwIfAborted } from '../native/call.ts';
import { type AtomicWriteOptions, syncDirectory, temporaryName, writeAll } from './atomic_write.ts';
import { ioError } from './messages.ts';
import { holdTemporary, releaseTemporary } from './temporary.ts';

/** Writes one file of the new directory. */
export type WriteFile = (name: string, parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => Promise<void>;

/**
 * Makes a directory of files so that `path` holds all of them or nothing, also after a crash: in a temporary directory
 * beside it, flushed to the disk, then renamed. On any error or abort nothing is left.
 *
 * @throws HermError `OUTPUT_EXISTS` unless there is nothing at `path`, or an empty directory; `IO`; `ABORTED`.
 */
export async function atomicDirectory(
  path: string,
  fill: (write: WriteFile) => Promise<void>,
  { signal }: AtomicWriteOptions = {},
): Promise<void> {
  const target = resolve(path);
  const temporary = temporaryName(target);
  const io = async <T>(operation: Promise<T>): Promise<T> =>
    operation.catch((cause: unknown) => {
      throw ioError('write', path, cause);
    });
  throwIfAborted(signal);
  await requireVacant(path);
  holdTemporary(temporary);
  try {
    await io(mkdir(temporary));
    await fill(async (name, parts) => {
      const handle = await io(open(join(temporary, name), 'wx'));
      try {
        for await (const part of parts) {
          throwIfAborted(signal);
          await io(writeAll(handle, part));
        }
        await io(handle.sync());
      } finally {
        await handle.close();
      }
    });
    await io(syncDirectory(temporary));
    throwIfAborted(signal);
    await io(removeEmpty(target));
    await io(rename(temporary, target));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  } finally {
    releaseTemporary(temporary);
  }
  await io(syncDirectory(dirname(target)));
}

/** Windows renames nothing onto a directory, even an empty one; other systems replace it without a moment of neither. */
async function removeEmpty(path: string): Promise<void> {
  if (process.platform !== 'win32') return;
  await rmdir(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
  });
}

/** Looks at where a directory is to be, before the work that fills it. @throws HermError `OUTPUT_EXISTS`, `IO` */
export async function requireVacant(path: string): Promise<void> {
  const names = await readdir(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    // A file: as much in the way as a directory that is not empty.
    if (cause.code === 'ENOTDIR') return [path];
    throw ioError('write', path, cause);
  });
  if (names.length === 0) return;
  const why = `${path} exists already, and is no empty directory. Name a new one.`;
  throw new HermError('OUTPUT_EXISTS', why, { file: path });
}
