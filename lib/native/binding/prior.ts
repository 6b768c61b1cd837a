import type { NativeBlock, NativeJob } from './common.ts';

export interface PriorKernel {
  /** L of the inputs' correlations by the weights that read them: native/kernels/weight_factor.h. */
  weightFactor(args: WeightFactorArgs, job: NativeJob): Promise<void>;
}

export interface WeightFactorArgs extends Pick<NativeBlock, 'input' | 'gate'> {
  /** Of the weights, in [0, 1); the rest is I. */
  readonly share: number;
  /** [n×n] filled */
  readonly factor: Float64Array;
}
