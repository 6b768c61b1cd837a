import type { NativeJob } from './common.ts';

/** The entropy coder of a hierarchy's nodes: native/kernels/lane_code.h. */
export interface LaneCodeKernels {
  /** Resolves to the bytes of all sections together; they are in `out` if it has room for them. */
  encodeLanes(args: EncodeLanesArgs, job: NativeJob): Promise<number>;
  /** Fills the rows of all nodes that the wanted instructions reach, of all tensors at once. Rejects with `HERM_CORRUPT`. */
  decodeLanes(args: { readonly tensors: readonly DecodeLanesArgs[] }, job: NativeJob): Promise<void>;
}

/** Elements of a strip at most, where there are several: `herm::kStripElements`. */
export const STRIP_ELEMENTS = 1024;

/** `herm::NodeLanes`, `herm::LaneLevels`: K roots and N instructions, coarse to fine. */
export interface NodeLanesArgs {
  /** See {@link NATIVE_DTYPES}. */
  readonly dtype: number;
  readonly shift: number;
  readonly roots: number;
  /** [N] the node that each instruction splits. */
  readonly parents: Uint32Array;
  /** [2N] half-precision bit patterns of the children. */
  readonly coefficients: Uint16Array;
  /** [N] 1 where the second child is the followed one. */
  readonly followed: Uint8Array;
  /** [K + 2N] floors of the nodes' grids. */
  readonly floors: Uint16Array;
  /** [K + 2N] what their lanes are to be multiplied by. */
  readonly gains: Float32Array;
  /** [K + 2N] the row of each node in `words`. */
  readonly rows: Uint32Array;
  readonly rowCount: number;
  readonly length: number;
  /** [length] at least these floors; undefined: none. */
  readonly elementFloors: Uint16Array | undefined;
  /** Roots and coded children are known; only followed children are coded. */
  readonly onlyFollowed: boolean;
  /** [rowCount×length] */
  readonly words: Uint8Array;
  /** [levels] how many instructions and elements each level reaches. */
  readonly levelInstructions: Uint32Array;
  readonly levelElements: Uint32Array;
  readonly strips: number;
}

export interface EncodeLanesArgs extends NodeLanesArgs {
  /** [length] int8 */
  readonly elementShifts: Uint8Array;
  /** [levels × strips × 2] bytes of every section. */
  readonly sizes: Float64Array;
  readonly out: Uint8Array;
}

export interface DecodeLanesArgs extends NodeLanesArgs {
  /** Begins messages. */
  readonly name: string;
  /** Instructions of the last level to decode. */
  readonly wanted: number;
  /** [levels × strips × 2] */
  readonly sections: readonly Uint8Array[];
}
