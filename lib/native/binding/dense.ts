import type { NativeActivation, NativeJob, NativeMatrix } from './common.ts';

export interface DenseKernel {
  /** One layer on a batch: native/kernels/dense.h. */
  dense(args: DenseArgs, job: NativeJob): Promise<void>;
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
  /** Of a gated layer y = ψ(G φ(x) + g) ⊙ (W φ(x) + b): G, g and ψ. */
  readonly gate?: NativeMatrix | undefined;
  readonly gateBias?: NativeMatrix | undefined;
  readonly gateActivation?: NativeActivation | undefined;
  /** y [batch×m] */
  readonly y: Float64Array;
}
