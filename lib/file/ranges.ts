import type { ChunkEntry } from './schema.ts';

/** One read: bytes of the chunk area. */
export interface ChunkRange {
  readonly offset: number;
  readonly length: number;
  /** The chunks that it is made for, ascending; others may lie between them. */
  readonly chunks: readonly number[];
}

/** Beyond this, one read more costs nothing that counts, and its bytes are needed in two places for a while. */
const RANGE_BYTES = 2 ** 26;

/**
 * The reads that get these chunks: those with at most `slack` bytes between them come by one read.
 *
 * @param chunks ascending.
 * @param limit how long a read of several chunks may be.
 */
export function planRanges(
  entries: readonly ChunkEntry[],
  chunks: readonly number[],
  slack: number,
  limit = RANGE_BYTES,
): ChunkRange[] {
  const ranges: { offset: number; length: number; chunks: number[] }[] = [];
  for (const chunk of chunks) {
    const { offset, length } = entries[chunk]!;
    const last = ranges.at(-1);
    const end = offset + length;
    if (last && offset - (last.offset + last.length) <= slack && end - last.offset <= limit) {
      last.length = end - last.offset;
      last.chunks.push(chunk);
    } else ranges.push({ offset, length, chunks: [chunk] });
  }
  return ranges;
}
