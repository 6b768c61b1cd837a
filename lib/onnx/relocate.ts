import type { Tensor, TensorInfo } from '../model/tensor.ts';

/** A file of external data with other tensors in it. */
export interface Relocated {
  readonly parts: readonly Uint8Array[];
  /** Where what began at a byte of the old file begins in the new one. */
  readonly placeOf: (offset: number) => number;
}

/** Tensors keep their alignment up to this, which is a cache line and enough for every dtype. */
const ALIGNMENT = 64;

/**
 * Writes a file of external data anew: its tensors, and between them what was there before.
 *
 * @param source all that no tensor covers
 * @param infos of the old tensors, in order
 * @param tensors the new ones
 */
export function relocate(source: Uint8Array, infos: readonly TensorInfo[], tensors: readonly Tensor[]): Relocated {
  const parts: Uint8Array[] = [];
  const moved: { readonly from: number; readonly to: number }[] = [{ from: 0, to: 0 }];
  let [used, old, length] = [0, 0, 0];
  const add = (part: Uint8Array): void => {
    parts.push(part);
    length += part.byteLength;
  };
  /** After something that is shorter than it was. */
  const align = (): void => {
    const gap = (((old - length) % ALIGNMENT) + ALIGNMENT) % ALIGNMENT;
    if (gap > 0) add(new Uint8Array(gap));
    moved.push({ from: old, to: length });
  };
  for (const [n, { begin, end }] of infos.entries()) {
    add(source.subarray(used, used + begin - old));
    used += begin - old;
    add(tensors[n]!.data);
    old = end;
    if (tensors[n]!.data.byteLength !== end - begin) align();
  }
  add(source.subarray(used));
  const placeOf = (offset: number): number => {
    const { from, to } = moved.findLast((place) => place.from <= offset)!;
    return offset - from + to;
  };
  return { parts, placeOf };
}
