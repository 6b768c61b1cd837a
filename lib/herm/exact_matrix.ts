import { type DType, dtypeBytes } from '../model/tensor.ts';
import { type Addon, NATIVE_DTYPES, type NativeJob, type NativeLanes } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';

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

/** All nodes of a hierarchy over the rows of a matrix: K roots, then children i and j of every instruction. */
export interface MatrixNodes {
  /** [(K + 2T)×cols] */
  readonly words: Uint8Array;
  /** [K + 2T] floors of the nodes' grids, 0 for the tensor's own. */
  readonly floors: Uint16Array;
  /** [T] 1 where child j is the followed one. */
  readonly followed: Uint8Array;
  /** [cols] int8: levels by which the elements differ in scale. */
  readonly elementShifts: Uint8Array;
}

/** What the elements (columns) of a matrix are to a hierarchy over its rows. */
export interface Elements {
  /** [cols] floors of the elements' own grids, because another hierarchy merged the columns before. */
  readonly floors?: Uint16Array | undefined;
  /** Take all to be of one scale. */
  readonly even?: boolean;
}

/** Merges the rows of a matrix and keeps every node. Consumes the words. */
export async function unfoldRows(
  matrix: RawMatrix,
  tree: LaneMerges,
  { floors: elementFloors, even = false }: Elements,
  options: KernelOptions,
): Promise<MatrixNodes> {
  const { rows, cols, dtype, shift } = matrix;
  const merges = tree.pairs.length / 2;
  const nodes = rows + merges;
  const out = {
    words: new Uint8Array(nodes * cols * dtypeBytes(dtype)),
    floors: new Uint16Array(nodes),
    followed: new Uint8Array(merges),
    elementShifts: new Uint8Array(cols),
  };
  const { words, ...notes } = out;
  await callNative(options, (native, job) =>
    native.unfoldLanes(
      { ...lanesOf(matrix), ...tree, ...notes, shift, elementFloors, evenElements: even, nodes: words },
      job,
    ),
  );
  return out;
}

/** Merges all lanes (rows) of a matrix in place: each lane that lives afterwards holds its root. */
export async function mergeRows(matrix: RawMatrix, tree: LaneMerges, options: KernelOptions): Promise<void> {
  if (tree.pairs.length === 0) return;
  const { shift } = matrix;
  await callNative(options, (native, job) =>
    native.mergeLanes({ ...lanesOf(matrix), ...tree, shift, elementFloors: undefined }, job),
  );
}

export function lanesOf({ dtype, rows, cols, words }: RawMatrix): NativeLanes {
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

/** The words in the given rows and columns, in the order of the lists; `transposed`: columns first. */
export function selectWords(
  matrix: RawMatrix,
  rowList: Uint32Array,
  colList: Uint32Array,
  options: KernelOptions,
  transposed = false,
): Promise<Uint8Array> {
  return callNative(options, async (native: Addon, job: NativeJob) => {
    const out = new Uint8Array(rowList.length * colList.length * dtypeBytes(matrix.dtype));
    if (out.byteLength === 0) return out;
    await native.storeLanes({ ...lanesOf(matrix), slots: rowList, elements: colList, transposed, out }, job);
    return out;
  });
}

/** The shift of a tensor. @throws HermError `NON_FINITE` for an infinity or NaN. */
export function tensorShift(dtype: DType, data: Uint8Array, options: KernelOptions): Promise<number> {
  return callNative(options, (native, job) => native.tensorShift({ data, dtype: NATIVE_DTYPES[dtype] }, job));
}

export function range(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => index);
}
