import { HermError } from '../errors.ts';

/** One buffer of several parts. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/** Sections as one chunk: their lengths (u32 each), then their bytes. */
export function joinSections(sections: readonly Uint8Array[]): Uint8Array {
  const lengths = new DataView(new ArrayBuffer(4 * sections.length));
  for (const [n, { byteLength }] of sections.entries()) {
    if (byteLength >= 2 ** 32) {
      throw new HermError('TOO_LARGE', `A section of ${byteLength} bytes is beyond the .herm limit of 4 GiB.`);
    }
    lengths.setUint32(4 * n, byteLength, true);
  }
  return concat([new Uint8Array(lengths.buffer), ...sections]);
}

/**
 * The sections of a chunk, as views of it.
 *
 * @throws HermError `HERM_CORRUPT` when there are not exactly `count`.
 */
export function splitSections(chunk: Uint8Array, count: number, subject: string): Uint8Array[] {
  const corrupt = () => new HermError('HERM_CORRUPT', `${subject} is corrupt: its sections do not fill it.`);
  if (chunk.byteLength < 4 * count) throw corrupt();
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  let at = 4 * count;
  const sections = Array.from({ length: count }, (_, n) => {
    const start = at;
    at += view.getUint32(4 * n, true);
    return chunk.subarray(start, at);
  });
  if (at !== chunk.byteLength) throw corrupt();
  return sections;
}

/** The bytes of a typed array, where it lies. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
