import { applyGains, lanesOf, type RawMatrix, range, selectWords } from '../herm/exact_matrix.ts';
import { ascendingPositions, frontier, leafOrder, nodeOfInstruction, type Unfolding } from '../herm/unfolding.ts';
import { callNative } from '../native/call.ts';
import type { CodecOptions } from './codec.ts';
import { growingLanes, type SideLanes, sideLanes, storedNodes } from './lane_levels.ts';
import { type Axis, weightShape } from './layout.ts';
import {
  codedLanes,
  type DecodedWeight,
  decodeLanes,
  emptyMatrix,
  frontierGains,
  type HeldWeight,
  nodeRows,
} from './weight_decode.ts';

/** The rows of a matrix between two hidden layers that live at a width. */
interface LivingRows {
  /** By position, the nodes. */
  readonly nodes: Uint32Array;
  /** Original neurons among them, and merged ones. */
  readonly leaves: Uint32Array;
  readonly merged: Uint32Array;
  /** [nodes of the hierarchy] places of the original neurons in the order in which they appear; −1. */
  readonly rank: Int32Array;
  /** [levels] how many of these there are. */
  readonly leafCounts: readonly number[];
}

/**
 * A matrix between two hidden layers at widths k and l. What is stored of the columns is unfolded along the rows; then
 * the columns of original rows are, exactly, and those of merged rows as well as can be.
 */
export async function decodeShared(
  held: HeldWeight,
  widths: readonly number[],
  options: CodecOptions,
): Promise<DecodedWeight> {
  const { weight, unfoldings, ladder } = held;
  const [rowAxis, colAxis] = [weight.rowAxis!, weight.colAxis!];
  const [k, l] = weightShape(weight, widths);
  const [rowTree, colTree] = [unfoldings[rowAxis.block]!, unfoldings[colAxis.block]!];
  const living = livingRows(rowTree, k, reachOf(ladder, rowAxis));
  // Original rows first, then merged ones: [k×l] by positions of columns; nothing where all rows are original.
  const byNode = emptyMatrix(held, living.merged.length > 0 ? k : 0, l);
  const rest = byNode.words.subarray((byNode.words.byteLength / Math.max(1, k)) * living.leaves.length);
  const columns = await storedColumns(held, rowTree, colTree, living, rest, [k, l], options);

  const colSide = sideLanes(colTree, colAxis.side);
  const colReach = reachOf(ladder, colAxis);
  const { rows } = columnRows(colSide, l, colReach.at(-1)!);
  const levels = growingLanes(colReach, colSide.roots, living.leafCounts);
  const sections = held.coded.sections.flatMap((each) => each.slice(2, 4));
  const code = { rows, sections, width: colReach.at(-1)!, onlyFollowed: true };
  await decodeLanes([codedLanes(held, columns, colSide, levels, code)], options);
  held.coded.release();

  const colNodes = frontier(colTree, l).nodes.map((node) => rows[node]!);
  const leafPlaces = living.leaves.map((node) => living.rank[node]!);
  const [rowOrder, colOrder] = [ascendingPositions(rowTree, k), ascendingPositions(colTree, l)];
  const colGains = frontierGains(colTree, colSide, l);
  const rowGains = sideLanes(rowTree, rowAxis.side).gains;
  if (byNode.rows === 0) {
    const gains = new Float32Array(columns.rows).fill(1);
    for (const [position, row] of colNodes.entries()) gains[row] = colGains[position]!;
    // Original rows have no gains.
    await applyGains(columns, gains, undefined, options);
    const elements = rowOrder.map((position) => living.rank[living.nodes[position]!]!);
    return { matrix: columns, lanes: colOrder.map((position) => colNodes[position]!), elements, transposed: true };
  }
  const whole = byNode.words.subarray(0, byNode.words.byteLength - rest.byteLength);
  await selectWords(columns, colNodes, leafPlaces, options, true, whole);
  const gains = Float32Array.from([...living.leaves, ...living.merged], (node) => rowGains[node]!);
  await applyGains(byNode, gains, colGains, options);
  const place = new Map([...living.leaves, ...living.merged].map((node, at) => [node, at]));
  const lanes = rowOrder.map((position) => place.get(living.nodes[position]!)!);
  return { matrix: byNode, lanes, elements: colOrder, transposed: false };
}

function reachOf(ladder: HeldWeight['ladder'], { block }: Axis): number[] {
  return ladder.map((level) => level[block]!);
}

function livingRows(tree: Unfolding, width: number, reach: readonly number[]): LivingRows {
  const { nodes } = frontier(tree, width);
  const { rank, seen } = leafOrder(tree);
  return {
    nodes,
    leaves: nodes.filter((node) => rank[node]! >= 0),
    merged: nodes.filter((node) => rank[node]! < 0),
    rank,
    leafCounts: reach.map((each) => seen[each - tree.roots]!),
  };
}

/**
 * The stored columns of the original rows, in the order in which these appear; followed children are still to come.
 *
 * @param rest receives the merged rows [rows×l], which are nothing but what is stored of them.
 */
async function storedColumns(
  held: HeldWeight,
  rowTree: Unfolding,
  colTree: Unfolding,
  { merged, rank, leafCounts }: LivingRows,
  rest: Uint8Array,
  [k, l]: readonly [number, number],
  options: CodecOptions,
): Promise<RawMatrix> {
  const { rowAxis, colAxis } = held.weight;
  const [rowSide, colSide] = [sideLanes(rowTree, rowAxis!.side), sideLanes(colTree, colAxis!.side)];
  const [rowReach, colReach] = [reachOf(held.ladder, rowAxis!), reachOf(held.ladder, colAxis!)];
  const stored = storedNodes(colSide).subarray(0, colReach.at(-1)!);
  const { rows, count } = nodeRows(rowSide, k, rowReach.at(-1)!);
  const matrix = emptyMatrix(held, count, stored.length);
  const code = {
    rows,
    sections: held.coded.sections.flatMap((each) => each.slice(0, 2)),
    width: rowReach.at(-1)!,
    elementFloors: Uint16Array.from(stored, (node) => colSide.floors[node]!),
  };
  const levels = growingLanes(rowReach, rowSide.roots, colReach);
  await decodeLanes([codedLanes(held, matrix, rowSide, levels, code)], options);

  const rowOf = new Uint32Array(leafCounts.at(-1)!);
  for (const [node, place] of rank.entries()) if (place >= 0 && place < rowOf.length) rowOf[place] = rows[node]!;
  const columns = emptyMatrix(held, columnRows(colSide, l, colReach.at(-1)!).count, rowOf.length);
  const known = columns.words.subarray(0, (columns.words.byteLength / columns.rows) * stored.length);
  await selectWords(matrix, rowOf, range(stored.length), options, true, known);
  const mergedAt = merged.map((node) => rows[node]!);
  await mergedRows(rest, held, matrix, mergedAt, colTree, colSide, l, options);
  held.workspace?.give(matrix.words);
  return columns;
}

/**
 * Rows for the nodes of columns up to width `reach`: stored ones by position; then followed children, which take their
 * parents' rows, but for parents that live at width `l`, which stay. Of nodes that come later the rows are 0.
 */
function columnRows(
  { roots, followed, parents }: SideLanes,
  l: number,
  reach: number,
): { rows: Uint32Array; count: number } {
  const rows = range(roots + 2 * parents.length).fill(0, roots);
  let count = reach;
  for (let n = 0; n < reach - roots; n++) {
    const [first, second] = [nodeOfInstruction(roots, n), followed[n]!];
    const stays = n >= l - roots && parents[n]! < nodeOfInstruction(roots, l - roots);
    rows[first + second] = stays ? count++ : rows[parents[n]!]!;
    rows[first + 1 - second] = roots + n;
  }
  return { rows, count };
}

/** `out` [rows×l]: rows that are still merged, their columns split as near as parent and coded child tell. */
async function mergedRows(
  out: Uint8Array,
  held: HeldWeight,
  nodes: RawMatrix,
  rows: Uint32Array,
  colTree: Unfolding,
  { roots, parents, followed, floors, coefficients, gains }: SideLanes,
  l: number,
  options: CodecOptions,
): Promise<void> {
  const lanes = {
    ...nodes,
    rows: l,
    cols: rows.length,
    words: await selectWords(nodes, rows, range(l), options, true),
  };
  const count = l - roots;
  if (rows.length === 0) return;
  const splits = {
    positions: frontier(colTree, l).pairs,
    coefficients: new Uint16Array(2 * count),
    floors: new Uint16Array(2 * count),
    gains: new Float32Array(2 * count),
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
  await selectWords(lanes, range(l), range(rows.length), options, true, out);
}
