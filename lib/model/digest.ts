import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import type { ByteSource } from './source.ts';

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

/** SHA-256 of all bytes of a source, in hexadecimal. @throws HermError `ABORTED`, `IO` */
export async function digestOf(source: ByteSource, options: CallOptions = {}): Promise<string> {
  const digest = new Digest();
  for (let at = 0; at < source.size; at += READ_BYTES) {
    throwIfAborted(options.signal);
    const length = Math.min(READ_BYTES, source.size - at);
    await digest.update(await source.read(at, length));
    options.onProgress?.((at + length) / source.size);
  }
  return digest.hex();
}
