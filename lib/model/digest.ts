import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

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
