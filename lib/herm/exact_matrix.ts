import { type DType, dtypeBytes } from '../model/tensor.ts';
import { type Addon, NATIVE_DTYPES, type NativeJob, type NativeLanes } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import type { SideUnfolding } from './unfolding.ts';

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
  readonly side: SideUnfolding;
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
    side: {
      coefficients: new Uint16Array(2 * merges),
      followed: new Uint8Array(merges),
      floors: new Uint16Array(nodes),
      gains: new Float32Array(nodes),
    },
    elementShifts: new Uint8Array(cols),
  };
  const { coefficients, ...notes } = out.side;
  const args = {
    ...{ ...lanesOf(matrix), ...tree, ...notes, shift, elementFloors, evenElements: even },
    ...{ coefficientsOut: coefficients, elementShifts: out.elementShifts, nodes: out.words },
  };
  await callNative(options, (native, job) => native.unfoldLanes(args, job));
  return out;
}

/** Merges all rows of a matrix in place: each one that lives afterwards holds its root. */
export async function mergeRows(matrix: RawMatrix, tree: LaneMerges, options: KernelOptions): Promise<void> {
  if (tree.pairs.length === 0) return;
  const { shift } = matrix;
  await callNative(options, (native, job) =>
    native.mergeLanes({ ...lanesOf(matrix), ...tree, shift, elementFloors: undefined }, job),
  );
}

/** Turns lanes (rows) into the neurons that are multiples of them, in place; elements may be other neurons' lanes. */
export async function applyGains(
  matrix: RawMatrix,
  gains: Float32Array,
  elementGains: Float32Array | undefined,
  options: KernelOptions,
): Promise<void> {
  const wanted = (list: Float32Array | undefined) => (list?.some((gain) => gain !== 1) ? list : undefined);
  const args = { gains: wanted(gains), elementGains: wanted(elementGains), shift: matrix.shift };
  if (args.gains === undefined && args.elementGains === undefined) return;
  await callNative(options, (native, job) => native.applyGains({ ...lanesOf(matrix), ...args }, job));
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

/** `out`, filled with the words in the given rows and columns, in the order of the lists; `transposed`: columns first. */
export async function selectWords(
  matrix: RawMatrix,
  rowList: Uint32Array,
  colList: Uint32Array,
  options: KernelOptions,
  transposed = false,
  out: Uint8Array = new Uint8Array(rowList.length * colList.length * dtypeBytes(matrix.dtype)),
): Promise<Uint8Array> {
  if (out.byteLength === 0) return out;
  await callNative(options, (native: Addon, job: NativeJob) =>
    native.storeLanes({ ...lanesOf(matrix), slots: rowList, elements: colList, transposed, out }, job),
  );
  return out;
}

/** The shift of a tensor. @throws HermError `NON_FINITE` for an infinity or NaN. */
export function tensorShift(dtype: DType, data: Uint8Array, options: KernelOptions): Promise<number> {
  return callNative(options, (native, job) => native.tensorShift({ data, dtype: NATIVE_DTYPES[dtype] }, job));
}

export function range(length: number): Uint32Array {
  const list = new Uint32Array(length);
  for (let at = 0; at < length; at++) list[at] = at;
  return list;
}
