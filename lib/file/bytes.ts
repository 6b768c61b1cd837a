import { HermError } from '../errors.ts';
import { concat } from '../model/concat.ts';

/** Sections as one chunk: their lengths (LEB128 each), then their bytes. */
export function joinSections(sections: readonly Uint8Array[]): Uint8Array {
  const lengths = sections.flatMap(({ byteLength }) => leb128(byteLength));
  return concat([Uint8Array.from(lengths), ...sections]);
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128));
  return [...bytes, rest];
}

/** No buffer is longer than 2^53 bytes, which takes eight bytes of LEB128. */
const MAX_LEB128_BYTES = 8;

/** The bytes at the beginning of a chunk that surely hold the lengths of `count` sections. */
export function headBytes(count: number): number {
  return count * MAX_LEB128_BYTES;
}

/**
 * Where the sections of a chunk begin, and where the last one ends: [count + 1].
 *
 * @param head the chunk, or {@link headBytes} of it.
 * @param size bytes of the whole chunk.
 * @throws HermError `HERM_CORRUPT` when there are not exactly `count`.
 */
export function sectionBounds(head: Uint8Array, size: number, count: number, subject: string): number[] {
  let at = 0;
  const lengths = Array.from({ length: count }, () => {
    let length = 0;
    for (let digit = 0; digit < MAX_LEB128_BYTES; digit++) {
      const byte = head[at++] ?? 0;
      length += (byte % 128) * 128 ** digit;
      if (byte < 128) break;
    }
    return length;
  });
  const bounds = [at];
  for (const length of lengths) bounds.push(bounds.at(-1)! + length);
  if (bounds.at(-1) === size) return bounds;
  throw new HermError('HERM_CORRUPT', `${subject} is corrupt: its sections do not fill it.`);
}

/** The sections of a chunk, as views of it. @throws HermError as {@link sectionBounds} */
export function splitSections(chunk: Uint8Array, count: number, subject: string): Uint8Array[] {
  const bounds = sectionBounds(chunk, chunk.byteLength, count, subject);
  return Array.from({ length: count }, (_, section) => chunk.subarray(bounds[section], bounds[section + 1]));
}
