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
  /** y [batch×m] */
  readonly y: Float64Array;
}
