import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { MergeTree } from './tree.ts';

/**
 * A merge tree with its nodes numbered: neuron i of m is node i, the parent of merge t is node m + t. Children have smaller
 * numbers than their parents.
 */
export interface Forest {
  /** m */
  readonly neurons: number;
  /** T */
  readonly merges: number;
  /** [2T] the nodes that each merge joins. */
  readonly children: Uint32Array;
  /** [m] the node in each slot after all merges. */
  readonly last: Uint32Array;
  /** Slots of the m − T roots, ascending. */
  readonly rootSlots: readonly number[];
}

/** The merges of a tree as nodes with children. */
export function forestOf(tree: MergeTree): Forest {
  requireArguments({ tree });
  const { neurons, merges, pairs } = tree;
  const children = new Uint32Array(2 * merges);
  const last = Uint32Array.from({ length: neurons }, (_, slot) => slot);
  const gone = new Uint8Array(neurons);
  for (let t = 0; t < merges; t++) {
    const [i, j] = [pairs[2 * t]!, pairs[2 * t + 1]!];
    children.set([last[i]!, last[j]!], 2 * t);
    last[i] = neurons + t;
    gone[j] = 1;
  }
  const rootSlots = Array.from(last.keys()).filter((slot) => gone[slot] === 0);
  return { neurons, merges, children, last, rootSlots };
}

/** The nodes that are nobody's children, by slot. */
export function rootsOf(forest: Forest): number[] {
  requireArguments({ forest });
  const { rootSlots, last } = forest;
  return rootSlots.map((slot) => last[slot]!);
}

/**
 * The two nodes that a node was merged of; undefined for an original neuron.
 *
 * @throws HermError `BAD_ARGUMENT` for a node that there is not
 */
export function childrenOf(forest: Forest, node: number): readonly [number, number] | undefined {
  requireArguments({ forest });
  const { neurons, merges, children } = forest;
  requireWithin('node', node, 0, neurons + merges - 1);
  const at = 2 * (node - neurons);
  return at < 0 ? undefined : [children[at]!, children[at + 1]!];
}

/** [m + T] how many original neurons are in each node. */
export function sizesOf(forest: Forest): Uint32Array {
  requireArguments({ forest });
  const { neurons, merges, children } = forest;
  const sizes = new Uint32Array(neurons + merges).fill(1, 0, neurons);
  for (let t = 0; t < merges; t++) sizes[neurons + t] = sizes[children[2 * t]!]! + sizes[children[2 * t + 1]!]!;
  return sizes;
}

/** [m + T] merges from each node's root down to it. */
export function depthsOf({ neurons, merges, children }: Forest): Uint32Array {
  const depths = new Uint32Array(neurons + merges);
  for (let t = merges - 1; t >= 0; t--) {
    for (const child of children.subarray(2 * t, 2 * t + 2)) depths[child] = depths[neurons + t]! + 1;
  }
  return depths;
}

/**
 * [m + T] the largest cost at or below each node, 0 of original neurons: costs need not rise from merge to merge, the
 * heights of a dendrogram must.
 */
export function heightsOf({ neurons, merges, children }: Forest, cost: ArrayLike<number>): Float64Array {
  const heights = new Float64Array(neurons + merges);
  for (let t = 0; t < merges; t++) {
    heights[neurons + t] = Math.max(cost[t]!, heights[children[2 * t]!]!, heights[children[2 * t + 1]!]!);
  }
  return heights;
}

/**
 * [m] the node that each original neuron is in at a width: after the first m − k merges.
 *
 * @param width k, from m − T to m
 * @throws HermError `BAD_ARGUMENT` for another width
 */
export function groupsAt(forest: Forest, width: number): Uint32Array {
  requireArguments({ forest });
  const { neurons, merges, children } = forest;
  requireWithin('width', width, neurons - merges, neurons);
  const top = Uint32Array.from({ length: 2 * neurons - width }, (_, node) => node);
  for (let t = neurons - width - 1; t >= 0; t--) {
    for (const child of children.subarray(2 * t, 2 * t + 2)) top[child] = top[neurons + t]!;
  }
  return top.subarray(0, neurons);
}

function requireWithin(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const why = `${name} must be a whole number from ${least} to ${most}, not ${value}.`;
  throw new HermError('BAD_ARGUMENT', why, { option: name });
}
