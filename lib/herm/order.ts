import type { MergeTree } from './tree.ts';

/**
 * The order in which a hierarchy unfolds, the order of everything in a .herm file: first the roots by slot, then for
 * every instruction, coarse to fine, what it adds. A width k is then simply the first k slots, and an instruction's
 * number n (merge t = T − 1 − n) and the slot that it adds differ by the number of roots.
 */
export interface UnfoldOrder {
  /** K = m − T. */
  readonly roots: number;
  /** [m] roots ascending, then slot j of each instruction. */
  readonly slots: Uint32Array;
  /** [m] original neurons in the order in which they become visible as themselves. */
  readonly leaves: Uint32Array;
  /** [K + 1 + T] how many of `leaves` are visible at width K + n, for n = 0…T. */
  readonly leafCount: Uint32Array;
}

/** Nodes of the forest are numbered: leaf i of m is node i, the parent of merge t is node m + t. */
export interface Nodes {
  /** [2T] the children of each merge. */
  readonly children: Uint32Array;
  /** [m] the node that lives in each slot after all merges; for a slot that has merged away, its last node. */
  readonly last: Uint32Array;
}

export function numberNodes(tree: MergeTree): Nodes {
  const last = Uint32Array.from({ length: tree.neurons }, (_, slot) => slot);
  const children = new Uint32Array(2 * tree.merges);
  for (let t = 0; t < tree.merges; t++) {
    const i = tree.pairs[2 * t]!;
    children[2 * t] = last[i]!;
    children[2 * t + 1] = last[tree.pairs[2 * t + 1]!]!;
    last[i] = tree.neurons + t;
  }
  return { children, last };
}
