import { axisState, visibleLeaves } from '../herm/axis_state.ts';
import { type AxisState, selectWords, unfoldMatrix } from '../herm/exact_matrix.ts';
import { ascendingPositions, type Unfolding } from '../herm/unfolding.ts';
import { dtypeBytes } from '../model/tensor.ts';
import type { WordLayout } from '../native/binding.ts';
import { type CodecOptions, floatWords, plainWords } from './codec.ts';
import { decodeGrowth, range } from './growing_matrix.ts';
import { type Axis, type WeightLayout, weightShape } from './layout.ts';
import { type MatrixAxes, weightAxes } from './weight_axes.ts';

/** What a reader holds of one weight tensor: its sections of levels 0…L, and the hierarchies down to level L. */
export interface HeldWeight {
  readonly weight: WeightLayout;
  readonly shift: number;
  /** [levels][sections] */
  readonly sections: readonly (readonly Uint8Array[])[];
  /** Of all blocks. */
  readonly unfoldings: readonly Unfolding[];
  /** [levels][blocks] */
  readonly ladder: readonly (readonly number[])[];
  /** What messages call the tensor. */
  readonly subject: string;
}

/** Words that are numbered compactly, as far as the last held level. */
interface HeldMatrix {
  readonly words: Uint8Array;
  readonly rows: number;
  readonly cols: number;
}

/**
 * The tensor at the widths of its axes' blocks, neurons in ascending order of their slots.
 *
 * @param widths of all blocks; those of the tensor's axes at most the ladder's last.
 * @returns raw words: [k×cols], [rows×k] or, between two hidden layers, [k×l].
 * @throws HermError `HERM_CORRUPT` where no encoder can have written the sections.
 */
export async function decodeWeight(
  held: HeldWeight,
  widths: readonly number[],
  options: CodecOptions,
): Promise<Uint8Array> {
  const { weight, shift, unfoldings } = held;
  const { dtype, rowAxis, colAxis } = weight;
  const { floats, rowIndex, colIndex } = await decodeMatrices(held, options);
  const [rows, cols] = weightShape(weight, widths);
  const select = (from: HeldMatrix, rowList: Uint32Array, colList: Uint32Array) =>
    selectWords({ ...from, dtype, shift }, rowList, colList, options);

  let rowState: AxisState | undefined;
  let colState: AxisState | undefined;
  if (rowAxis !== undefined && rowIndex !== undefined) {
    const unfolding = unfoldings[rowAxis.block]!;
    const indexes = await select(rowIndex, lastRows(rowIndex, rows - unfolding.roots), range(cols));
    rowState = axisState(unfolding, rowAxis.side, rows, indexes, undefined);
  }
  if (colAxis !== undefined && colIndex !== undefined) {
    const unfolding = unfoldings[colAxis.block]!;
    const leaves = rowAxis && visibleLeaves(unfoldings[rowAxis.block]!, rows);
    const indexes = await select(
      // Without a single original row there are no indexes to choose from, and none are looked at.
      colIndex.cols === 0 ? emptyIndexes(colIndex.rows, dtypeBytes(dtype)) : colIndex,
      lastRows(colIndex, cols - unfolding.roots),
      leaves?.ranks ?? range(rows),
    );
    colState = axisState(unfolding, colAxis.side, cols, indexes, leaves?.present);
  }
  const cut = { dtype, shift, rows, cols, words: await select(floats, range(rows), range(cols)) };
  const words = await unfoldMatrix(cut, rowState, colState, options);
  const order = (axis: Axis | undefined, size: number) =>
    axis === undefined ? range(size) : ascendingPositions(unfoldings[axis.block]!, size);
  return select({ ...cut, words }, order(rowAxis, rows), order(colAxis, cols));
}

/** Merges are held fine to coarse, so the coarsest `count` come last. */
function lastRows({ rows }: HeldMatrix, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, n) => rows - count + n);
}

function emptyIndexes(rows: number, wordBytes: number): HeldMatrix {
  return { words: new Uint8Array(rows * wordBytes), rows, cols: 1 };
}

interface HeldMatrices {
  readonly floats: HeldMatrix;
  readonly rowIndex: HeldMatrix | undefined;
  readonly colIndex: HeldMatrix | undefined;
}

async function decodeMatrices(held: HeldWeight, options: CodecOptions): Promise<HeldMatrices> {
  const { weight, unfoldings, ladder, shift } = held;
  const wordBytes = dtypeBytes(weight.dtype);
  const axes = weightAxes(weight, unfoldings, ladder, 'compact');
  let next = 0;
  const decode = async (matrixAxes: MatrixAxes, layout: WordLayout): Promise<HeldMatrix> => {
    const first = next;
    next += 2;
    return decodeMatrix(held, matrixAxes, layout, first, options);
  };
  return {
    floats: await decode(axes.floats, floatWords(wordBytes, shift)),
    rowIndex: axes.rowIndex && (await decode(axes.rowIndex, plainWords(wordBytes))),
    colIndex: axes.colIndex && (await decode(axes.colIndex, plainWords(wordBytes))),
  };
}

/** Decodes sections `first` and `first + 1` of every level into one matrix. */
async function decodeMatrix(
  { sections, subject }: HeldWeight,
  { rowAxis, colAxis }: MatrixAxes,
  layout: WordLayout,
  first: number,
  options: CodecOptions,
): Promise<HeldMatrix> {
  const [rows, cols] = [rowAxis.list.length, colAxis.list.length];
  const words = new Uint8Array(rows * cols * layout.wordBytes);
  const matrix = { words, rows, cols, rowAxis, colAxis };
  for (const [level, parts] of sections.entries()) {
    await decodeGrowth([parts[first]!, parts[first + 1]!], matrix, layout, level, subject, options);
  }
  return { words, rows, cols };
}
