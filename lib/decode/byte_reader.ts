import { HermError } from '../errors.ts';

/** Anything of a known size that gives slices of itself. A Blob has its size as `size`: wrap it. */
export interface AsyncBuffer {
  readonly byteLength: number;
  slice(start: number, end: number): ArrayBuffer | Uint8Array | Promise<ArrayBuffer | Uint8Array>;
}

/** Exact reads of bytes in memory or elsewhere. */
export class ByteReader {
  readonly size: number;
  readonly #input: Uint8Array | AsyncBuffer;

  constructor(input: Uint8Array | AsyncBuffer) {
    this.#input = input;
    this.size = input.byteLength;
  }

  /** @throws HermError `HERM_TRUNCATED` where the bytes are not all there, `IO` where they cannot be read. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = offset + length;
    if (!(end <= this.size)) throw new HermError('HERM_TRUNCATED', 'The file ends before the part that is needed.');
    if (this.#input instanceof Uint8Array) return this.#input.subarray(offset, end);
    const slice = await this.#slice(offset, end);
    const bytes = slice instanceof Uint8Array ? slice : new Uint8Array(slice);
    if (bytes.length === length) return bytes;
    throw new HermError('IO', `Reading ${length} bytes at ${offset} gave ${bytes.length}.`);
  }

  async #slice(offset: number, end: number): Promise<ArrayBuffer | Uint8Array> {
    try {
      return await this.#input.slice(offset, end);
    } catch (cause) {
      throw new HermError('IO', `Reading bytes ${offset} to ${end} failed.`, {}, { cause });
    }
  }
}
