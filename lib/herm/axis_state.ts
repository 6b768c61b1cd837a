import type { AxisState } from './exact_matrix.ts';
import type { Side } from './tree.ts';
import { frontier, leafOrder, sideNotes, type Unfolding } from './unfolding.ts';

/**
 * How to unfold one axis of a coded matrix, whose lanes are the positions, to `width`.
 *
 * @param indexes words [(width − K) × length of a lane], merges fine to coarse.
 * @param present [length of a lane] 0 where an element has no indexes; undefined where all have.
 */
export function axisState(
  unfolding: Unfolding,
  side: Side,
  width: number,
  indexes: Uint8Array,
  present: Uint8Array | undefined,
): AxisState {
  const count = width - unfolding.roots;
  const { coefficients, flags, coarse } = sideNotes(unfolding, side);
  return {
    pairs: Uint32Array.from(reversePairs(frontier(unfolding, width).pairs)),
    coefficients: Uint16Array.from(reversePairs(coefficients.subarray(0, 2 * count))),
    flags: flags.slice(0, count).reverse(),
    coarse: coarse.slice(0, width),
    indexes,
    present,
  };
}

/** Instructions are coarse to fine, merges fine to coarse. */
function reversePairs(pairs: Uint32Array | Uint16Array): number[] {
  return Array.from(pairs, (_, n) => pairs[pairs.length - 2 - n + 2 * (n % 2)]!);
}

/** Which neurons of width k are original ones, and their ranks in the order in which these become visible. */
export interface VisibleLeaves {
  /** [k] 1 where the neuron at a position is an original one. */
  readonly present: Uint8Array;
  /** [k] its rank; 0 where it is not. */
  readonly ranks: Uint32Array;
}

export function visibleLeaves(unfolding: Unfolding, width: number): VisibleLeaves {
  const { rank } = leafOrder(unfolding);
  const { nodes } = frontier(unfolding, width);
  return {
    present: Uint8Array.from(nodes, (node) => (rank[node]! >= 0 ? 1 : 0)),
    ranks: nodes.map((node) => Math.max(0, rank[node]!)),
  };
}
