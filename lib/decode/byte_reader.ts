import { requireBuffer } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { AsyncBuffer } from '../source/input.ts';

/** Exact reads of bytes in memory or elsewhere. */
export class ByteReader {
  readonly size: number;
  readonly #input: Uint8Array | AsyncBuffer;

  constructor(input: Uint8Array | AsyncBuffer) {
    if (input instanceof Uint8Array) requireBuffer('The file', input.buffer);
    this.#input = input;
    this.size = 'byteLength' in input ? input.byteLength : input.size;
  }

  /** @throws HermError `HERM_TRUNCATED` where the bytes are not all there, `IO` where they cannot be read. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = offset + length;
    if (!(end <= this.size)) throw new HermError('HERM_TRUNCATED', 'The file ends before the part that is needed.');
    if (this.#input instanceof Uint8Array) return this.#input.subarray(offset, end);
    const bytes = await slice(this.#input, offset, end);
    if (bytes.length === length) return bytes;
    throw new HermError('IO', `Reading ${length} bytes at ${offset} gave ${bytes.length}.`);
  }
}

async function slice(input: AsyncBuffer, offset: number, end: number): Promise<Uint8Array> {
  try {
    const given = await input.slice(offset, end);
    const part = 'arrayBuffer' in given ? await given.arrayBuffer() : given;
    return ArrayBuffer.isView(part)
      ? new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
      : new Uint8Array(part);
  } catch (cause) {
    throw new HermError('IO', `Reading bytes ${offset} to ${end} failed.`, {}, { cause });
  }
}
