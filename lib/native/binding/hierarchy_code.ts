import type { NativeJob } from './common.ts';

/** The entropy coder of hierarchies: native/kernels/hierarchy_code.h. */
export interface HierarchyCodeKernels {
  /** Resolves to the bytes of all levels together; they are in `out` if it has room for them. */
  encodeHierarchy(args: EncodeHierarchyArgs, job: NativeJob): Promise<number>;
  /** Fills all arrays. Rejects with `HERM_CORRUPT`. */
  decodeHierarchy(args: DecodeHierarchyArgs, job: NativeJob): Promise<void>;
}

/** `herm::Hierarchy` of K roots and N instructions, coarse to fine. Dtypes: see {@link NATIVE_DTYPES}. */
export interface HierarchyArgs {
  readonly neurons: number;
  readonly roots: number;
  /** [K + 2N] */
  readonly slots: Uint32Array;
  /** [K + 2N] */
  readonly leaf: Uint8Array;
  /** [N] bfloat16 numbers */
  readonly costs: Float32Array;
  /** Of the input weights. */
  readonly inputDtype: number;
  /** [2N] half-precision bit patterns */
  readonly inputCoefficients: Uint16Array;
  /** [N] */
  readonly inputFollowed: Uint8Array;
  /** [K + 2N] */
  readonly inputFloors: Uint16Array;
  /** [K + 2N] */
  readonly inputGains: Float32Array;
  readonly outputDtype: number;
  readonly outputCoefficients: Uint16Array;
  readonly outputFollowed: Uint8Array;
  readonly outputFloors: Uint16Array;
  readonly outputGains: Float32Array;
  /** These five: undefined without a gate. */
  readonly gateDtype: number | undefined;
  readonly gateCoefficients: Uint16Array | undefined;
  readonly gateFollowed: Uint8Array | undefined;
  readonly gateFloors: Uint16Array | undefined;
  readonly gateGains: Float32Array | undefined;
  /** [K + 2N] numbers; undefined: none. */
  readonly biases: Uint8Array | undefined;
  readonly biasDtype: number | undefined;
  readonly gateBiases: Uint8Array | undefined;
  readonly gateBiasDtype: number | undefined;
  /** [levels] instructions down to each level. */
  readonly levelInstructions: Uint32Array;
  /** [levels] bytes of each. */
  readonly sizes: Uint32Array;
}

export interface EncodeHierarchyArgs extends HierarchyArgs {
  readonly out: Uint8Array;
}

export interface DecodeHierarchyArgs extends HierarchyArgs {
  readonly data: Uint8Array;
}
