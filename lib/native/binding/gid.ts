import type { NativeActivation, NativeBlock, NativeJob } from './common.ts';

export interface GidKernels {
  /** GID of Gram matrices; resolves to the rank: native/kernels/gid.h. */
  gid(args: GidArgs, job: NativeJob): Promise<number>;
  /** GID of neurons of a block, with their Gram matrices; resolves to the rank: native/kernels/block_gid.h. */
  gidBlock(args: GidBlockArgs, job: NativeJob): Promise<number>;
  /** All gates of a layer. */
  gateSpectrum(args: GateSpectrumArgs, job: NativeJob): Promise<void>;
  /** Gates of many pairs of a layer. */
  pairGates(args: PairGatesArgs, job: NativeJob): Promise<void>;
}

/** For g neurons. */
export interface GidOutputs {
  /** [g] filled */
  readonly gates: Float64Array;
  /** [g×g], the first rank rows filled */
  readonly inputMixing: Float64Array;
  /** [g×g], the first rank rows filled */
  readonly outputMixing: Float64Array;
}

export interface GidArgs extends GidOutputs {
  readonly count: number;
  /** Φ [g×g] */
  readonly kernel: Float64Array;
  /** H [g×g] */
  readonly outputGram: Float64Array;
}

export interface GidBlockArgs extends NativeBlock, GidOutputs {
  readonly activation: NativeActivation;
  /** [g] indices into the block's neurons */
  readonly neurons: Uint32Array;
  /** Φ [g×g] filled */
  readonly kernel: Float64Array;
  /** H [g×g] filled */
  readonly outputGram: Float64Array;
}

export interface GateSpectrumArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** [m] filled */
  readonly gates: Float64Array;
}

export interface PairGatesArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** [2P] */
  readonly pairs: Uint32Array;
  /** [2P] filled */
  readonly gates: Float64Array;
}
