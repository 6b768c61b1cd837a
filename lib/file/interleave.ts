import type { HermHeader } from './schema.ts';

/**
 * A file as its pieces follow each other: its tensors where they lie, and between them what no tensor covers.
 *
 * @param source all that no tensor covers
 * @param tensors the bytes of the file's tensors, in order and in pieces; each is asked for when its turn comes
 */
export async function* interleave(
  { files, tensors: infos }: Pick<HermHeader, 'files' | 'tensors'>,
  file: number,
  source: Uint8Array,
  tensors: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { dataOffset } = files[file]!;
  let [used, at] = [0, 0];
  try {
    for (const { begin, end, file: own } of infos) {
      if (own !== file) continue;
      const gap = dataOffset + begin - at;
      if (gap > 0) yield source.subarray(used, used + gap);
      used += gap;
      at = dataOffset + end;
      for (let left = end - begin; left > 0; ) {
        const piece = (await tensors.next()).value!;
        left -= piece.byteLength;
        yield piece;
      }
    }
    // Whoever makes the pieces checks at the end that nothing is left over.
    for await (const piece of tensors) yield piece;
  } finally {
    await tensors.return();
  }
  if (used < source.byteLength) yield source.subarray(used);
}
