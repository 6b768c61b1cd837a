/**
 * The hierarchy of one block as pure data: a binary forest over its m neurons, in the order in which they merged.
 *
 * Merge t takes the neurons in slots i = pairs[2t] < j = pairs[2t+1]; the parent takes slot i and slot j is gone. Slots
 * are numbered by the original neurons, so that a living neuron's slot is the smallest original index below it. With α = alpha, β = beta (IEEE half precision,
 * as bit patterns) the parent is w_p = α₁w_i + α₂w_j, v_p = β₁v_i + β₂v_j, and its bias is bias[t]. In a gated block these
 * are the value branch, and `gate` has its own coefficients for the gate branch. From a file, the coefficients of neurons
 * that are multiples of each other come back as one, the other being 0: the parent is a multiple of one of them.
 */
export interface MergeTree {
  /** Neurons m of the block. */
  readonly neurons: number;
  /** Merges T ≤ m − 1; the smallest width is m − T. */
  readonly merges: number;
  /** [2T] slots of the merged neurons. */
  readonly pairs: Uint32Array;
  /** [2T] input coefficients as half-precision bit patterns. */
  readonly alpha: Uint16Array;
  /** [2T] output coefficients as half-precision bit patterns. */
  readonly beta: Uint16Array;
  /** [T] biases of the parents, representable in the block's bias dtype; zeros where the block has no biases. */
  readonly bias: Float64Array;
  /** Of a gated block, whose `alpha` and `bias` are its value branch's: the same of the gates. */
  readonly gate?: GateMerges | undefined;
  /** [T] cost δ of each merge: the squared L²(prior) change of the block's function. */
  readonly cost: Float64Array;
}

/** How the gate branch of a gated block merges: g_p = α₁g_i + α₂g_j. */
export interface GateMerges {
  /** [2T] gate coefficients as half-precision bit patterns. */
  readonly alpha: Uint16Array;
  /** [T] gate biases of the parents, as the tree's `bias`. */
  readonly bias: Float64Array;
}

/** Which weights of a block: input weights merge by α, output weights by β, gate weights by the gate's own α. */
export type Side = 'input' | 'output' | 'gate';

/** [2T] the coefficients that merge one side. @throws TypeError for the gate of a tree that has none. */
export function coefficientsOf({ alpha, beta, gate }: MergeTree, side: Side): Uint16Array {
  if (side === 'output') return beta;
  if (side === 'input') return alpha;
  if (gate === undefined) throw new TypeError('The tree of a block without gate has no gate coefficients.');
  return gate.alpha;
}

/** A tree with room for `merges` merges of `neurons` neurons, all zeros. */
export function allocateTree(neurons: number, merges: number, gated = false): MergeTree {
  return {
    neurons,
    merges,
    pairs: new Uint32Array(2 * merges),
    alpha: new Uint16Array(2 * merges),
    beta: new Uint16Array(2 * merges),
    bias: new Float64Array(merges),
    gate: gated ? { alpha: new Uint16Array(2 * merges), bias: new Float64Array(merges) } : undefined,
    cost: new Float64Array(merges),
  };
}
