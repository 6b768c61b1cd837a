import {
  type LaneMerges,
  type MatrixNodes,
  type RawMatrix,
  range,
  selectWords,
  transpose,
  unfoldRows,
} from '../herm/exact_matrix.ts';
import { withSide } from '../herm/fold.ts';
import { coefficientsOf, type MergeTree } from '../herm/tree.ts';
import { leafOrder, type Unfolding } from '../herm/unfolding.ts';
import { dtypeBytes } from '../model/tensor.ts';
import { NATIVE_DTYPES } from '../native/binding.ts';
import { callNative } from '../native/call.ts';
import type { CodecOptions } from './codec.ts';
import { growingLanes, type LaneLevels, sideLanes, storedNodes, wholeLanes } from './lane_levels.ts';
import type { Axis, WeightLayout } from './layout.ts';

/** The hierarchies of the blocks that a weight tensor belongs to. */
export interface Hierarchies {
  /** [blocks] */
  readonly trees: readonly MergeTree[];
  /** [blocks] complete; coding a tensor notes in them what it found. */
  readonly unfoldings: Unfolding[];
  /** [levels][blocks] */
  readonly ladder: readonly (readonly number[])[];
}

/**
 * Codes one tensor. Consumes `words`.
 *
 * @returns [levels][sections]
 */
export async function encodeWeight(
  weight: WeightLayout,
  shift: number,
  words: Uint8Array,
  hierarchies: Hierarchies,
  options: CodecOptions,
): Promise<Uint8Array[][]> {
  const { dtype, rows, cols, rowAxis, colAxis } = weight;
  const matrix: RawMatrix = { dtype, shift, rows, cols, words };
  if (rowAxis !== undefined && colAxis !== undefined) {
    return encodeShared(matrix, rowAxis, colAxis, hierarchies, options);
  }
  // Lanes are rows; the other axis is all there at every level.
  if (rowAxis !== undefined) return encodeWhole(matrix, rowAxis, hierarchies, options);
  const lanes = { ...matrix, rows: cols, cols: rows, words: await transpose(matrix, options) };
  return encodeWhole(lanes, colAxis!, hierarchies, options);
}

async function encodeWhole(
  matrix: RawMatrix,
  axis: Axis,
  hierarchies: Hierarchies,
  options: CodecOptions,
): Promise<Uint8Array[][]> {
  const nodes = await unfoldRows(matrix, mergesOf(hierarchies, axis), {}, options);
  note(hierarchies, axis, nodes);
  const { roots } = hierarchies.unfoldings[axis.block]!;
  const levels = wholeLanes(widthsOf(hierarchies, axis), roots, matrix.cols);
  return encodeNodes(matrix, nodes, axis, hierarchies, levels, {}, options);
}

/**
 * A matrix between two hidden layers: the hierarchy of its columns first, then that of its rows over what is stored of
 * the columns; and how the columns of original rows unfold.
 */
async function encodeShared(
  matrix: RawMatrix,
  rowAxis: Axis,
  colAxis: Axis,
  hierarchies: Hierarchies,
  options: CodecOptions,
): Promise<Uint8Array[][]> {
  const { rows, cols } = matrix;
  const lanes = { ...matrix, rows: cols, cols: rows, words: await transpose(matrix, options) };
  const columns = await unfoldRows(lanes, mergesOf(hierarchies, colAxis), { even: true }, options);
  note(hierarchies, colAxis, columns);
  const { roots } = hierarchies.unfoldings[colAxis.block]!;
  const stored = storedNodes({ roots, followed: columns.side.followed });
  const columnNodes = { ...matrix, rows: columns.side.floors.length, cols: rows, words: columns.words };
  const folded = { ...matrix, words: await selectWords(columnNodes, stored, range(rows), options, true) };
  const floors = Uint16Array.from(stored, (node) => columns.side.floors[node]!);
  const nodes = await unfoldRows(folded, mergesOf(hierarchies, rowAxis), { floors }, options);
  note(hierarchies, rowAxis, nodes);

  const rowUnfolding = hierarchies.unfoldings[rowAxis.block]!;
  const [rowWidths, colWidths] = [widthsOf(hierarchies, rowAxis), widthsOf(hierarchies, colAxis)];
  const rowLevels = growingLanes(rowWidths, rowUnfolding.roots, colWidths);
  const rowSections = await encodeNodes(folded, nodes, rowAxis, hierarchies, rowLevels, { floors }, options);

  // Of rows that are still merged nothing is coded: the columns of original rows, in the order in which these appear.
  const { seen } = leafOrder(rowUnfolding);
  const leaves = leafSlots(rowUnfolding);
  const leafColumns = {
    ...columns,
    words: await selectWords(columnNodes, range(columnNodes.rows), leaves, options),
    elementShifts: new Uint8Array(leaves.length),
  };
  const leafCounts = rowWidths.map((width) => seen[width - rowUnfolding.roots]!);
  const colLevels = growingLanes(colWidths, roots, leafCounts);
  const leafMatrix = { ...matrix, rows: cols, cols: leaves.length };
  const colSections = await encodeNodes(
    leafMatrix,
    leafColumns,
    colAxis,
    hierarchies,
    colLevels,
    { onlyFollowed: true },
    options,
  );
  return rowSections.map((sections, level) => [...sections, ...colSections[level]!]);
}

function mergesOf({ trees }: Hierarchies, { block, side }: Axis): LaneMerges {
  const tree = trees[block]!;
  return { pairs: tree.pairs, coefficients: coefficientsOf(tree, side) };
}

function widthsOf({ ladder }: Hierarchies, { block }: Axis): number[] {
  return ladder.map((level) => level[block]!);
}

function note({ unfoldings }: Hierarchies, { block, side }: Axis, nodes: MatrixNodes): void {
  unfoldings[block] = withSide(unfoldings[block]!, side, nodes.side);
}

/** Slots of the original neurons in the order in which they become visible as themselves. */
function leafSlots(unfolding: Unfolding): Uint32Array {
  const { rank, seen } = leafOrder(unfolding);
  const slots = new Uint32Array(seen[unfolding.instructions]!);
  for (const [node, place] of rank.entries()) if (place >= 0) slots[place] = unfolding.slots[node]!;
  return slots;
}

interface LaneOptions {
  readonly floors?: Uint16Array;
  readonly onlyFollowed?: boolean;
}

/** @param matrix whose rows the nodes are made of */
async function encodeNodes(
  { dtype, shift, cols }: RawMatrix,
  { words, elementShifts }: MatrixNodes,
  axis: Axis,
  { unfoldings }: Hierarchies,
  levels: LaneLevels,
  { floors: elementFloors, onlyFollowed = false }: LaneOptions,
  options: CodecOptions,
): Promise<Uint8Array[][]> {
  const side = sideLanes(unfoldings[axis.block]!, axis.side);
  const sizes = new Float64Array(2 * levels.strips * levels.levelInstructions.length);
  const rowCount = side.floors.length;
  const args = {
    ...side,
    ...levels,
    dtype: NATIVE_DTYPES[dtype],
    shift,
    rows: range(rowCount),
    rowCount,
    length: cols,
    elementFloors,
    onlyFollowed,
    words,
    sizes,
    elementShifts,
  };
  // Nearly always less than the original's own words.
  let out = new Uint8Array(Math.ceil(1.1 * side.roots * cols * dtypeBytes(dtype)) + words.byteLength / 2 + 65536);
  const encode = () => callNative(options, (native, job) => native.encodeLanes({ ...args, out }, job));
  const size = await encode();
  if (size > out.byteLength) {
    out = new Uint8Array(size);
    await encode();
  }
  return cutSections(out, sizes, 2 * levels.strips);
}

/** Sections that follow each other, `count` a level; copies, so that the buffer may go. */
function cutSections(bytes: Uint8Array, sizes: Float64Array, count: number): Uint8Array[][] {
  const levels: Uint8Array[][] = [];
  let at = 0;
  for (const [n, size] of sizes.entries()) {
    if (n % count === 0) levels.push([]);
    levels.at(-1)!.push(bytes.slice(at, at + size));
    at += size;
  }
  return levels;
}
