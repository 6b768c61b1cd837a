import { NATIVE_ACTIVATIONS, type NativeActivation } from '../native/binding.ts';

export type ActivationName = keyof typeof NATIVE_ACTIVATIONS;

export interface Activation {
  readonly name: ActivationName;
  /** Leaky ReLU: factor of negative inputs (default 0.01); sigmoid: σ(slope·x) (default 1). */
  readonly slope: number;
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

/** One hidden layer: y = V φ(W x + b) + c, with m neurons, n inputs and p outputs. */
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
  /** W: neurons are the m rows of an [m×n] tensor, or the columns of an [n×m] one. */
  readonly input: WeightRef;
  /** b [m], if there is one. */
  readonly bias: string | undefined;
  /** V: neurons are the m columns of a [p×m] tensor, or the rows of an [m×p] one. */
  readonly output: WeightRef;
  /** c [p], if there is one; never part of the hierarchy. */
  readonly outputBias: string | undefined;
}

export function nativeActivation(activation: Activation): NativeActivation {
  return { kind: NATIVE_ACTIVATIONS[activation.name], slope: activation.slope };
}
