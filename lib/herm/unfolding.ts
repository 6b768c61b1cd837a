import { MERGE_FLAGS } from '../native/binding.ts';
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
  /** [K + 2N] {@link NODE_LEAF} of each node; of roots also {@link ROOT_COARSE} of every side. */
  readonly flags: Uint8Array;
  /** [K + 2N] biases of the nodes in the bias dtype's own bytes; empty where the block has none. */
  readonly biases: Uint8Array;
  /** [2N] input coefficients as half-precision bit patterns. */
  readonly alpha: Uint16Array;
  /** [2N] output coefficients as half-precision bit patterns. */
  readonly beta: Uint16Array;
  /** [N] how exact coding undoes each instruction on the input (output) side: MergeFlag of native/kernels/exact_tree.h. */
  readonly inputFlags: Uint8Array;
  readonly outputFlags: Uint8Array;
  /** [N] the merges' costs. */
  readonly costs: Float32Array;
  /** Of a gated block. */
  readonly gate: GateUnfolding | undefined;
}

/** The gate branch of an {@link Unfolding}: as its `biases`, `alpha` and `inputFlags`. */
export interface GateUnfolding {
  readonly biases: Uint8Array;
  readonly alpha: Uint16Array;
  readonly flags: Uint8Array;
}

/** The node is an original neuron. */
export const NODE_LEAF = 1;
/** The root's weights of a side lie on the coarser grid of a parent. */
export const ROOT_COARSE: Readonly<Record<Side, number>> = { input: 2, output: 4, gate: 8 };

/** [k] the node that lives at each position at width k, and [2(k − K)] the positions that each instruction joins. */
export interface Frontier {
  readonly nodes: Uint32Array;
  readonly pairs: Uint32Array;
}

/** Unfolds to `width`, from K to K + N. */
export function frontier({ neurons, roots, slots }: Unfolding, width: number): Frontier {
  const positions = new Uint32Array(neurons);
  const nodes = new Uint32Array(width);
  const pairs = new Uint32Array(2 * (width - roots));
  for (let root = 0; root < roots; root++) {
    nodes[root] = root;
    positions[slots[root]!] = root;
  }
  for (let position = roots; position < width; position++) {
    const node = nodeOfInstruction(roots, position - roots);
    const parent = positions[slots[node]!]!;
    nodes[parent] = node;
    nodes[position] = node + 1;
    positions[slots[node + 1]!] = position;
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

export function leafOrder({ roots, instructions, flags }: Unfolding): LeafOrder {
  const rank = new Int32Array(flags.length).fill(-1);
  const seen = new Uint32Array(instructions + 1);
  let count = 0;
  for (let n = 0; n <= instructions; n++) {
    const end = nodeOfInstruction(roots, n);
    for (let node = n === 0 ? 0 : end - 2; node < end; node++) {
      if ((flags[node]! & NODE_LEAF) !== 0) rank[node] = count++;
    }
    seen[n] = count;
  }
  return { rank, seen };
}

/** The slot at each position, [K + N]. */
export function positionSlots({ roots, instructions, slots }: Unfolding): Uint32Array {
  return Uint32Array.from({ length: roots + instructions }, (_, position) =>
    position < roots ? slots[position]! : slots[nodeOfInstruction(roots, position - roots) + 1]!,
  );
}

/** [k] the positions of width k by ascending slot: the order of a skeleton's neurons. */
export function ascendingPositions(unfolding: Unfolding, width: number): Uint32Array {
  const slots = positionSlots(unfolding);
  return Uint32Array.from({ length: width }, (_, position) => position).sort((a, b) => slots[a]! - slots[b]!);
}

/** What one side of a hierarchy merges by, and what exact coding noted on it. */
export interface SideNotes {
  /** [2N] half-precision bit patterns. */
  readonly coefficients: Uint16Array;
  /** [N] MergeFlag of each instruction. */
  readonly flags: Uint8Array;
  /** [K + N] 1 where the number stored at a position (a root's or a coded child's) lies on the coarse grid. */
  readonly coarse: Uint8Array;
}

/** @throws TypeError for the gate of a hierarchy that has none. */
export function sideNotes(unfolding: Unfolding, side: Side): SideNotes {
  const { roots, instructions, flags } = unfolding;
  const [coefficients, notes] = sideArrays(unfolding, side);
  const coarse = Uint8Array.from({ length: roots + instructions }, (_, position) => {
    const mark =
      position < roots ? flags[position]! & ROOT_COARSE[side] : notes[position - roots]! & MERGE_FLAGS.codedCoarse;
    return mark === 0 ? 0 : 1;
  });
  return { coefficients, flags: notes, coarse };
}

function sideArrays(unfolding: Unfolding, side: Side): [Uint16Array, Uint8Array] {
  const { alpha, beta, inputFlags, outputFlags, gate } = unfolding;
  if (side === 'input') return [alpha, inputFlags];
  if (side === 'output') return [beta, outputFlags];
  if (gate === undefined) throw new TypeError('The hierarchy of a block without gate has no gate side.');
  return [gate.alpha, gate.flags];
}
