import type { NativeActivation, NativeBlock, NativeFitSamples, NativeJob } from './common.ts';

export interface InteractionKernels {
  /** Φ, H and Γ = Φ ∘ H of a block: native/kernels/interaction.h. */
  interaction(args: InteractionArgs, job: NativeJob): Promise<void>;
  /** The best output weights for any hidden neurons: native/kernels/refit.h. */
  refitOutput(args: RefitOutputArgs, job: NativeJob): Promise<void>;
}

export interface InteractionArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** Φ [m×m] filled */
  readonly kernel: Float64Array;
  /** H [m×m] filled */
  readonly outputGram: Float64Array;
  /** Γ [m×m] filled */
  readonly interaction: Float64Array;
}

export interface RefitOutputArgs extends NativeBlock {
  readonly activation: NativeActivation;
  readonly samples?: NativeFitSamples | undefined;
  readonly ridge: number;
  /** [k×n] input weights and [k] biases (or undefined) of the neurons to fit. */
  readonly kept: Float64Array;
  readonly keptBias: Float64Array | undefined;
  readonly width: number;
  /** [k×p] filled */
  readonly refitted: Float64Array;
}
