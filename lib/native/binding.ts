import type { BuildInfo } from './load.ts';

/**
 * The one typed mirror of the addon (native/binding). Every call takes an object of named inputs and outputs, then its
 * {@link NativeJob}; JavaScript allocates all outputs and the call fills them. Nothing else in lib/ describes the addon.
 */
export interface Addon {
  buildInfo(): BuildInfo;
  /** One layer on a batch: native/kernels/dense.h. */
  dense(args: DenseArgs, job: NativeJob): Promise<void>;
  /** HERM's rounds: native/kernels/merge_rounds.h. */
  mergeRounds(args: MergeRoundsArgs, job: NativeJob): Promise<void>;
}

/** `control[0]` ≠ 0 aborts; `control[1]` is the progress in millionths. `threads` is the number the call may use. */
export interface NativeJob {
  readonly control: Int32Array;
  readonly threads: number;
}

/** Numbered as `herm::DType`. */
export const NATIVE_DTYPES = { F64: 0, F32: 1, F16: 2, BF16: 3 } as const;

/** Raw little-endian numbers [rows×cols] as a file stores them; `transposed`: neuron j is column j. */
export interface NativeMatrix {
  readonly data: Uint8Array;
  readonly dtype: number;
  readonly rows: number;
  readonly cols: number;
  readonly transposed: boolean;
}

/** Numbered as `herm::ActivationKind`. */
export const NATIVE_ACTIVATIONS = {
  identity: 0,
  relu: 1,
  leaky_relu: 2,
  relu2: 3,
  gelu: 4,
  gelu_tanh: 5,
  quick_gelu: 6,
  silu: 7,
  tanh: 8,
  sigmoid: 9,
} as const;

export interface NativeActivation {
  readonly kind: number;
  readonly slope: number;
}

export interface DenseArgs {
  /** x [batch×n] */
  readonly x: Float64Array;
  readonly batch: number;
  /** m neurons of width n. */
  readonly weight: NativeMatrix;
  readonly bias: NativeMatrix | undefined;
  /** Applied to x before the weights. */
  readonly activation: NativeActivation;
  /** y [batch×m] */
  readonly y: Float64Array;
}

/** One block's weights. */
export interface NativeBlock {
  readonly input: NativeMatrix;
  /** Biases [m] as one row; undefined where the block has none. */
  readonly bias: NativeMatrix | undefined;
  readonly output: NativeMatrix;
}

export interface MergeRoundsArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** Share of the living neurons that one round may merge, in pairs; 0 merges one pair a round. */
  readonly roundShare: number;
  /** One merge at a time by exhaustive search: the oracle of the rounds. */
  readonly plain: boolean;
  readonly pairs: Uint32Array;
  readonly alpha: Uint16Array;
  readonly beta: Uint16Array;
  readonly biasOut: Float64Array;
  readonly cost: Float64Array;
}
