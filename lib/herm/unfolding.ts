/**
 * A hierarchy in the order in which a .herm file unfolds it, or the coarse beginning of one: first the K roots by slot,
 * then for every instruction, coarse to fine, the slot j that it adds. A width k is then simply the first k entries of
 * `slots`, and instruction n (merge t = T − 1 − n) adds entry K + n.
 *
 * Nodes are the K roots, then child i and child j of each instruction: instruction n has nodes K + 2n and K + 2n + 1.
 */
export interface Unfolding {
  /** m */
  readonly neurons: number;
  /** K = m − T, the smallest width. */
  readonly roots: number;
  /** N instructions are here; all T of them reach the full width. */
  readonly instructions: number;
  /** [K + N] the slots that live at width K + N. */
  readonly slots: Uint32Array;
  /** [N] slot i of each instruction. */
  readonly kept: Uint32Array;
  /** [2N] input coefficients as half-precision bit patterns. */
  readonly alpha: Uint16Array;
  /** [2N] output coefficients as half-precision bit patterns. */
  readonly beta: Uint16Array;
  /** [N] the merges' costs. */
  readonly cost: Float32Array;
  /** [K + 2N] {@link NODE_LEAF}, {@link NODE_COARSE_INPUT} and {@link NODE_COARSE_OUTPUT} of each node. */
  readonly nodes: Uint8Array;
  /** [N] {@link FOLLOWED_INPUT} and {@link FOLLOWED_OUTPUT} of each instruction. */
  readonly followed: Uint8Array;
  /** [K + 2N] biases of the nodes in the bias dtype's own bytes; empty where the block has none. */
  readonly biases: Uint8Array;
}

/** The node is an original neuron. */
export const NODE_LEAF = 1;
/** The node's input (output) weights lie on the coarser grid of a parent. */
export const NODE_COARSE_INPUT = 2;
export const NODE_COARSE_OUTPUT = 4;
/** Child j, not child i, is the one that follows from the parent. */
export const FOLLOWED_INPUT = 1;
export const FOLLOWED_OUTPUT = 2;

/** The position in `slots` of every slot that lives at the unfolding's width; [m], −1 for the others. */
export function slotPositions({ neurons, slots }: Unfolding): Int32Array {
  const positions = new Int32Array(neurons).fill(-1);
  for (let position = 0; position < slots.length; position++) positions[slots[position]!] = position;
  return positions;
}

/** The node that lives at each of the first `width` positions when the hierarchy is unfolded to that width. */
export function frontier(unfolding: Unfolding, width: number): Uint32Array {
  const { roots, kept } = unfolding;
  const positions = slotPositions(unfolding);
  const nodes = Uint32Array.from({ length: width }, (_, position) => position);
  for (let n = 0; n < width - roots; n++) {
    nodes[positions[kept[n]!]!] = roots + 2 * n;
    nodes[roots + n] = roots + 2 * n + 1;
  }
  return nodes;
}

/** Original neurons in the order in which they become visible as themselves, as {@link frontier} numbers nodes. */
export interface LeafOrder {
  /** [K + 2N] the rank of each node among the leaves, −1 for merged nodes. */
  readonly rank: Int32Array;
  /** [N + 1] how many leaves have been seen at width K + n. */
  readonly seen: Uint32Array;
}

export function leafOrder({ roots, instructions, nodes }: Unfolding): LeafOrder {
  const rank = new Int32Array(nodes.length).fill(-1);
  const seen = new Uint32Array(instructions + 1);
  let count = 0;
  for (let node = 0; node < nodes.length; node++) {
    if ((nodes[node]! & NODE_LEAF) !== 0) rank[node] = count++;
    if (node >= roots && (node - roots) % 2 === 1) seen[(node - roots + 1) / 2] = count;
    else if (node === roots - 1) seen[0] = count;
  }
  return { rank, seen };
}

/** [k] the positions of the first `width` slots in ascending order of the slots: the order of a skeleton's neurons. */
export function ascendingPositions({ slots }: Unfolding, width: number): Uint32Array {
  return Uint32Array.from({ length: width }, (_, position) => position).sort((a, b) => slots[a]! - slots[b]!);
}
