import { type DType, dtypeBytes } from '../model/tensor.ts';
import { type Addon, NATIVE_DTYPES, type NativeJob, type NativeLanes } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import type { SideRecord } from './fold.ts';

export type KernelOptions = Pick<CallOptions, 'signal' | 'threads'>;

/** Raw words of a weight tensor [rows×cols]. */
export interface RawMatrix {
  readonly dtype: DType;
  /** Zero low bits that all words of the original tensor share. */
  readonly shift: number;
  readonly rows: number;
  readonly cols: number;
  readonly words: Uint8Array;
}

/** n merges of lanes, fine to coarse. */
export interface LaneMerges {
  /** [2n] lanes i < j. */
  readonly pairs: Uint32Array;
  /** [2n] half-precision bit patterns. */
  readonly coefficients: Uint16Array;
}

/** What exact coding notes of one axis; `indexes` [n×length of a lane] are words of the tensor's size. */
export interface AxisCode extends SideRecord {
  readonly indexes: Uint8Array;
}

export interface CodedMatrix {
  /** [rows×cols] roots and coded children. */
  readonly words: Uint8Array;
  readonly rowCode: AxisCode | undefined;
  readonly colCode: AxisCode | undefined;
}

/**
 * Merges all neurons of a tensor so that every merge can be undone to the last bit: first along its columns, then along
 * its rows, so that both trees of a matrix between two hidden layers can be unfolded independently.
 */
export async function foldMatrix(
  matrix: RawMatrix,
  rowTree: LaneMerges | undefined,
  colTree: LaneMerges | undefined,
  options: KernelOptions,
): Promise<CodedMatrix> {
  const { rows, cols } = matrix;
  let words: Uint8Array;
  let colCode: AxisCode | undefined;
  if (colTree !== undefined) {
    const lanes = await transpose(matrix, options);
    colCode = await foldLanes({ ...matrix, rows: cols, cols: rows, words: lanes }, colTree, undefined, options);
    words = await transpose({ ...matrix, rows: cols, cols: rows, words: lanes }, options);
  } else {
    // Not slice(): that of a Buffer would share the caller's bytes, and folding works in place.
    words = new Uint8Array(matrix.words);
  }
  if (rowTree === undefined) return { words, rowCode: undefined, colCode };
  const rowCode = await foldLanes({ ...matrix, words }, rowTree, colCode?.coarse, options);
  return { words, rowCode, colCode };
}

/** In place; lanes are rows. */
async function foldLanes(
  matrix: RawMatrix,
  tree: LaneMerges,
  elementCoarse: Uint8Array | undefined,
  options: KernelOptions,
): Promise<AxisCode> {
  const merges = tree.pairs.length / 2;
  const code = {
    flags: new Uint8Array(merges),
    coarse: new Uint8Array(matrix.rows),
    indexes: new Uint8Array(merges * matrix.cols * dtypeBytes(matrix.dtype)),
  };
  if (merges > 0) {
    await callNative(options, (native, job) =>
      native.forwardLanes({ ...lanesOf(matrix), ...tree, ...code, shift: matrix.shift, elementCoarse }, job),
    );
  }
  return code;
}

/** One axis of a coded matrix at the width to unfold to: its merges, and what {@link foldMatrix} noted of them. */
export interface AxisState extends LaneMerges, AxisCode {
  /** [length of a lane] 0 where an element has no indexes; undefined where all have. */
  readonly present: Uint8Array | undefined;
}

/**
 * Undoes {@link foldMatrix} as far as the given merges go: first the rows, then the columns. In place, and consumes
 * `coarse` of the states.
 *
 * @throws HermError `HERM_CORRUPT` where no encoder can have written these words.
 */
export async function unfoldMatrix(
  matrix: RawMatrix,
  rowState: AxisState | undefined,
  colState: AxisState | undefined,
  options: KernelOptions,
): Promise<Uint8Array> {
  const { rows, cols } = matrix;
  if (rowState !== undefined) await unfoldLanes(matrix, rowState, colState?.coarse, options);
  if (colState === undefined || colState.pairs.length === 0) return matrix.words;
  const columns = { ...matrix, rows: cols, cols: rows, words: await transpose(matrix, options) };
  // Rows that are still merged lie on their own grid; the columns of original rows are coded without regard to it.
  await unfoldLanes(columns, colState, rowState?.coarse, options);
  return transpose(columns, options);
}

async function unfoldLanes(
  matrix: RawMatrix,
  state: AxisState,
  elementCoarse: Uint8Array | undefined,
  options: KernelOptions,
): Promise<void> {
  const to = state.pairs.length / 2;
  if (to === 0) return;
  await callNative(options, (native, job) =>
    native.inverseLanes(
      { ...lanesOf(matrix), ...state, shift: matrix.shift, elementCoarse: elementCoarse?.slice(), from: 0, to },
      job,
    ),
  );
}

/**
 * Merges all lanes (rows) of a matrix without a record, in place: each lane that lives afterwards holds its root.
 */
export async function mergeRows(matrix: RawMatrix, tree: LaneMerges, options: KernelOptions): Promise<void> {
  const to = tree.pairs.length / 2;
  if (to === 0) return;
  const { shift, rows } = matrix;
  const coarse = new Uint8Array(rows);
  await callNative(options, (native, job) =>
    native.mergeLanes({ ...lanesOf(matrix), ...tree, shift, coarse, elementCoarse: undefined, from: 0, to }, job),
  );
}

function lanesOf({ dtype, rows, cols, words }: RawMatrix): NativeLanes {
  return { lanes: words, dtype: NATIVE_DTYPES[dtype], laneCount: rows, length: cols };
}

/** [cols×rows] */
export function transpose({ dtype, rows, cols, words }: RawMatrix, options: KernelOptions): Promise<Uint8Array> {
  return callNative(options, async (native, job) => {
    const lanes = new Uint8Array(words.byteLength);
    const source = { data: words, dtype: NATIVE_DTYPES[dtype], rows, cols, transposed: true };
    await native.loadLanes({ source, lanes }, job);
    return lanes;
  });
}

/** The words in the given rows and columns, in the order of the lists. */
export function selectWords(
  matrix: RawMatrix,
  rowList: Uint32Array,
  colList: Uint32Array,
  options: KernelOptions,
): Promise<Uint8Array> {
  return callNative(options, async (native: Addon, job: NativeJob) => {
    const out = new Uint8Array(rowList.length * colList.length * dtypeBytes(matrix.dtype));
    const wanted = { slots: rowList, elements: colList, transposed: false, out };
    await native.storeLanes({ ...lanesOf(matrix), ...wanted }, job);
    return out;
  });
}

/** The shift of a tensor. @throws HermError `NON_FINITE` for an infinity or NaN. */
export function tensorShift(dtype: DType, data: Uint8Array, options: KernelOptions): Promise<number> {
  return callNative(options, (native, job) => native.tensorShift({ data, dtype: NATIVE_DTYPES[dtype] }, job));
}
