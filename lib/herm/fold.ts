import { fromFloat64, toFloat64 } from '../model/tensor.ts';
import { forestOf } from './forest.ts';
import { allocateTree, type MergeTree, type Side } from './tree.ts';
import { nodeOfInstruction, type SideUnfolding, type Unfolding } from './unfolding.ts';

/** Biases as raw numbers of `bytes` bytes each: [m] of the original neurons and [T] of the parents. */
export interface NodeBiases {
  readonly bytes: number;
  readonly leaves: Uint8Array;
  readonly parents: Uint8Array;
}

/**
 * The tree as a file unfolds it, to its full width, except for what exact coding notes of the sides ({@link withSide}).
 *
 * @param gateBiases of a gated block; otherwise not read
 */
export function unfoldTree(tree: MergeTree, biases: NodeBiases, gateBiases: NodeBiases = NO_BIASES): Unfolding {
  const { neurons, merges } = tree;
  const roots = neurons - merges;
  const nodes = roots + 2 * merges;
  const forest = forestOf(tree);
  const gateBytes = tree.gate === undefined ? 0 : gateBiases.bytes;
  const unfolding: Unfolding = {
    neurons,
    roots,
    instructions: merges,
    slots: new Uint32Array(nodes),
    leaf: new Uint8Array(nodes),
    biases: new Uint8Array(nodes * biases.bytes),
    gateBiases: new Uint8Array(nodes * gateBytes),
    costs: toBfloat16(tree.cost).reverse(),
    input: emptySide(tree),
    output: emptySide(tree),
    gate: tree.gate && emptySide(tree),
  };
  const put = (at: number, slot: number, node: number) => {
    unfolding.slots[at] = slot;
    unfolding.leaf[at] = node < neurons ? 1 : 0;
    unfolding.biases.set(biasOf(node, neurons, biases), at * biases.bytes);
    if (gateBytes > 0) unfolding.gateBiases.set(biasOf(node, neurons, gateBiases), at * gateBytes);
  };
  for (const [root, slot] of forest.rootSlots.entries()) put(root, slot, forest.last[slot]!);
  for (let n = 0; n < merges; n++) {
    const t = merges - 1 - n;
    for (const child of [0, 1]) {
      put(nodeOfInstruction(roots, n) + child, tree.pairs[2 * t + child]!, forest.children[2 * t + child]!);
    }
  }
  return unfolding;
}

function emptySide({ neurons, merges }: MergeTree): SideUnfolding {
  return {
    coefficients: new Uint16Array(2 * merges),
    followed: new Uint8Array(merges),
    floors: new Uint16Array(neurons + merges),
    gains: new Float32Array(neurons + merges).fill(1),
  };
}

/** Costs are kept to 8 bits: they say what was lost about where, and are nothing that is computed with. */
function toBfloat16(values: Float64Array): Float32Array {
  return Float32Array.from(toFloat64(fromFloat64(values, 'BF16', 'costs', [values.length])));
}

/** The unfolding with what exact coding noted on one side. */
export function withSide(unfolding: Unfolding, side: Side, record: SideUnfolding): Unfolding {
  return { ...unfolding, [side]: record };
}

const NO_BIASES: NodeBiases = { bytes: 0, leaves: new Uint8Array(0), parents: new Uint8Array(0) };

/** Leaf i is node i, the parent of merge t is node m + t. */
function biasOf(node: number, neurons: number, { bytes, leaves, parents }: NodeBiases): Uint8Array {
  const isLeaf = node < neurons;
  const at = (isLeaf ? node : node - neurons) * bytes;
  return (isLeaf ? leaves : parents).subarray(at, at + bytes);
}

/** The tree of a complete unfolding; `biases` and `gateBiases` are the values of its nodes' biases, [K + 2T] or none. */
export function foldTree(unfolding: Unfolding, biases: Float64Array, gateBiases: Float64Array): MergeTree {
  const { neurons, roots, instructions: merges, slots, input, output, gate } = unfolding;
  const tree = allocateTree(neurons, merges, gate !== undefined);
  /** The node in each slot while the tree unfolds. */
  const living = new Uint32Array(neurons);
  for (let root = 0; root < roots; root++) living[slots[root]!] = root;
  for (let n = 0; n < merges; n++) {
    const t = merges - 1 - n;
    const node = nodeOfInstruction(roots, n);
    const parent = living[slots[node]!]!;
    tree.bias[t] = biases[parent] ?? 0;
    if (tree.gate) tree.gate.bias[t] = gateBiases[parent] ?? 0;
    tree.cost[t] = unfolding.costs[n]!;
    for (const child of [0, 1]) {
      tree.pairs[2 * t + child] = slots[node + child]!;
      living[slots[node + child]!] = node + child;
    }
    tree.alpha.set(foldCoefficients(input, n, parent, node), 2 * t);
    tree.beta.set(foldCoefficients(output, n, parent, node), 2 * t);
    tree.gate?.alpha.set(foldCoefficients(gate!, n, parent, node), 2 * t);
  }
  return tree;
}

/** Of the neurons, not of their lanes: those of a merge that keeps a lane are a ratio of gains, rounded. */
function foldCoefficients(
  { coefficients, gains }: SideUnfolding,
  n: number,
  parent: number,
  first: number,
): Uint16Array {
  const both = coefficients.subarray(2 * n, 2 * n + 2);
  if (gains[parent] === gains[first] && gains[parent] === gains[first + 1]) return both;
  const kept = both.indexOf(HALF_ONE);
  const other = both[1 - kept]!;
  if (kept < 0 || (other & HALF_MAGNITUDE) !== 0) return both;
  const exact = gains[parent]! / gains[first + kept]!;
  const ratio = Float64Array.of(Math.sign(exact) * Math.min(Math.max(Math.abs(exact), 2 ** -24), 65504));
  const half = new Uint16Array(fromFloat64(ratio, 'F16', 'a coefficient', [1]).data.buffer)[0]!;
  return kept === 0 ? Uint16Array.of(half, other) : Uint16Array.of(other, half);
}

const HALF_ONE = 0x3c00;
const HALF_MAGNITUDE = 0x7fff;
