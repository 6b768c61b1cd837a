import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { HermError } from '../errors.ts';
import { ioError } from './messages.ts';
import { holdTemporary, releaseTemporary } from './temporary.ts';

/** What {@link atomicWrite} hands to its callback; each write appends all of `bytes`. */
export interface AtomicWriter {
  /** The temporary file, for reading back what has been written so far. */
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
}

export interface AtomicWriteOptions {
  readonly signal?: AbortSignal;
}

/** What is written reaches the disk in parts of this size while more is made: little is left to wait for at the end. */
const FLUSH_BYTES = 2 ** 22;

/** One system call writes less than 2^31 bytes; pieces also let an abort stop a large write. */
const PIECE_BYTES = 2 ** 26;

/**
 * Writes a file so that `path` holds either what it held before or all of the new bytes, also after a crash: into a
 * temporary file beside it, flushed to the disk, then renamed. On any error or abort the temporary file is removed.
 * A symbolic link is followed; an existing file keeps its permissions.
 *
 * @throws HermError `IO` when the file cannot be written, `ABORTED` when the signal fired first; what `write` throws.
 */
export async function atomicWrite(
  path: string,
  write: (writer: AtomicWriter) => Promise<void>,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const checkAbort = (): void => {
    if (options.signal?.aborted !== true) return;
    const cause: unknown = options.signal.reason;
    throw new HermError('ABORTED', `Writing ${path} was aborted; it was left as it was.`, { file: path }, { cause });
  };
  const io = async <T>(operation: Promise<T>): Promise<T> =>
    operation.catch((cause: unknown) => {
      throw ioError('write', path, cause);
    });
  checkAbort();
  const target = await findTarget(path);
  const temporary = temporaryName(target.path);
  holdTemporary(temporary);
  try {
    const handle = await io(open(temporary, 'wx'));
    const flushing = new Flushing(handle);
    try {
      await write({
        path: temporary,
        async write(bytes) {
          for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) {
            checkAbort();
            const piece = bytes.subarray(start, start + PIECE_BYTES);
            await io(writeAll(handle, piece));
            flushing.wrote(piece.byteLength);
          }
        },
      });
      if (target.mode !== undefined) await io(handle.chmod(target.mode));
      await io(flushing.end());
      await io(handle.sync());
    } finally {
      await flushing.end().catch(() => {});
      await handle.close();
    }
    checkAbort();
    await io(rename(temporary, target.path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    releaseTemporary(temporary);
  }
  await io(syncDirectory(dirname(target.path)));
}

/** Flushes a file while it is written, once at a time. */
class Flushing {
  readonly #handle: FileHandle;
  #waiting = 0;
  #busy = false;
  #last: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  wrote(bytes: number): void {
    this.#waiting += bytes;
    if (this.#busy || this.#waiting < FLUSH_BYTES) return;
    this.#waiting = 0;
    this.#busy = true;
    const flush = this.#handle.datasync().finally(() => {
      this.#busy = false;
    });
    // The system tells of a failure once: it must not be forgotten where a later call succeeds.
    this.#last = Promise.all([this.#last, flush]).then(() => {});
    this.#last.catch(() => {});
  }

  /** @throws what any of the flushes failed with. */
  end(): Promise<void> {
    return this.#last;
  }
}

/** A name beside `path` that nothing has. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
}

/**
 * The file to replace, behind any symbolic link: renaming onto a link, device or pipe would replace that instead.
 *
 * @throws HermError `IO` where there can be no such file.
 */
export async function findTarget(path: string): Promise<{ path: string; mode?: number }> {
  try {
    const real = await realpath(path);
    const info = await stat(real);
    if (!info.isFile()) {
      throw new HermError('IO', `Cannot write ${path}: it exists and is not a regular file.`, { file: path });
    }
    return { path: real, mode: info.mode & 0o7777 };
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return { path: resolve(path) };
    throw ioError('write', path, cause);
  }
}

/** Appends all of `bytes`, however many they are. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(PIECE_BYTES, bytes.byteLength - done));
    done += bytesWritten;
  }
}

/** Makes the rename itself durable. Windows cannot open a directory, and needs no such call. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
