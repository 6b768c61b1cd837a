/**
 * What the page of a report knows, as JSON: the contract of lib/report/ and the script in lib/report/page/. Typed arrays are
 * base64 of little-endian numbers. Nothing here is HTML: the page sets it as text.
 */
export interface ReportData {
  readonly file: { readonly name: string; readonly bytes: number };
  readonly original: { readonly name: string; readonly bytes: number };
  readonly generator: string;
  /** What inputs the errors are for, in words. */
  readonly inputs: string;
  readonly metadata: readonly (readonly [string, string])[];
  readonly blocks: readonly BlockData[];
  readonly tensors: readonly TensorData[];
  /** Empty: none was given. */
  readonly plan: readonly PlanData[];
}

export interface BlockData {
  readonly name: string;
  readonly neurons: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: string;
  readonly merges: number;
  /** Uint32 [2T] nodes: neuron i of m is node i, the parent of merge t is m + t. */
  readonly children: string;
  /** Float32 [T] */
  readonly cost: string;
  /** Float32 [2T] */
  readonly gates: string;
  /** Float32 [T] radians */
  readonly angles: string;
  /** Float32 [T] */
  readonly parts: string;
  /** Float32 [2T] */
  readonly shares: string;
  /** What inputs gates and angles are for, in words. */
  readonly termInputs: string;
  readonly curve: readonly CurvePoint[];
  readonly refits: readonly CurvePoint[];
  /** Undefined: the block has too many neurons for it. */
  readonly spectrum?: GateData | undefined;
  readonly dead: readonly number[];
  readonly constant: readonly number[];
  /** Neurons and the earlier ones that they are copies of. */
  readonly copies: readonly (readonly [number, number])[];
  /** Merges that cost nothing beside what their neurons compute. */
  readonly free: number;
  readonly pictures?: PictureData | undefined;
}

export interface CurvePoint {
  readonly width: number;
  readonly error: number | null;
  readonly measured?: number | null | undefined;
}

export interface GateData {
  /** ‖f‖ */
  readonly norm: number;
  readonly effectiveRank: number;
  /** Float32, those above 0. */
  readonly gates: string;
  /** Of the curve's widths: no network of so many neurons has a smaller error. */
  readonly bounds: readonly number[];
}

/** Input weights as pictures. */
export interface PictureData {
  readonly width: number;
  readonly height: number;
  /** Int8 [m×height·width], each neuron's largest weight being ±127. */
  readonly pixels: string;
  /** Float32 [m] the largest weights. */
  readonly scales: string;
  /** Float32 [2T] how parents' weights follow from their children's. */
  readonly alpha: string;
}

export interface TensorData {
  readonly name: string;
  readonly block: string;
  readonly rows: number;
  readonly cols: number;
  /** Null: infinite. */
  readonly condition: number | null;
  readonly randomCondition: number;
  readonly effectiveRank: number;
  readonly stableRank: number;
  readonly leaveAlone: boolean;
}

/** Of one block. */
export interface PlanData {
  readonly block: string;
  readonly neurons: number;
  readonly width: number;
  /** Of the largest recorded width up to this one. */
  readonly error: number | null;
}
