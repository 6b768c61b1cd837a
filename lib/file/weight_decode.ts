import { applyGains, lanesOf, type RawMatrix, range, selectWords, transpose } from '../herm/exact_matrix.ts';
import { ascendingPositions, frontier, leafOrder, nodeOfInstruction, type Unfolding } from '../herm/unfolding.ts';
import { concat } from '../model/concat.ts';
import { dtypeBytes } from '../model/tensor.ts';
import { NATIVE_DTYPES } from '../native/binding.ts';
import { callNative } from '../native/call.ts';
import { type CodecOptions, naming } from './codec.ts';
import { growingLanes, type LaneLevels, type SideLanes, sideLanes, storedNodes, wholeLanes } from './lane_levels.ts';
import { type Axis, type WeightLayout, weightShape } from './layout.ts';

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
  const { rowAxis, colAxis } = held.weight;
  if (rowAxis !== undefined && colAxis !== undefined) return decodeShared(held, rowAxis, colAxis, widths, options);
  return decodeWhole(held, (rowAxis ?? colAxis)!, widths, options);
}

/** Children take their parents' rows as they are decoded, so that at the end the rows are the positions of that width. */
async function decodeWhole(
  held: HeldWeight,
  { block, side: sideName }: Axis,
  widths: readonly number[],
  options: CodecOptions,
): Promise<Uint8Array> {
  const { weight, unfoldings, ladder } = held;
  const unfolding = unfoldings[block]!;
  const width = widths[block]!;
  const transposed = weight.rowAxis === undefined;
  const length = transposed ? weight.rows : weight.cols;
  const side = sideLanes(unfolding, sideName);
  const reach = ladder.map((level) => level[block]!);
  const levels = wholeLanes(reach, side.roots, length);
  const matrix = emptyMatrix(held, width, length);
  const sections = held.sections.flat();
  await decodeNodes(held, matrix, side, levels, { rows: positionRows(side, width), sections, width }, options);
  await applyGains(matrix, gainsOf(side, frontier(unfolding, width).nodes), undefined, options);
  return selectWords(matrix, ascendingPositions(unfolding, width), range(length), options, transposed);
}

function gainsOf({ gains }: SideLanes, nodes: Uint32Array): Float32Array {
  return Float32Array.from(nodes, (node) => gains[node]!);
}

/** [K + 2N] the position of every node at widths up to `width`; 0 for those that come later. */
function positionRows({ roots, parents }: SideLanes, width: number): Uint32Array {
  const rows = new Uint32Array(roots + 2 * parents.length);
  for (let position = 0; position < width; position++) {
    if (position < roots) {
      rows[position] = position;
    } else {
      const first = nodeOfInstruction(roots, position - roots);
      rows[first] = rows[parents[position - roots]!]!;
      rows[first + 1] = position;
    }
  }
  return rows;
}

/**
 * A matrix between two hidden layers at widths k and l. What is stored of the columns is unfolded along the rows, for all
 * nodes of the row hierarchy; then the columns of original rows are, exactly, and those of merged rows as well as can be.
 */
async function decodeShared(
  held: HeldWeight,
  rowAxis: Axis,
  colAxis: Axis,
  widths: readonly number[],
  options: CodecOptions,
): Promise<Uint8Array> {
  const { weight, unfoldings, ladder } = held;
  const [k, l] = weightShape(weight, widths);
  const [rowTree, colTree] = [unfoldings[rowAxis.block]!, unfoldings[colAxis.block]!];
  const [rowSide, colSide] = [sideLanes(rowTree, rowAxis.side), sideLanes(colTree, colAxis.side)];
  const rowReach = ladder.map((level) => level[rowAxis.block]!);
  const colReach = ladder.map((level) => level[colAxis.block]!);
  const cut = (from: number, to: number) => held.sections.flatMap((sections) => sections.slice(from, to));

  const stored = storedNodes(colSide).subarray(0, colReach.at(-1)!);
  const nodes = emptyMatrix(held, rowSide.floors.length, stored.length);
  const rowLanes = {
    rows: range(nodes.rows),
    sections: cut(0, 2),
    width: rowReach.at(-1)!,
    elementFloors: Uint16Array.from(stored, (node) => colSide.floors[node]!),
  };
  await decodeNodes(held, nodes, rowSide, growingLanes(rowReach, rowSide.roots, colReach), rowLanes, options);

  const { rank, seen } = leafOrder(rowTree);
  const leafCounts = rowReach.map((width) => seen[width - rowTree.roots]!);
  const columns = await leafColumns(held, nodes, rank, leafCounts.at(-1)!, colSide, options);
  const colLanes = { rows: columnRows(colSide), sections: cut(2, 4), width: colReach.at(-1)!, onlyFollowed: true };
  await decodeNodes(held, columns, colSide, growingLanes(colReach, colSide.roots, leafCounts), colLanes, options);

  const living = frontier(rowTree, k).nodes;
  const [leaves, merged] = [living.filter((node) => rank[node]! >= 0), living.filter((node) => rank[node]! < 0)];
  const colRows = columnRows(colSide);
  const whole = await selectWords(
    columns,
    frontier(colTree, l).nodes.map((node) => colRows[node]!),
    leaves.map((node) => rank[node]!),
    options,
    true,
  );
  const rest = await mergedRows(held, nodes, merged, colTree, colSide, l, options);
  // Original rows first, then merged ones: [k×l] by positions of columns.
  const byNode = { ...nodes, rows: k, cols: l, words: concat([whole, rest]) };
  const rowGains = gainsOf(rowSide, Uint32Array.from([...leaves, ...merged]));
  await applyGains(byNode, rowGains, gainsOf(colSide, frontier(colTree, l).nodes), options);
  const place = new Map([...leaves, ...merged].map((node, at) => [node, at]));
  const rowOrder = ascendingPositions(rowTree, k).map((position) => place.get(living[position]!)!);
  return selectWords(byNode, rowOrder, ascendingPositions(colTree, l), options);
}

/** Rows of column nodes [(stored + N)×leaves]: stored ones by position, then the followed children. */
function columnRows({ roots, followed, parents }: SideLanes): Uint32Array {
  const rows = range(roots + 2 * parents.length);
  const positions = roots + parents.length;
  for (const [n, second] of followed.entries()) {
    const first = nodeOfInstruction(roots, n);
    rows[first + second] = positions + n;
    rows[first + 1 - second] = roots + n;
  }
  return rows;
}

/** The stored columns of the original rows, in the order in which these appear; followed children are still empty. */
async function leafColumns(
  held: HeldWeight,
  nodes: RawMatrix,
  rank: Int32Array,
  leaves: number,
  { parents }: SideLanes,
  options: CodecOptions,
): Promise<RawMatrix> {
  const nodeOf = new Uint32Array(leaves);
  for (const [node, place] of rank.entries()) if (place >= 0 && place < leaves) nodeOf[place] = node;
  const columns = emptyMatrix(held, nodes.cols + parents.length, leaves);
  columns.words.set(await selectWords(nodes, nodeOf, range(nodes.cols), options, true));
  return columns;
}

/** [rows×l] rows that are still merged, their columns split as near as parent and coded child tell. */
async function mergedRows(
  held: HeldWeight,
  nodes: RawMatrix,
  rows: Uint32Array,
  colTree: Unfolding,
  { roots, parents, followed, floors, coefficients, gains }: SideLanes,
  l: number,
  options: CodecOptions,
): Promise<Uint8Array> {
  const lanes = {
    ...nodes,
    rows: l,
    cols: rows.length,
    words: await selectWords(nodes, rows, range(l), options, true),
  };
  const count = l - roots;
  if (count === 0 || rows.length === 0) return transpose(lanes, options);
  const splits = {
    positions: frontier(colTree, l).pairs,
    coefficients: new Uint16Array(2 * count),
    gains: new Float32Array(2 * count),
    floors: new Uint16Array(2 * count),
    followedSecond: followed.slice(0, count),
  };
  for (let n = 0; n < count; n++) {
    const second = followed[n]!;
    splits.coefficients.set([coefficients[2 * n + second]!, coefficients[2 * n + 1 - second]!], 2 * n);
    const first = nodeOfInstruction(roots, n);
    splits.gains.set([gains[first + second]!, gains[first + 1 - second]!], 2 * n);
    splits.floors.set([floors[parents[n]!]!, floors[first + second]!], 2 * n);
  }
  await callNative(options, (native, job) =>
    native.splitNearest({ ...lanesOf(lanes), ...splits, shift: held.shift }, job),
  );
  return transpose(lanes, options);
}

function emptyMatrix({ weight, shift }: HeldWeight, rows: number, cols: number): RawMatrix {
  return { dtype: weight.dtype, shift, rows, cols, words: new Uint8Array(rows * cols * dtypeBytes(weight.dtype)) };
}

interface CodedLanes {
  readonly rows: Uint32Array;
  /** Of all levels, one after the other. */
  readonly sections: readonly Uint8Array[];
  /** The width to decode to. */
  readonly width: number;
  readonly elementFloors?: Uint16Array;
  readonly onlyFollowed?: boolean;
}

async function decodeNodes(
  { subject }: HeldWeight,
  matrix: RawMatrix,
  side: SideLanes,
  levels: LaneLevels,
  { rows, sections, width, elementFloors, onlyFollowed = false }: CodedLanes,
  options: CodecOptions,
): Promise<void> {
  const args = {
    ...side,
    ...levels,
    dtype: NATIVE_DTYPES[matrix.dtype],
    shift: matrix.shift,
    rows,
    rowCount: matrix.rows,
    length: matrix.cols,
    elementFloors,
    onlyFollowed,
    words: matrix.words,
    sizes: Float64Array.from(sections, ({ byteLength }) => byteLength),
    wanted: width - side.roots,
    data: concat(sections),
  };
  await naming(subject, () => callNative(options, (native, job) => native.decodeLanes(args, job)));
}
