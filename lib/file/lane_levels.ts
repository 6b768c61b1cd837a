import { range } from '../herm/exact_matrix.ts';
import type { Side } from '../herm/tree.ts';
import { BySlot, nodeOfInstruction, type SideUnfolding, sideOf, type Unfolding } from '../herm/unfolding.ts';
import { STRIP_ELEMENTS } from '../native/binding.ts';
import type { WeightLayout } from './layout.ts';

/** What kernels that code lanes (native/kernels/lane_code.h) need of one side of a hierarchy. */
export interface SideLanes extends SideUnfolding {
  readonly roots: number;
  /** [N] the node that each instruction splits. */
  readonly parents: Uint32Array;
}

/** @throws TypeError for the gate of a hierarchy that has none. */
export function sideLanes(unfolding: Unfolding, side: Side): SideLanes {
  return { ...sideOf(unfolding, side), roots: unfolding.roots, parents: splitNodes(unfolding) };
}

/** [N] the node that each instruction splits: the one that lives in the slot of its first child. */
function splitNodes(unfolding: Unfolding): Uint32Array {
  const { roots, instructions, slots } = unfolding;
  const living = new BySlot(unfolding);
  for (let root = 0; root < roots; root++) living.set(slots[root]!, root);
  const parents = new Uint32Array(instructions);
  for (let n = 0; n < instructions; n++) {
    const first = nodeOfInstruction(roots, n);
    parents[n] = living.get(slots[first]!)!;
    living.set(slots[first]!, first);
    living.set(slots[first + 1]!, first + 1);
  }
  return parents;
}

/** [K + N] the node whose number is stored at a position: a root, or the coded child of an instruction. */
export function storedNodes({ roots, followed }: Pick<SideLanes, 'roots' | 'followed'>): Uint32Array {
  const nodes = range(roots + followed.length);
  for (const [n, second] of followed.entries()) nodes[roots + n] = nodeOfInstruction(roots, n) + 1 - second;
  return nodes;
}

/** How lanes grow from level to level. */
export interface LaneLevels {
  /** [levels] instructions that each level reaches. */
  readonly levelInstructions: Uint32Array;
  /** [levels] elements that each level reaches. */
  readonly levelElements: Uint32Array;
  readonly strips: number;
}

/** Lanes of `length` elements that are all there from the first level on. */
export function wholeLanes(widths: readonly number[], roots: number, length: number): LaneLevels {
  return {
    levelInstructions: Uint32Array.from(widths, (width) => width - roots),
    levelElements: new Uint32Array(widths.length).fill(length),
    strips: stripsOf(length),
  };
}

/** Lanes whose elements appear from level to level. */
export function growingLanes(widths: readonly number[], roots: number, elements: readonly number[]): LaneLevels {
  return {
    levelInstructions: Uint32Array.from(widths, (width) => width - roots),
    levelElements: Uint32Array.from(elements),
    strips: 1,
  };
}

function stripsOf(length: number): number {
  return Math.max(1, Math.ceil(length / STRIP_ELEMENTS));
}

/** Sections that a level has for one tensor: of each strip those of old and of new elements, for each of its codes. */
export function weightSectionCount({ rows, cols, rowAxis, colAxis }: WeightLayout): number {
  if (rowAxis !== undefined && colAxis !== undefined) return 4;
  return 2 * stripsOf(rowAxis === undefined ? rows : cols);
}
