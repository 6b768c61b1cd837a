import { emptyNumbers, type FloatFormat, type Numbers } from './float_format.ts';
import { GridRule } from './grid_rule.ts';
import type { Hierarchy, Side } from './hierarchy.ts';
import { nearestChild, scaled } from './interval.ts';
import { decodeLanes, type LaneNodes } from './lanes.ts';
import { STRIP_ELEMENTS, wordsOf } from './numbers.ts';
import { firstChild, leaves, livingNodes, nodePositions, positionsBySlot } from './unfold.ts';

/** One axis of a tensor that counts the neurons of a block. */
export interface WeightAxis {
  readonly hierarchy: Hierarchy;
  readonly side: Side;
  /** [levels] widths that the held levels reach. */
  readonly reach: readonly number[];
  /** The wanted width. */
  readonly width: number;
}

/** What is known of a tensor [rows×cols] with at least one such axis: FORMAT.md, section 6. */
export interface HeldWeight {
  readonly format: FloatFormat;
  readonly shift: number;
  readonly rows: number;
  readonly cols: number;
  readonly rowAxis: WeightAxis | undefined;
  readonly colAxis: WeightAxis | undefined;
  /** [levels][sections] */
  readonly sections: readonly (readonly Uint8Array[])[];
}

/** Sections that a tensor has in every level. */
export function sectionsOf(rowsInBlock: boolean, colsInBlock: boolean, rows: number, cols: number): number {
  return rowsInBlock && colsInBlock ? 4 : 2 * stripsOf(rowsInBlock ? cols : rows);
}

function stripsOf(length: number): number {
  return Math.max(1, Math.ceil(length / STRIP_ELEMENTS));
}

/** The tensor's bytes at the wanted widths, neurons by slot. @throws HermError `HERM_CORRUPT` */
export function decodeWeight(held: HeldWeight): Uint8Array {
  const { format, rowAxis, colAxis, rows, cols } = held;
  if (rowAxis && colAxis) return wordsOf(format, decodeShared(held, rowAxis, colAxis));
  if (rowAxis) return wordsOf(format, decodeLanesOf(held, rowAxis, cols));
  return wordsOf(format, transposed(format, decodeLanesOf(held, colAxis!, rows), rows));
}

/** The lanes of one axis by slot; children take the places of their parents while they are decoded. */
function decodeLanesOf(held: HeldWeight, axis: WeightAxis, length: number): Numbers[] {
  const { hierarchy, reach, width } = axis;
  const lanes = Array.from({ length: width }, () => emptyNumbers(held.format, length));
  const positions = nodePositions(hierarchy, width);
  const nodes = {
    ...laneNodes(held, axis),
    // Of nodes that come later nothing is decoded.
    rows: hierarchy.slots.map((_, node) => lanes[positions[node] ?? 0]!),
    length,
    onlyFollowed: false,
  };
  const levels = {
    instructions: reach.map((reached) => reached - hierarchy.roots),
    elements: reach.map(() => length),
    strips: stripsOf(length),
  };
  decodeLanes(nodes, levels, width - hierarchy.roots, held.sections.flat());
  const living = livingNodes(hierarchy, width);
  return positionsBySlot(hierarchy, width).map((position) => {
    const gain = axis.side.gains[living[position]!]!;
    return timesGains(held, lanes[position]!, () => gain);
  });
}

/** The numbers of neurons from those of lanes. */
function timesGains({ format, shift }: HeldWeight, lane: Numbers, gainOf: (e: number) => number): Numbers {
  const { fine } = new GridRule(format, shift);
  for (const [e, number] of lane.entries()) {
    const gain = gainOf(e);
    if (gain !== 1) lane[e] = fine.round(scaled(format, gain, number));
  }
  return lane;
}

function laneNodes({ format, shift }: HeldWeight, { hierarchy, side }: WeightAxis) {
  return { format, shift, roots: hierarchy.roots, parents: hierarchy.parents, ...side };
}

/**
 * A matrix between two hidden layers. Its rows hold what is stored of the columns, by position: a root's or a coded
 * child's number. These unfold for all nodes of the row hierarchy; then the columns of original rows unfold by their
 * followed children, and those of merged rows as near as parents and coded children tell.
 */
function decodeShared(held: HeldWeight, rowAxis: WeightAxis, colAxis: WeightAxis): Numbers[] {
  const nodes = decodeRowNodes(held, rowAxis, colAxis);
  const leafNodes = leaves(rowAxis.hierarchy, nodes.length);
  const columns = decodeLeafColumns(held, leafNodes, nodes, rowAxis, colAxis);
  const rank = new Map(leafNodes.map((node, at) => [node, at]));
  const columnNodes = livingNodes(colAxis.hierarchy, colAxis.width);
  const columnOrder = positionsBySlot(colAxis.hierarchy, colAxis.width);
  const living = livingNodes(rowAxis.hierarchy, rowAxis.width);
  return positionsBySlot(rowAxis.hierarchy, rowAxis.width).map((position) => {
    const node = living[position]!;
    const leaf = rank.get(node);
    const rowGain = rowAxis.side.gains[node]!;
    const row = emptyNumbers(held.format, colAxis.width);
    if (leaf === undefined) {
      const split = splitRow(held, nodes[node]!, colAxis);
      for (const [at, column] of columnOrder.entries()) row[at] = split[column]!;
    } else {
      for (const [at, column] of columnOrder.entries()) row[at] = columns[columnNodes[column]!]![leaf]!;
    }
    return timesGains(held, row, (at) => rowGain * colAxis.side.gains[columnNodes[columnOrder[at]!]!]!);
  });
}

function decodeRowNodes(held: HeldWeight, rowAxis: WeightAxis, colAxis: WeightAxis): Numbers[] {
  const { hierarchy, side, reach } = rowAxis;
  const stored = storedNodes(colAxis);
  const nodes: LaneNodes = {
    ...laneNodes(held, rowAxis),
    rows: side.floors.map(() => emptyNumbers(held.format, stored.length)),
    length: stored.length,
    elementFloors: stored.map((node) => colAxis.side.floors[node]!),
    onlyFollowed: false,
  };
  const instructions = reach.map((reached) => reached - hierarchy.roots);
  const levels = { instructions, elements: colAxis.reach, strips: 1 };
  const sections = held.sections.flatMap((all) => all.slice(0, 2));
  decodeLanes(nodes, levels, instructions.at(-1)!, sections);
  return [...nodes.rows];
}

/** The node whose number is stored at each position: a root, or the coded child of an instruction. */
function storedNodes({ hierarchy, side }: WeightAxis): number[] {
  const roots = Array.from({ length: hierarchy.roots }, (_, root) => root);
  return [...roots, ...side.followed.map((second, n) => firstChild(hierarchy, n) + 1 - second)];
}

/** All nodes of the columns of original rows, in the order in which these appear: [nodes][leaves]. */
function decodeLeafColumns(
  held: HeldWeight,
  leafNodes: readonly number[],
  rowNodes: readonly Numbers[],
  rowAxis: WeightAxis,
  colAxis: WeightAxis,
): readonly Numbers[] {
  const { hierarchy, side, reach } = colAxis;
  const rows = side.floors.map(() => emptyNumbers(held.format, leafNodes.length));
  for (const [position, node] of storedNodes(colAxis).entries()) {
    for (const [at, leaf] of leafNodes.entries()) rows[node]![at] = rowNodes[leaf]![position]!;
  }
  const nodes = { ...laneNodes(held, colAxis), rows, length: leafNodes.length, onlyFollowed: true };
  const leafCounts = rowAxis.reach.map((reached) => {
    const seen = firstChild(rowAxis.hierarchy, reached - rowAxis.hierarchy.roots);
    return leafNodes.filter((node) => node < seen).length;
  });
  const instructions = reach.map((reached) => reached - hierarchy.roots);
  const levels = { instructions, elements: leafCounts, strips: 1 };
  const sections = held.sections.flatMap((all) => all.slice(2, 4));
  decodeLanes(nodes, levels, instructions.at(-1)!, sections);
  return rows;
}

/** The columns, by position, of a row that is still merged. */
function splitRow({ format, shift }: HeldWeight, row: Numbers, { hierarchy, side, width }: WeightAxis): Numbers {
  const rule = new GridRule(format, shift);
  const split = row.slice(0, width);
  const positions = nodePositions(hierarchy, width);
  for (let position = hierarchy.roots; position < width; position++) {
    const n = position - hierarchy.roots;
    const second = side.followed[n]!;
    const a = side.coefficients[2 * n + second]!;
    const b = side.coefficients[2 * n + 1 - second]!;
    const first = firstChild(hierarchy, n);
    const aOfLane = a * side.gains[first + second]!;
    const at = positions[hierarchy.parents[n]!]!;
    const [parent, coded] = [split[at]!, split[position]!];
    const gridOf = (node: number) => rule.of(side.floors[node]!, 0, 0);
    const merging = {
      followed: Math.abs(aOfLane),
      coded: scaled(format, b * side.gains[first + 1 - second]!, coded),
      parentGrid: gridOf(hierarchy.parents[n]!),
      followedGrid: gridOf(first + second),
    };
    const absorbing = a === 1 && b === 0;
    const y = absorbing ? parent : nearestChild(format, merging, parent);
    const followed = aOfLane < 0 && !absorbing ? -y : y;
    split[at] = second === 1 ? coded : followed;
    split[position] = second === 1 ? followed : coded;
  }
  return split;
}

function transposed(format: FloatFormat, lanes: readonly Numbers[], length: number): Numbers[] {
  return Array.from({ length }, (_, e) => {
    const row = emptyNumbers(format, lanes.length);
    for (const [at, lane] of lanes.entries()) row[at] = lane[e]!;
    return row;
  });
}
