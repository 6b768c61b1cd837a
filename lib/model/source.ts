import { type FileHandle, open, stat } from 'node:fs/promises';
import { requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { ioError } from './messages.ts';

/** Where bytes come from: something of a known size that can be read anywhere. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes that are sooner read along than skipped by one more read; by default 0. */
  readonly slack?: number;
  /** The first bytes, where opening the source has brought them along. */
  readonly head?: Uint8Array;
  /**
   * Exactly `length` bytes from `offset`. A source that takes long to read heeds the signal.
   *
   * @throws HermError `IO` when they do not all lie inside the source or cannot be read, `OUT_OF_MEMORY` when they do
   * not fit in one buffer, `ABORTED`.
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Fills `bytes` from `offset`, where the source need not allocate any. @throws HermError as {@link read} */
  readInto?(offset: number, bytes: Uint8Array): Promise<void>;
  /** Frees what reading holds; no call may follow. */
  close(): Promise<void>;
}

/** One system call reads less than 2^31 bytes; pieces of this size also keep a large read interruptible. */
const PIECE_BYTES = 2 ** 28;

type Extent = Pick<ByteSource, 'name' | 'size'>;

/** Checked before any allocation: a length that comes from a file may be a lie. */
function checkRange(source: Extent, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0) {
    if (offset + length <= source.size) return;
  }
  throw new HermError(
    'IO',
    `Cannot read ${length} bytes at ${offset} of ${source.name}: it has ${source.size} bytes.`,
    { file: source.name, offset, length, size: source.size },
  );
}

function allocate(length: number, name: string): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new HermError(
      'OUT_OF_MEMORY',
      `${length} bytes of ${name} do not fit in one buffer of this process. Give it more memory, or split the tensor.`,
      { file: name, length },
      { cause },
    );
  }
}

async function readPieces(handle: FileHandle, path: string, offset: number, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const wanted = Math.min(PIECE_BYTES, bytes.byteLength - done);
    const { bytesRead } = await handle.read(bytes, done, wanted, offset + done).catch((cause: unknown) => {
      throw ioError('read', path, cause);
    });
    if (bytesRead === 0) {
      throw new HermError('IO', `Cannot read ${path}: it became shorter while it was read.`, { file: path });
    }
    done += bytesRead;
  }
}

/**
 * A file, of any size; its size is taken once, when it is opened.
 *
 * @throws HermError `IO` when there is no such regular file or it may not be read.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const opening = async () => {
    // Looked at before opening, because opening a pipe would wait for its writer.
    const info = await stat(path);
    if (!info.isFile()) throw new HermError('IO', `Cannot read ${path}: it is not a regular file.`, { file: path });
    return open(path, 'r');
  };
  const handle = await opening().catch((cause: unknown) => {
    throw ioError('read', path, cause);
  });
  const { size } = await handle.stat();
  const extent: Extent = { name: path, size };
  return {
    ...extent,
    async read(offset, length) {
      checkRange(extent, offset, length);
      const bytes = allocate(length, path);
      await readPieces(handle, path, offset, bytes);
      return bytes;
    },
    async readInto(offset, bytes) {
      checkRange(extent, offset, bytes.byteLength);
      await readPieces(handle, path, offset, bytes);
    },
    close: () => handle.close(),
  };
}

/** All bytes of a file. @throws HermError as {@link fileSource} and its source's `read`. */
export async function readWhole(path: string): Promise<Uint8Array> {
  const source = await fileSource(path);
  return source.read(0, source.size).finally(() => source.close());
}

/** Bytes in memory; what it reads are views of them, not copies. */
export function bufferSource(bytes: Uint8Array, name = 'buffer'): ByteSource {
  requireArray('bytes', bytes, Uint8Array);
  const extent: Extent = { name, size: bytes.byteLength };
  return {
    ...extent,
    async read(offset, length) {
      checkRange(extent, offset, length);
      return new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length);
    },
    async close() {},
  };
}
