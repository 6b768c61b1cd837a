import type { BuildInfo } from './load.ts';

/**
 * The one typed mirror of the addon (native/binding). Every call takes an object of named inputs and outputs, then its
 * {@link NativeJob}; JavaScript allocates all outputs and the call fills them. Nothing else in lib/ describes the addon.
 */
export interface Addon {
  buildInfo(): BuildInfo;
  /** What widths cost: native/kernels/certificate.h. */
  certify(args: CertifyArgs, job: NativeJob): Promise<void>;
  /** The best output weights for one width: native/kernels/certificate.h. */
  refitSkeleton(args: RefitSkeletonArgs, job: NativeJob): Promise<void>;
  /** Φ, H and Γ = Φ ∘ H of a block: native/kernels/interaction.h. */
  interaction(args: InteractionArgs, job: NativeJob): Promise<void>;
  /** The best output weights for any hidden neurons: native/kernels/refit.h. */
  refitOutput(args: RefitOutputArgs, job: NativeJob): Promise<void>;
  /** One layer on a batch: native/kernels/dense.h. */
  dense(args: DenseArgs, job: NativeJob): Promise<void>;
  /** SCA of any neurons; resolves to the rank: native/kernels/sca.h. */
  sca(args: ScaArgs, job: NativeJob): Promise<number>;
  /** SCA of a whole layer; resolves to the rank. */
  scaBlock(args: ScaBlockArgs, job: NativeJob): Promise<number>;
  /** Shares and angles of many pairs of a layer. */
  scaPairs(args: ScaPairsArgs, job: NativeJob): Promise<void>;
  /** GID of Gram matrices; resolves to the rank: native/kernels/gid.h. */
  gid(args: GidArgs, job: NativeJob): Promise<number>;
  /** GID of neurons of a block, with their Gram matrices; resolves to the rank: native/kernels/block_gid.h. */
  gidBlock(args: GidBlockArgs, job: NativeJob): Promise<number>;
  /** All gates of a layer. */
  gateSpectrum(args: GateSpectrumArgs, job: NativeJob): Promise<void>;
  /** Gates of many pairs of a layer. */
  pairGates(args: PairGatesArgs, job: NativeJob): Promise<void>;
  /** Neurons that merge for nothing: native/kernels/symmetry.h. */
  symmetries(args: SymmetriesArgs, job: NativeJob): Promise<void>;
  /** HERM's rounds: native/kernels/merge_rounds.h. */
  mergeRounds(args: MergeRoundsArgs, job: NativeJob): Promise<void>;
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
  /** All merges in place, with everything that {@link inverseLanes} needs. */
  forwardLanes(args: ForwardLanesArgs, job: NativeJob): Promise<void>;
  /** Undoes merges to−1 … from in place. Rejects with `HERM_CORRUPT`. */
  inverseLanes(args: InverseLanesArgs, job: NativeJob): Promise<void>;
  /** Most bytes that encoding `count` words of `wordBytes` bytes can give. */
  encodedBound(count: number, wordBytes: number): number;
  /** Resolves to the bytes of `out` written: native/kernels/planes.h. */
  encodeRectangle(args: EncodeRectangleArgs, job: NativeJob): Promise<number>;
  /** Resolves to the bytes of `data` read. Rejects with `HERM_CORRUPT`. */
  decodeRectangle(args: DecodeRectangleArgs, job: NativeJob): Promise<number>;
  /** {@link encodeRectangle} for a plain array of words. */
  encodeWords(args: EncodeWordsArgs, job: NativeJob): Promise<number>;
  /** {@link decodeRectangle} for a plain array of words: fills all of `words`. */
  decodeWords(args: DecodeWordsArgs, job: NativeJob): Promise<number>;
  /** XXH64 with seed 0 as 16 hexadecimal digits. */
  xxh64(args: Xxh64Args, job: NativeJob): Promise<string>;
}

/** `control[0]` ≠ 0 aborts; `control[1]` is the progress in millionths. `threads` is the number the call may use. */
export interface NativeJob {
  readonly control: Int32Array;
  readonly threads: number;
}

/** Numbered as `herm::DType`. */
export const NATIVE_DTYPES = { F64: 0, F32: 1, F16: 2, BF16: 3 } as const;

/** Raw little-endian numbers [rows×cols] as a file stores them; `transposed`: neuron j is column j. */
export interface NativeMatrix {
  readonly data: Uint8Array;
  readonly dtype: number;
  readonly rows: number;
  readonly cols: number;
  readonly transposed: boolean;
}

/** Numbered as `herm::ActivationKind`. */
export const NATIVE_ACTIVATIONS = {
  identity: 0,
  relu: 1,
  leaky_relu: 2,
  relu2: 3,
  gelu: 4,
  gelu_tanh: 5,
  quick_gelu: 6,
  silu: 7,
  tanh: 8,
  sigmoid: 9,
} as const;

export interface NativeActivation {
  readonly kind: number;
  readonly slope: number;
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
  /** Of a gated layer y = ψ(G φ(x) + g) ⊙ (W φ(x) + b): G, g and ψ; all undefined for others. */
  readonly gate: NativeMatrix | undefined;
  readonly gateBias: NativeMatrix | undefined;
  readonly gateActivation: NativeActivation | undefined;
  /** y [batch×m] */
  readonly y: Float64Array;
}

/** One block's weights. */
export interface NativeBlock {
  readonly input: NativeMatrix;
  /** Biases [m] as one row; undefined where the block has none. */
  readonly bias: NativeMatrix | undefined;
  readonly output: NativeMatrix;
  /** Of a gated block, whose `input` and `bias` are the value branch: gate weights as `input`, gate biases as `bias`. */
  readonly gate?: NativeMatrix | undefined;
  readonly gateBias?: NativeMatrix | undefined;
}

/** A merge tree of T merges as arrays (lib/herm/tree.ts). */
export interface NativeTree {
  readonly pairs: Uint32Array;
  readonly alpha: Uint16Array;
  readonly beta: Uint16Array;
  readonly parentBias: Float64Array;
  /** Of a gated block. */
  readonly gateAlpha: Uint16Array | undefined;
  readonly parentGateBias: Float64Array | undefined;
}

export interface CertifyArgs extends NativeBlock, NativeTree {
  readonly activation: NativeActivation;
  /** [L] descending */
  readonly widths: Uint32Array;
  /** [L] filled */
  readonly errors: Float64Array;
}

export interface RefitSkeletonArgs extends NativeBlock, NativeTree {
  readonly activation: NativeActivation;
  readonly width: number;
  /** Share of the kernel's mean diagonal that is added to it. */
  readonly ridge: number;
  /** [k×p] filled, in the output weight's dtype, neurons as rows. */
  readonly refitted: Uint8Array;
  /** [1] filled: the relative error left. */
  readonly error: Float64Array;
}

export interface InteractionArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** Φ [m×m] filled */
  readonly kernel: Float64Array;
  /** H [m×m] filled */
  readonly outputGram: Float64Array;
  /** Γ [m×m] filled */
  readonly interaction: Float64Array;
}

export interface RefitOutputArgs extends NativeBlock {
  readonly activation: NativeActivation;
  readonly ridge: number;
  /** [k×n] input weights and [k] biases (or undefined) of the neurons to fit. */
  readonly kept: Float64Array;
  readonly keptBias: Float64Array | undefined;
  readonly width: number;
  /** [k×p] filled */
  readonly refitted: Float64Array;
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

/** Numbered as `herm::NeuronClass`. */
export const NEURON_CLASSES = { normal: 0, dead: 1, constant: 2 } as const;

export interface SymmetriesArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** [m] filled, see {@link NEURON_CLASSES} */
  readonly classes: Uint8Array;
  /** [m] filled */
  readonly groups: Uint32Array;
}

export interface MergeRoundsArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** Share of the living neurons that one round may merge, in pairs; 0 merges one pair a round. */
  readonly roundShare: number;
  /** One merge at a time by exhaustive search: the oracle of the rounds. */
  readonly plain: boolean;
  readonly pairs: Uint32Array;
  readonly alpha: Uint16Array;
  readonly beta: Uint16Array;
  readonly biasOut: Float64Array;
  readonly cost: Float64Array;
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
  /** {@link Addon.tensorShift} of the tensor. */
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

/** How a word becomes bytes: `herm::WordLayout`. Numbers: their tensor's shift, rotated. All else: 0, false. */
export interface WordLayout {
  /** 1, 2, 4 or 8. */
  readonly wordBytes: number;
  readonly shift: number;
  readonly rotate: boolean;
}

/**
 * Words of a matrix [rows×cols]: those of the listed rows and columns. Words of different classes (the larger one of
 * row's and column's, 0 to 2) are coded apart; give lanes their `coarse`, a merge's indexes 2 where it is absorbed and
 * else `followedCoarse`, and the elements of either their `elementCoarse`.
 */
export interface RectangleArgs extends WordLayout {
  readonly rows: number;
  readonly cols: number;
  readonly rowList: Uint32Array;
  readonly colList: Uint32Array;
  /** One an entry of `rowList`; undefined: all 0. */
  readonly rowClass: Uint8Array | undefined;
  /** One an entry of `colList`; undefined: all 0. */
  readonly colClass: Uint8Array | undefined;
  readonly words: Uint8Array;
}

export interface EncodeRectangleArgs extends RectangleArgs {
  /** At least {@link Addon.encodedBound} bytes. */
  readonly out: Uint8Array;
}

export interface DecodeRectangleArgs extends RectangleArgs {
  readonly data: Uint8Array;
}

export interface EncodeWordsArgs extends WordLayout {
  readonly words: Uint8Array;
  readonly out: Uint8Array;
}

export interface DecodeWordsArgs extends WordLayout {
  readonly data: Uint8Array;
  readonly words: Uint8Array;
}

export interface Xxh64Args {
  readonly data: Uint8Array;
}
