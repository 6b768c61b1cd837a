import type { NativeJob, NativeMatrix } from './common.ts';

export interface LaneKernels {
  /**
   * Low bits that are zero in every number of a tensor (the `shift` of exact coding); 0 for a tensor of zeros.
   * Rejects with `NON_FINITE` where a number is infinite or NaN.
   */
  tensorShift(args: TensorShiftArgs, job: NativeJob): Promise<number>;
  /** Copies a stored matrix into lanes [neurons×width], or transposes lanes: native/kernels/lane_copy.h. */
  loadLanes(args: LoadLanesArgs, job: NativeJob): Promise<void>;
  /** Copies chosen lanes and elements into the bytes of a tensor. */
  storeLanes(args: StoreLanesArgs, job: NativeJob): Promise<void>;
  /** Merges [from, to) in place, without indexes: native/kernels/exact_tree.h. */
  mergeLanes(args: MergeLanesArgs, job: NativeJob): Promise<void>;
  /** All merges in place, with everything that {@link LaneKernels.inverseLanes} needs. */
  forwardLanes(args: ForwardLanesArgs, job: NativeJob): Promise<void>;
  /** Undoes merges to−1 … from in place. Rejects with `HERM_CORRUPT`. */
  inverseLanes(args: InverseLanesArgs, job: NativeJob): Promise<void>;
}

export interface TensorShiftArgs {
  readonly data: Uint8Array;
  /** See {@link NATIVE_DTYPES}. */
  readonly dtype: number;
}

export interface LoadLanesArgs {
  readonly source: NativeMatrix;
  /** [neurons×width] words of the source's dtype. */
  readonly lanes: Uint8Array;
}

/** Lanes [laneCount×length]: one neuron's weights each, as raw words of a dtype, slot s in lane s. */
export interface NativeLanes {
  readonly lanes: Uint8Array;
  readonly dtype: number;
  readonly laneCount: number;
  readonly length: number;
}

export interface StoreLanesArgs extends NativeLanes {
  /** The wanted lanes, in order. */
  readonly slots: Uint32Array;
  /** The wanted elements of each lane, in order. */
  readonly elements: Uint32Array;
  /** Write [elements×slots] instead of [slots×elements]. */
  readonly transposed: boolean;
  readonly out: Uint8Array;
}

/** Lanes and the n consecutive merges, fine to coarse, that a call works with: `herm::Lanes`, `herm::LaneTree`. */
export interface LaneTreeArgs extends NativeLanes {
  /** {@link LaneKernels.tensorShift} of the tensor. */
  readonly shift: number;
  /** [laneCount] 1 where a lane lies on the coarse grid, as all leaves do not; kept up to date by every call. */
  readonly coarse: Uint8Array;
  /** [length] `coarse` of a tree that was applied to the other axis before; undefined where there was none. */
  readonly elementCoarse: Uint8Array | undefined;
  /** [2n] slots i < j. */
  readonly pairs: Uint32Array;
  /** [2n] half-precision bit patterns: α for input weights, β for output weights. */
  readonly coefficients: Uint16Array;
}

export interface MergeLanesArgs extends LaneTreeArgs {
  readonly from: number;
  readonly to: number;
}

/** Bits of the `flags` of a merge, as `herm::MergeFlag`. */
export const MERGE_FLAGS = { followedIsJ: 1, followedCoarse: 2, codedCoarse: 4, absorbed: 8 } as const;

export interface ForwardLanesArgs extends LaneTreeArgs {
  /** [n] {@link MERGE_FLAGS} of each merge. */
  readonly flags: Uint8Array;
  /** [n×length] words of the dtype's size. */
  readonly indexes: Uint8Array;
}

export interface InverseLanesArgs extends MergeLanesArgs {
  readonly flags: Uint8Array;
  readonly indexes: Uint8Array;
  /** [length] 0 where an element has no indexes; undefined where every element has them. */
  readonly present: Uint8Array | undefined;
}
