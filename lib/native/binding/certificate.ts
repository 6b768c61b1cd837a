import type { NativeActivation, NativeBlock, NativeFitSamples, NativeJob } from './common.ts';

export interface CertificateKernels {
  /** What widths cost: native/kernels/certificate.h. */
  certify(args: CertifyArgs, job: NativeJob): Promise<void>;
  /** The best output weights for one width: native/kernels/certificate.h. */
  refitSkeleton(args: RefitSkeletonArgs, job: NativeJob): Promise<void>;
  /** The weights of one width as a file serves them, in double. */
  skeletonWeights(args: SkeletonWeightsArgs, job: NativeJob): Promise<void>;
}

/** A merge tree of T merges as arrays (lib/herm/tree.ts). */
export interface NativeTree {
  readonly pairs: Uint32Array;
  readonly alpha: Uint16Array;
  readonly beta: Uint16Array;
  readonly parentBias: Float64Array;
  /** Of a gated block. */
  readonly gateAlpha?: Uint16Array | undefined;
  readonly parentGateBias?: Float64Array | undefined;
}

export interface CertifyArgs extends NativeBlock, NativeTree {
  readonly activation: NativeActivation;
  readonly samples?: NativeFitSamples | undefined;
  /** [L] descending */
  readonly widths: Uint32Array;
  /** [L] filled */
  readonly errors: Float64Array;
}

/** Filled, neurons as rows; what the block does not have is empty. */
export interface SkeletonWeightsArgs extends NativeBlock, NativeTree {
  readonly width: number;
  readonly inputOut: Float64Array;
  readonly biasOut: Float64Array;
  readonly outputOut: Float64Array;
  readonly gateOut: Float64Array;
  readonly gateBiasOut: Float64Array;
}

export interface RefitSkeletonArgs extends NativeBlock, NativeTree {
  readonly activation: NativeActivation;
  readonly samples?: NativeFitSamples | undefined;
  readonly width: number;
  /** Share of the kernel's mean diagonal that is added to it. */
  readonly ridge: number;
  /** [k×p] filled, in the output weight's dtype, neurons as rows. */
  readonly refitted: Uint8Array;
  /** [1] filled: the relative error left. */
  readonly error: Float64Array;
}
