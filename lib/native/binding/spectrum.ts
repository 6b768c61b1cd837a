import type { NativeJob, NativeMatrix } from './common.ts';

export interface SpectrumKernel {
  /** All singular values of a matrix, by LAPACK: native/kernels/decompose.h. */
  singularValues(args: SingularValuesArgs, job: NativeJob): Promise<void>;
}

export interface SingularValuesArgs {
  readonly matrix: NativeMatrix;
  /** [min(rows, cols)] filled, descending */
  readonly values: Float64Array;
}
