import { requireArguments } from '../arguments.ts';
import { NATIVE_ACTIVATIONS, type NativeActivation } from '../native/binding.ts';

/** The activations that hermkit knows, by the names that options take. */
export type ActivationName = keyof typeof NATIVE_ACTIVATIONS;

/** What a neuron does to its weighted sum. */
export interface Activation {
  readonly name: ActivationName;
  /**
   * Leaky ReLU: factor of negative inputs (default 0.01); sigmoid: σ(slope·x) (1); hard sigmoid: slope·x + ½ between 0 and 1 (1/6);
   * ELU: slope·(eˣ − 1) for negative inputs (1).
   */
  readonly slope: number;
  /** [a, c, s, d], a ≠ 0: s·φ(a·x + c) + d in place of φ(x). */
  readonly affine?: readonly [number, number, number, number] | undefined;
}

/** A weight tensor as a block sees it: which tensor, and whether its neurons are rows or columns. */
export interface WeightRef {
  readonly tensor: string;
  /** Shape as stored. */
  readonly rows: number;
  readonly cols: number;
  /** False: neuron i is row i. True: neuron i is column i. */
  readonly transposed: boolean;
}

/** The branch of a gated block that its activation acts on, for example `gate_proj`. */
export interface BlockGate {
  /** G: neurons lie as in {@link Block.input}, of the same m and n. */
  readonly weight: WeightRef;
  /** b_g [m], if there is one. */
  readonly bias: string | undefined;
}

/**
 * One hidden layer with m neurons, n inputs and p outputs: y = V φ(W x + b) + c, or with a gate (GLU)
 * y = V (φ(G x + b_g) ⊙ (W x + b)) + c.
 */
export interface Block {
  /** What options and messages call it, for example `fc1`. */
  readonly name: string;
  readonly activation: Activation;
  /** m */
  readonly neurons: number;
  /** n */
  readonly inputs: number;
  /** p */
  readonly outputs: number;
  /**
   * W: neurons are the m rows of an [m×n] tensor, or the columns of an [n×m] one. In a gated block it is the value branch,
   * for example `up_proj`.
   */
  readonly input: WeightRef;
  /** b [m], if there is one. */
  readonly bias: string | undefined;
  /** V: neurons are the m columns of a [p×m] tensor, or the rows of an [m×p] one. */
  readonly output: WeightRef;
  /** c [p], if there is one; never part of the hierarchy. */
  readonly outputBias: string | undefined;
  /** G and b_g; undefined: the block is not gated. */
  readonly gate?: BlockGate | undefined;
}

/** The tensors that make up a block's neurons: all but the output bias. */
export function neuronTensors(block: Omit<Block, 'activation'>): string[] {
  requireArguments({ block });
  const { input, bias, output, gate } = block;
  return [gate?.weight.tensor, gate?.bias, input.tensor, bias, output.tensor].filter((name) => name !== undefined);
}

export function nativeActivation(activation: Activation): NativeActivation {
  const { name, slope, affine } = activation;
  return { kind: NATIVE_ACTIVATIONS[name], slope, affine };
}
