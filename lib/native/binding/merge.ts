import type { NativeActivation, NativeBlock, NativeJob, NativeSamples } from './common.ts';

export interface MergeKernel {
  /** HERM's rounds: native/kernels/merge_rounds.h. */
  mergeRounds(args: MergeRoundsArgs, job: NativeJob): Promise<void>;
  /** Resolves to the seconds of a block's Gram BLAS calls alone: native/kernels/merge_block.h. */
  measureGram(args: NativeBlock, job: NativeJob): Promise<number>;
}

export interface MergeRoundsArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** Share of the living neurons that one round may merge, in pairs; 0 merges one pair a round. */
  readonly roundShare: number;
  /** HERM's rounds on samples instead (native/kernels/sample_rounds.h); `plain` and `stored` mean nothing then. */
  readonly samples?: NativeSamples | undefined;
  /** Look at all pairs in every round: the oracle of the search. */
  readonly plain: boolean;
  /** Merge by what a refit loses instead (native/kernels/refit_rounds.h), with or without samples; `plain` and `stored` mean nothing then. */
  readonly refit: boolean;
  /** Keep Gram matrices in memory; otherwise compute rows whenever they are read. */
  readonly stored: boolean;
  readonly pairs: Uint32Array;
  readonly alpha: Uint16Array;
  readonly beta: Uint16Array;
  readonly biasOut: Float64Array;
  readonly cost: Float64Array;
  /** Of gated blocks: α and biases of the gates, as `alpha` and `biasOut`. */
  readonly gateAlpha: Uint16Array | undefined;
  readonly gateBiasOut: Float64Array | undefined;
  /** [10] filled: seconds of {@link MERGE_PHASES}, then rounds, scans, estimates. */
  readonly report: Float64Array;
}

/** Numbered as `herm::MergeReport::Phase`. */
export const MERGE_PHASES = ['load', 'gram', 'sweep', 'match', 'operator', 'update', 'offer'] as const;
