import { applyGains, type RawMatrix, range, selectWords } from '../herm/exact_matrix.ts';
import { ascendingPositions, frontier, nodeOfInstruction, type Unfolding } from '../herm/unfolding.ts';
import { dtypeBytes } from '../model/tensor.ts';
import { type DecodeLanesArgs, NATIVE_DTYPES } from '../native/binding.ts';
import { callNative } from '../native/call.ts';
import type { CodecOptions } from './codec.ts';
import { type LaneLevels, type SideLanes, sideLanes, wholeLanes } from './lane_levels.ts';
import type { WeightLayout } from './layout.ts';
import type { WeightSections } from './level_reader.ts';
import type { Workspace } from './workspace.ts';

/** What a reader holds of one weight tensor: its sections of levels 0…L, and the hierarchies down to level L. */
export interface HeldWeight {
  readonly weight: WeightLayout;
  readonly shift: number;
  readonly coded: WeightSections;
  /** Of all blocks. */
  readonly unfoldings: readonly Unfolding[];
  /** [levels][blocks] */
  readonly ladder: readonly (readonly number[])[];
  /** What messages call the tensor. */
  readonly subject: string;
  readonly workspace: Workspace | undefined;
}

/** A decoded tensor, its numbers still in the order of its hierarchy. */
export interface DecodedWeight {
  readonly matrix: RawMatrix;
  /** The rows of `matrix` that the tensor is made of, and the columns of them, in its order. */
  readonly lanes: Uint32Array;
  readonly elements: Uint32Array;
  /** The tensor's rows are the columns of `matrix`. */
  readonly transposed: boolean;
}

/**
 * Tensors with one axis that a hierarchy merges, at the widths of their blocks, neurons in ascending order of their slots:
 * [k×cols] or [rows×k]. All are decoded side by side.
 *
 * @param widths of all blocks; those of the tensors' axes at most the ladders' last.
 * @throws HermError `HERM_CORRUPT` where no encoder can have written the sections.
 */
export async function decodeWhole(
  all: readonly HeldWeight[],
  widths: readonly number[],
  options: CodecOptions,
): Promise<DecodedWeight[]> {
  const plans = all.map((held) => planWhole(held, widths));
  await decodeLanes(
    plans.map(({ coded }) => coded),
    options,
  );
  for (const { coded } of all) coded.release();
  for (const { decoded, gains } of plans) await applyGains(decoded.matrix, gains, undefined, options);
  return plans.map(({ decoded }) => decoded);
}

interface WholePlan {
  readonly coded: DecodeLanesArgs;
  readonly decoded: DecodedWeight;
  /** Of the rows. */
  readonly gains: Float32Array;
}

/** By position at this width. */
export function frontierGains(unfolding: Unfolding, { gains }: SideLanes, width: number): Float32Array {
  return Float32Array.from(frontier(unfolding, width).nodes, (node) => gains[node]!);
}

/** Children take their parents' rows as they are decoded, so that at the end the rows are the positions of that width. */
function planWhole(held: HeldWeight, widths: readonly number[]): WholePlan {
  const { weight, unfoldings, ladder } = held;
  const { block, side: sideName } = (weight.rowAxis ?? weight.colAxis)!;
  const unfolding = unfoldings[block]!;
  const width = widths[block]!;
  const transposed = weight.rowAxis === undefined;
  const length = transposed ? weight.rows : weight.cols;
  const side = sideLanes(unfolding, sideName);
  const reach = ladder.map((level) => level[block]!);
  const levels = wholeLanes(reach, side.roots, length);
  const { rows, count } = nodeRows(side, width, width);
  const matrix = emptyMatrix(held, count, length);
  const lanes = { rows, sections: held.coded.sections.flat(), width };
  return {
    coded: codedLanes(held, matrix, side, levels, lanes),
    decoded: { matrix, lanes: ascendingPositions(unfolding, width), elements: range(length), transposed },
    gains: frontierGains(unfolding, side, width),
  };
}

/** The bytes of some rows of the tensor, `from` up to `to`. */
function tensorRows(
  { matrix, lanes, elements, transposed }: DecodedWeight,
  from: number,
  to: number,
  options: CodecOptions,
  out?: Uint8Array,
): Promise<Uint8Array> {
  if (transposed) return selectWords(matrix, lanes, elements.subarray(from, to), options, true, out);
  return selectWords(matrix, lanes.subarray(from, to), elements, options, false, out);
}

/** So much of a tensor is made at once, or one row. */
const PIECE_BYTES = 2 ** 21;

/** Where pieces of tensors go that are handed on one after the other. */
export class PieceBuffers {
  readonly #workspace: Workspace | undefined;
  /** What is in use, while the next piece is made, and what was before. */
  #held: Uint8Array[] = [];

  /** @param workspace undefined where pieces are the receiver's to keep. */
  constructor(workspace: Workspace | undefined) {
    this.#workspace = workspace;
  }

  next(bytes: number): Uint8Array {
    if (this.#workspace === undefined) return new Uint8Array(bytes);
    if (this.#held.length === 2) this.#workspace.give(this.#held.shift()!);
    const piece = this.#workspace.take(bytes);
    this.#held.push(piece);
    return piece;
  }
}

/** The bytes of the tensor, in order; each piece is good until the second next one is asked for. */
export async function* tensorPieces(
  decoded: DecodedWeight,
  pieces: PieceBuffers,
  options: CodecOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const [rows, cols] = shapeOf(decoded);
  const rowBytes = cols * dtypeBytes(decoded.matrix.dtype);
  const step = Math.max(1, Math.floor(PIECE_BYTES / Math.max(1, rowBytes)));
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    yield await tensorRows(decoded, from, to, options, pieces.next((to - from) * rowBytes));
  }
}

/** All bytes of the tensor. */
export function tensorBytes(decoded: DecodedWeight, options: CodecOptions): Promise<Uint8Array> {
  return tensorRows(decoded, 0, shapeOf(decoded)[0], options);
}

function shapeOf({ lanes, elements, transposed }: DecodedWeight): [number, number] {
  return transposed ? [elements.length, lanes.length] : [lanes.length, elements.length];
}

/**
 * Rows for the nodes up to width `reach`: children take those of their parents, but for parents that live at `width`,
 * which stay. Of nodes that come later the rows are 0.
 */
export function nodeRows(
  { roots, parents }: SideLanes,
  width: number,
  reach: number,
): { rows: Uint32Array; count: number } {
  const rows = range(roots + 2 * parents.length).fill(0, roots);
  let count = width;
  for (let n = 0; n < reach - roots; n++) {
    const first = nodeOfInstruction(roots, n);
    const stays = n >= width - roots && parents[n]! < nodeOfInstruction(roots, width - roots);
    rows[first] = stays ? count++ : rows[parents[n]!]!;
    rows[first + 1] = n < width - roots ? roots + n : count++;
  }
  return { rows, count };
}

export function emptyMatrix({ weight, shift, workspace }: HeldWeight, rows: number, cols: number): RawMatrix {
  const bytes = rows * cols * dtypeBytes(weight.dtype);
  const words = workspace?.take(bytes) ?? new Uint8Array(bytes);
  return { dtype: weight.dtype, shift, rows, cols, words };
}

interface NodeCode {
  readonly rows: Uint32Array;
  /** Of all levels, one after the other. */
  readonly sections: readonly Uint8Array[];
  /** The width to decode to. */
  readonly width: number;
  readonly elementFloors?: Uint16Array;
  readonly onlyFollowed?: boolean;
}

/** The nodes of one axis, to be decoded into the rows of a matrix. */
export function codedLanes(
  { subject }: HeldWeight,
  matrix: RawMatrix,
  side: SideLanes,
  levels: LaneLevels,
  { rows, sections, width, elementFloors, onlyFollowed = false }: NodeCode,
): DecodeLanesArgs {
  return {
    ...side,
    ...levels,
    name: subject,
    dtype: NATIVE_DTYPES[matrix.dtype],
    shift: matrix.shift,
    rows,
    rowCount: matrix.rows,
    length: matrix.cols,
    elementFloors,
    onlyFollowed,
    words: matrix.words,
    wanted: width - side.roots,
    sections,
  };
}

/** @throws HermError `HERM_CORRUPT` */
export function decodeLanes(tensors: readonly DecodeLanesArgs[], options: CodecOptions): Promise<void> {
  return callNative(options, (native, job) => native.decodeLanes({ tensors }, job));
}
