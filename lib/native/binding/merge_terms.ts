import type { NativeTree } from './certificate.ts';
import type { NativeActivation, NativeBlock, NativeJob } from './common.ts';

export interface MergeTermsKernel {
  /** GID and SCA of the children of every merge: native/kernels/merge_terms.h. */
  mergeTerms(args: MergeTermsArgs, job: NativeJob): Promise<void>;
}

export interface MergeTermsArgs extends NativeBlock, NativeTree {
  readonly activation: NativeActivation;
  /** [2T] filled */
  readonly gates: Float64Array;
  /** [T] filled */
  readonly angles: Float64Array;
  /** [T] filled */
  readonly parts: Float64Array;
  /** [2T] filled */
  readonly shares: Float64Array;
}
