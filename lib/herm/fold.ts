import type { MergeTree } from './tree.ts';
import {
  FOLLOWED_INPUT,
  FOLLOWED_OUTPUT,
  NODE_COARSE_INPUT,
  NODE_COARSE_OUTPUT,
  NODE_LEAF,
  slotPositions,
  type Unfolding,
} from './unfolding.ts';

/** Biases as raw numbers of `bytes` bytes each: [m] of the original neurons and [T] of the parents. */
export interface NodeBiases {
  readonly bytes: number;
  readonly leaves: Uint8Array;
  readonly parents: Uint8Array;
}

/** Which child follows from the parent, for each merge: 0 for child i, 1 for child j, [T]. */
export interface FollowedChildren {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

const HALF_ONE = 0x3c00;
const HALF_MAGNITUDE = 0x7fff;

/** Whether a parent is one of its children exactly: coefficients (1, 0) or (0, 1). */
function isAbsorption(pattern: Uint16Array, merge: number): boolean {
  const a = pattern[2 * merge]!;
  const b = pattern[2 * merge + 1]!;
  return (a === HALF_ONE && (b & HALF_MAGNITUDE) === 0) || ((a & HALF_MAGNITUDE) === 0 && b === HALF_ONE);
}

/** The tree as a file unfolds it, to its full width. */
export function unfoldTree(tree: MergeTree, biases: NodeBiases, children: FollowedChildren): Unfolding {
  const roots = tree.neurons - tree.merges;
  const nodes = new NodeTable(tree, biases, children);
  const unfolding = {
    neurons: tree.neurons,
    roots,
    instructions: tree.merges,
    slots: new Uint32Array(tree.neurons),
    kept: new Uint32Array(tree.merges),
    alpha: new Uint16Array(2 * tree.merges),
    beta: new Uint16Array(2 * tree.merges),
    cost: new Float32Array(tree.merges),
    nodes: new Uint8Array(roots + 2 * tree.merges),
    followed: new Uint8Array(tree.merges),
    biases: new Uint8Array((roots + 2 * tree.merges) * biases.bytes),
  } satisfies Unfolding;
  const put = (at: number, node: number) => {
    unfolding.nodes[at] = nodes.flags[node]!;
    unfolding.biases.set(nodes.bias(node), at * biases.bytes);
  };
  nodes.rootSlots.forEach((slot, n) => {
    unfolding.slots[n] = slot;
    put(n, nodes.last[slot]!);
  });
  for (let n = 0; n < tree.merges; n++) {
    const t = tree.merges - 1 - n;
    unfolding.kept[n] = tree.pairs[2 * t]!;
    unfolding.slots[roots + n] = tree.pairs[2 * t + 1]!;
    unfolding.alpha.set(tree.alpha.subarray(2 * t, 2 * t + 2), 2 * n);
    unfolding.beta.set(tree.beta.subarray(2 * t, 2 * t + 2), 2 * n);
    unfolding.cost[n] = tree.cost[t]!;
    unfolding.followed[n] = children.input[t]! * FOLLOWED_INPUT + children.output[t]! * FOLLOWED_OUTPUT;
    put(roots + 2 * n, nodes.children[2 * t]!);
    put(roots + 2 * n + 1, nodes.children[2 * t + 1]!);
  }
  return unfolding;
}

/** Numbers the forest's nodes: leaf i of m is node i, the parent of merge t is node m + t. */
class NodeTable {
  /** [2T] */
  readonly children: Uint32Array;
  /** [m] the node in each slot after all merges. */
  readonly last: Uint32Array;
  /** [m + T] */
  readonly flags: Uint8Array;
  readonly rootSlots: number[] = [];
  readonly #neurons: number;
  readonly #biases: NodeBiases;

  constructor(tree: MergeTree, biases: NodeBiases, followed: FollowedChildren) {
    const { neurons, merges } = tree;
    this.#neurons = neurons;
    this.#biases = biases;
    this.children = new Uint32Array(2 * merges);
    this.last = Uint32Array.from({ length: neurons }, (_, slot) => slot);
    this.flags = new Uint8Array(neurons + merges).fill(NODE_LEAF, 0, neurons);
    const gone = new Uint8Array(neurons);
    for (let t = 0; t < merges; t++) {
      const [i, j] = [tree.pairs[2 * t]!, tree.pairs[2 * t + 1]!];
      this.children.set([this.last[i]!, this.last[j]!], 2 * t);
      this.last[i] = neurons + t;
      gone[j] = 1;
      this.flags[neurons + t] =
        this.#grid(tree.alpha, t, followed.input, NODE_COARSE_INPUT) |
        this.#grid(tree.beta, t, followed.output, NODE_COARSE_OUTPUT);
    }
    for (let slot = 0; slot < neurons; slot++) if (gone[slot] === 0) this.rootSlots.push(slot);
  }

  /** A parent's grid is the coarse one, unless it is one of its children exactly: then it is that child's. */
  #grid(coefficients: Uint16Array, t: number, followed: Uint8Array, coarse: number): number {
    if (!isAbsorption(coefficients, t)) return coarse;
    return this.flags[this.children[2 * t + followed[t]!]!]! & coarse;
  }

  bias(node: number): Uint8Array {
    const { bytes, leaves, parents } = this.#biases;
    const isLeaf = node < this.#neurons;
    const at = (isLeaf ? node : node - this.#neurons) * bytes;
    return (isLeaf ? leaves : parents).subarray(at, at + bytes);
  }
}

/** The tree of a complete unfolding; `parentBiases` are the [T] biases of the merged nodes, in merge order. */
export function foldTree(unfolding: Unfolding, parentBiases: Float64Array): MergeTree {
  const { neurons, roots, instructions: merges, slots, kept } = unfolding;
  const tree = {
    neurons,
    merges,
    pairs: new Uint32Array(2 * merges),
    alpha: new Uint16Array(2 * merges),
    beta: new Uint16Array(2 * merges),
    bias: parentBiases,
    cost: new Float64Array(merges),
  } satisfies MergeTree;
  for (let n = 0; n < merges; n++) {
    const t = merges - 1 - n;
    tree.pairs.set([kept[n]!, slots[roots + n]!], 2 * t);
    tree.alpha.set(unfolding.alpha.subarray(2 * n, 2 * n + 2), 2 * t);
    tree.beta.set(unfolding.beta.subarray(2 * n, 2 * n + 2), 2 * t);
    tree.cost[t] = unfolding.cost[n]!;
  }
  return tree;
}

/** [T] the node, as an unfolding numbers them, that each merge makes. */
export function mergedNodes(unfolding: Unfolding): Uint32Array {
  const { roots, instructions: merges, kept } = unfolding;
  const positions = slotPositions(unfolding);
  const living = Uint32Array.from({ length: roots + merges }, (_, position) => position);
  const nodes = new Uint32Array(merges);
  for (let n = 0; n < merges; n++) {
    const position = positions[kept[n]!]!;
    nodes[merges - 1 - n] = living[position]!;
    living[position] = roots + 2 * n;
    living[roots + n] = roots + 2 * n + 1;
  }
  return nodes;
}
