import { freeBuffer } from '../native/free.ts';

/** Buffers that do not fit what comes next may stay for what comes after it. */
const SPARE = 1.25;

/** Windows that files are read through. */
export const WINDOW_BYTES = 2 ** 22;

/**
 * Memory that is used again. A pass over a model needs as much for every layer as for the last one, and the collector
 * frees late: it would grow by a layer or two. Never has much more than was once in use at the same time.
 */
export class Workspace {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #freeBytes = 0;
  #usedBytes = 0;
  #mostUsed = 0;

  /** Bytes of any value. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const found = this.#fitting(length);
    if (found !== undefined) return this.#use(this.#remove(found), length);
    const size = roundUp(length);
    const limit = SPARE * Math.max(this.#mostUsed, this.#usedBytes + size);
    for (;;) {
      const excess = this.#freeBytes + this.#usedBytes + size - limit;
      if (excess <= 0) break;
      // The smallest one that is enough; else the largest.
      const enough = this.#free.findIndex(({ byteLength }) => byteLength >= excess);
      freeBuffer(this.#remove(enough < 0 ? this.#free.length - 1 : enough).buffer);
    }
    return this.#use(new Uint8Array(size), length);
  }

  /** Takes back what {@link take} gave, which nobody uses any more. */
  give({ buffer }: Uint8Array): void {
    const bytes = new Uint8Array(buffer as ArrayBuffer);
    this.#usedBytes -= bytes.byteLength;
    this.#freeBytes += bytes.byteLength;
    const at = this.#free.findIndex(({ byteLength }) => byteLength > bytes.byteLength);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, bytes);
  }

  /** The smallest buffer that is as long, unless much of it would lie idle. */
  #fitting(length: number): number | undefined {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= length);
    return at >= 0 && this.#free[at]!.byteLength <= 2 * roundUp(length) ? at : undefined;
  }

  #remove(at: number): Uint8Array<ArrayBuffer> {
    const [bytes] = this.#free.splice(at, 1);
    this.#freeBytes -= bytes!.byteLength;
    return bytes!;
  }

  #use(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
    this.#usedBytes += bytes.byteLength;
    this.#mostUsed = Math.max(this.#mostUsed, this.#usedBytes);
    return bytes.subarray(0, length);
  }
}

/** Layers that are alike have compressed sizes that nearly are: steps of at most a sixteenth. */
function roundUp(length: number): number {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(Math.max(1, length))) - 4);
  return Math.ceil(length / step) * step;
}
