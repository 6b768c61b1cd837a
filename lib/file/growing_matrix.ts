import type { RectangleArgs, WordLayout } from '../native/binding.ts';
import { type CodecOptions, decodeRectangle, encodeRectangle } from './codec.ts';

/** One axis of a matrix that grows from level to level. */
export interface GrowingAxis {
  /** Row (or column) numbers in the order in which they appear. */
  readonly list: Uint32Array;
  /** Classes of the words, one an entry of `list`, as in native/kernels/planes.h; undefined: all 0. */
  readonly classes: Uint8Array | undefined;
  /** How many of them each level reaches. */
  readonly extents: readonly number[];
}

/** A matrix [rows×cols] of words, and how it grows. */
export interface GrowingMatrix {
  readonly words: Uint8Array;
  readonly rows: number;
  readonly cols: number;
  readonly rowAxis: GrowingAxis;
  readonly colAxis: GrowingAxis;
}

/** An axis that is all there from the first level on. */
export function wholeAxis(length: number, levels: number): GrowingAxis {
  return { list: range(length), classes: undefined, extents: new Array<number>(levels).fill(length) };
}

export function range(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => index);
}

/** The two rectangles by which a level makes a matrix grow: its new rows, then the new columns of the rows before. */
function growth(matrix: GrowingMatrix, layout: WordLayout, level: number): [RectangleArgs, RectangleArgs] {
  const before = (axis: GrowingAxis) => (level === 0 ? 0 : axis.extents[level - 1]!);
  const after = (axis: GrowingAxis) => axis.extents[level]!;
  const { rowAxis, colAxis, rows, cols, words } = matrix;
  const cut = (row0: number, row1: number, col0: number, col1: number): RectangleArgs => ({
    ...layout,
    rows,
    cols,
    words,
    rowList: rowAxis.list.subarray(row0, row1),
    rowClass: rowAxis.classes?.subarray(row0, row1),
    colList: colAxis.list.subarray(col0, col1),
    colClass: colAxis.classes?.subarray(col0, col1),
  });
  return [
    cut(before(rowAxis), after(rowAxis), 0, after(colAxis)),
    cut(0, before(rowAxis), before(colAxis), after(colAxis)),
  ];
}

/** The two sections that a level adds to a matrix. */
export async function encodeGrowth(
  matrix: GrowingMatrix,
  layout: WordLayout,
  level: number,
  options: CodecOptions,
): Promise<Uint8Array[]> {
  const [rows, cols] = growth(matrix, layout, level);
  return [await encodeRectangle(rows, options), await encodeRectangle(cols, options)];
}

/** Fills what a level adds. @throws HermError `HERM_CORRUPT` that names `subject`. */
export async function decodeGrowth(
  sections: readonly [Uint8Array, Uint8Array],
  matrix: GrowingMatrix,
  layout: WordLayout,
  level: number,
  subject: string,
  options: CodecOptions,
): Promise<void> {
  const [rows, cols] = growth(matrix, layout, level);
  await decodeRectangle(sections[0], rows, subject, options);
  await decodeRectangle(sections[1], cols, subject, options);
}
