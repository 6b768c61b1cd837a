import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import type { Model } from './model.ts';
import { type ByteSource, fileSource } from './source.ts';

/** Hashing runs on the event loop: pieces of this size take about a millisecond. */
const PIECE_BYTES = 2 ** 20;

/** SHA-256 of bytes that arrive in parts, without holding up the event loop. */
export class Digest {
  readonly #hash = createHash('sha256');

  async update(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) {
      if (start > 0) await setImmediate();
      this.#hash.update(bytes.subarray(start, start + PIECE_BYTES));
    }
  }

  /** The digest in hexadecimal; nothing can be added afterwards. */
  hex(): string {
    return this.#hash.digest('hex');
  }
}

const READ_BYTES = 2 ** 22;

/** SHA-256 of the files of a model, in hexadecimal. */
export interface ModelDigests {
  readonly files: readonly string[];
  readonly extras: readonly string[];
}

/** @throws HermError `ABORTED`, `IO` */
export async function digestsOf({ files, extras }: Model, options: CallOptions = {}): Promise<ModelDigests> {
  const size = [...files.map(({ source }) => source), ...extras].reduce((sum, file) => sum + file.size, 0);
  let done = 0;
  const digest = async (source: ByteSource) =>
    digestOf(source, options.signal, (bytes) => {
      done += bytes;
      options.onProgress?.(done / size);
    });
  const found = { files: [] as string[], extras: [] as string[] };
  for (const { source } of files) found.files.push(await digest(source));
  for (const { path } of extras) {
    const source = await fileSource(path);
    found.extras.push(await digest(source).finally(() => source.close()));
  }
  return found;
}

async function digestOf(
  source: ByteSource,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const digest = new Digest();
  for (let at = 0; at < source.size; at += READ_BYTES) {
    throwIfAborted(signal);
    const length = Math.min(READ_BYTES, source.size - at);
    await digest.update(await source.read(at, length));
    onBytes(length);
  }
  return digest.hex();
}
