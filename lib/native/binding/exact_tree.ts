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
  /** Merges all lanes of a tree in place, those that live being neurons then: native/kernels/exact_tree.h. */
  mergeLanes(args: LaneTreeArgs, job: NativeJob): Promise<void>;
  /** Merges in place, and keeps the numbers of all nodes. */
  unfoldLanes(args: UnfoldLanesArgs, job: NativeJob): Promise<void>;
  /** Splits lanes whose followed children were never coded, in place. */
  splitNearest(args: SplitNearestArgs, job: NativeJob): Promise<void>;
  /** Turns lanes into the neurons that are multiples of them, in place: native/kernels/lane_gains.h. */
  applyGains(args: ApplyGainsArgs, job: NativeJob): Promise<void>;
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

/** Lanes and the n merges, fine to coarse, that a call works with: `herm::Lanes`, `herm::LaneTree`. */
export interface LaneTreeArgs extends NativeLanes {
  /** {@link LaneKernels.tensorShift} of the tensor. */
  readonly shift: number;
  /** [length] floors of the elements' own grids, 0 for the tensor's; undefined where all are. */
  readonly elementFloors: Uint16Array | undefined;
  /** [2n] slots i < j. */
  readonly pairs: Uint32Array;
  /** [2n] half-precision bit patterns: α for input weights, β for output weights. */
  readonly coefficients: Uint16Array;
}

/** Nodes are K = laneCount − n roots by slot, then children i and j of every merge, coarse to fine. */
export interface UnfoldLanesArgs extends LaneTreeArgs {
  /** Take all elements to be of one scale. */
  readonly evenElements: boolean;
  /** [(K + 2n)×length] receives the nodes' words. */
  readonly nodes: Uint8Array;
  /** [K + 2n] receives the floors of their grids, 0 for the tensor's own. */
  readonly floors: Uint16Array;
  /** [K + 2n] receives what their lanes are to be multiplied by. */
  readonly gains: Float32Array;
  /** [2n] receives the coefficients coarse to fine, (1, 0) or (0, 1) where the parent keeps a child's lane. */
  readonly coefficientsOut: Uint16Array;
  /** [n] receives, coarse to fine, 1 where child j is the followed one. */
  readonly followed: Uint8Array;
  /** [length] receives the elements' shifts (int8). */
  readonly elementShifts: Uint8Array;
}

/** `herm::NearestSplits` */
export interface SplitNearestArgs extends NativeLanes {
  readonly shift: number;
  /** [2n] lanes that hold the parent, then the coded child. */
  readonly positions: Uint32Array;
  /** [2n] half-precision bit patterns of the followed, then of the coded child. */
  readonly coefficients: Uint16Array;
  /** [2n] of the followed, then of the coded child. */
  readonly gains: Float32Array;
  /** [2n] floors of the parent's grid, then of the followed child's. */
  readonly floors: Uint16Array;
  /** [n] 1 where the followed child ends in the second lane. */
  readonly followedSecond: Uint8Array;
}

export interface ApplyGainsArgs extends NativeLanes {
  readonly shift: number;
  /** [laneCount]; undefined: all 1. */
  readonly gains: Float32Array | undefined;
  /** [length]; undefined: all 1. */
  readonly elementGains: Float32Array | undefined;
}
