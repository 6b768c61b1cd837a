import type { NativeBlock, NativeJob } from './common.ts';

export interface ScaKernels {
  /** SCA of any neurons; resolves to the rank: native/kernels/sca.h. */
  sca(args: ScaArgs, job: NativeJob): Promise<number>;
  /** SCA of a whole layer; resolves to the rank. */
  scaBlock(args: ScaBlockArgs, job: NativeJob): Promise<number>;
  /** Shares and angles of many pairs of a layer. */
  scaPairs(args: ScaPairsArgs, job: NativeJob): Promise<void>;
}

/** For g neurons of width d and k = min(g, d); all filled up to the rank r. */
export interface ScaOutputs {
  /** [k×d] components as rows */
  readonly basis: Float64Array;
  /** [k] */
  readonly shares: Float64Array;
  /** [k] */
  readonly angles: Float64Array;
  /** [g×k], filled as [g×r] */
  readonly coordinates: Float64Array;
}

export interface ScaArgs extends ScaOutputs {
  /** [count×width] neurons as rows, the first `inputs` columns of which are the input part. */
  readonly neurons: Float64Array;
  readonly count: number;
  readonly width: number;
  readonly inputs: number;
}

/** Neurons (w, b, v) of width n + 1 + p, or gated ones (g, b_g, u, b_u, v) of width 2(n + 1) + p. */
export interface ScaBlockArgs extends NativeBlock, ScaOutputs {}

export interface ScaPairsArgs extends NativeBlock {
  /** [2P] */
  readonly pairs: Uint32Array;
  /** [2P] filled, NaN where a pair spans fewer components */
  readonly shares: Float64Array;
  /** [2P] filled likewise */
  readonly angles: Float64Array;
}
