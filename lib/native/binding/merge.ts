import type { NativeActivation, NativeBlock, NativeJob } from './common.ts';

export interface MergeKernel {
  /** HERM's rounds: native/kernels/merge_rounds.h. */
  mergeRounds(args: MergeRoundsArgs, job: NativeJob): Promise<void>;
}

export interface MergeRoundsArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** Share of the living neurons that one round may merge, in pairs; 0 merges one pair a round. */
  readonly roundShare: number;
  /** Look at all pairs in every round: the oracle of the search. */
  readonly plain: boolean;
  readonly pairs: Uint32Array;
  readonly alpha: Uint16Array;
  readonly beta: Uint16Array;
  readonly biasOut: Float64Array;
  readonly cost: Float64Array;
  /** [10] filled: seconds of {@link MERGE_PHASES}, then rounds, scans, estimates. */
  readonly report: Float64Array;
}

/** Numbered as `herm::MergeReport::Phase`. */
export const MERGE_PHASES = ['load', 'gram', 'sweep', 'match', 'operator', 'update', 'offer'] as const;
