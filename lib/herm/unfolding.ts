import type { Side } from './tree.ts';

/**
 * A hierarchy in the order in which a .herm file unfolds it, or the coarse beginning of one: first the K roots by slot,
 * then instruction after instruction, coarse to fine. Instruction n undoes merge t = T − 1 − n.
 *
 * Nodes are the K roots, then child i and child j of each instruction: instruction n makes nodes K + 2n and K + 2n + 1.
 * Positions count living neurons in the order in which they appear: the roots, then child j of each instruction (child i
 * stays at its parent's position). The first k positions are the neurons of width k.
 */
export interface Unfolding {
  /** m */
  readonly neurons: number;
  /** K = m − T, the smallest width. */
  readonly roots: number;
  /** N instructions are here; all T of them reach the full width. */
  readonly instructions: number;
  /** [K + 2N] the slot in which each node lives. */
  readonly slots: Uint32Array;
  /** [K + 2N] 1 where the node is an original neuron. */
  readonly leaf: Uint8Array;
  /** [K + 2N] biases of the nodes in the bias dtype's own bytes; empty where the block has none. */
  readonly biases: Uint8Array;
  /** Of the gate, as `biases`; empty where the block has no gate. */
  readonly gateBiases: Uint8Array;
  /** [N] the merges' costs, bfloat16 numbers. */
  readonly costs: Float32Array;
  readonly input: SideUnfolding;
  readonly output: SideUnfolding;
  /** Of a gated block. */
  readonly gate: SideUnfolding | undefined;
}

/** What an {@link Unfolding} knows of one side's weights: how they merge, and what exact coding noted (native/kernels/exact_tree.h). */
export interface SideUnfolding {
  /** [2N] half-precision bit patterns, (1, 0) or (0, 1) where the parent keeps a child's lane. */
  readonly coefficients: Uint16Array;
  /** [N] 1 where child j is the followed one, 0 where child i is. */
  readonly followed: Uint8Array;
  /** [K + 2N] the floor of each node's grid, 0 where it is the tensor's own. */
  readonly floors: Uint16Array;
  /** [K + 2N] a node's weights are those of its lane times this; 1 where they are its lane. */
  readonly gains: Float32Array;
}

/** [k] the node that lives at each position at width k, and [2(k − K)] the positions that each instruction joins. */
export interface Frontier {
  readonly nodes: Uint32Array;
  readonly pairs: Uint32Array;
}

/** Numbers by slot. A file that holds few nodes may claim many neurons: then only slots that are used take memory. */
export class BySlot {
  readonly #list: Uint32Array | undefined;
  readonly #map = new Map<number, number>();

  constructor({ neurons, slots }: Pick<Unfolding, 'neurons' | 'slots'>) {
    if (neurons <= MOST_IDLE * Math.max(slots.length, MOST_IDLE)) this.#list = new Uint32Array(neurons);
  }

  get(slot: number): number | undefined {
    return this.#list === undefined ? this.#map.get(slot) : this.#list[slot];
  }

  set(slot: number, value: number): void {
    if (this.#list === undefined) this.#map.set(slot, value);
    else this.#list[slot] = value;
  }
}

/** Slots that a list has for each one that is used. */
const MOST_IDLE = 64;

/** Unfolds to `width`, from K to K + N. */
export function frontier(unfolding: Unfolding, width: number): Frontier {
  const { roots, slots } = unfolding;
  const positions = new BySlot(unfolding);
  const nodes = new Uint32Array(width);
  const pairs = new Uint32Array(2 * (width - roots));
  for (let root = 0; root < roots; root++) {
    nodes[root] = root;
    positions.set(slots[root]!, root);
  }
  for (let position = roots; position < width; position++) {
    const node = nodeOfInstruction(roots, position - roots);
    const parent = positions.get(slots[node]!)!;
    nodes[parent] = node;
    nodes[position] = node + 1;
    positions.set(slots[node + 1]!, position);
    pairs.set([parent, position], 2 * (position - roots));
  }
  return { nodes, pairs };
}

/** Child i of an instruction; child j is the next node. */
export function nodeOfInstruction(roots: number, instruction: number): number {
  return roots + 2 * instruction;
}

/** Original neurons in the order in which they become visible as themselves. */
export interface LeafOrder {
  /** [K + 2N] the rank of each node among the leaves, −1 for merged nodes. */
  readonly rank: Int32Array;
  /** [N + 1] how many leaves there are among the nodes of width K + n and those before. */
  readonly seen: Uint32Array;
}

export function leafOrder({ roots, instructions, leaf }: Unfolding): LeafOrder {
  const rank = new Int32Array(leaf.length).fill(-1);
  const seen = new Uint32Array(instructions + 1);
  let count = 0;
  for (let n = 0; n <= instructions; n++) {
    const end = nodeOfInstruction(roots, n);
    for (let node = n === 0 ? 0 : end - 2; node < end; node++) {
      if (leaf[node] === 1) rank[node] = count++;
    }
    seen[n] = count;
  }
  return { rank, seen };
}

/** The slot at each position, [K + N]. */
export function positionSlots({ roots, instructions, slots }: Unfolding): Uint32Array {
  const list = slots.slice(0, roots + instructions);
  for (let n = 0; n < instructions; n++) list[roots + n] = slots[nodeOfInstruction(roots, n) + 1]!;
  return list;
}

/** [k] the positions of width k by ascending slot: the order of a skeleton's neurons. */
export function ascendingPositions(unfolding: Unfolding, width: number): Uint32Array {
  const slots = positionSlots(unfolding);
  const positions = new BySlot(unfolding);
  for (let position = 0; position < width; position++) positions.set(slots[position]!, position);
  return slots
    .slice(0, width)
    .sort()
    .map((slot) => positions.get(slot)!);
}

/** @throws TypeError for the gate of a hierarchy that has none. */
export function sideOf(unfolding: Unfolding, side: Side): SideUnfolding {
  const found = unfolding[side];
  if (found === undefined) throw new TypeError('The hierarchy of a block without gate has no gate side.');
  return found;
}
