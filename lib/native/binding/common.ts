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

/** One block's weights. */
export interface NativeBlock {
  readonly input: NativeMatrix;
  /** Biases [m] as one row; undefined where the block has none. */
  readonly bias: NativeMatrix | undefined;
  readonly output: NativeMatrix;
  /** Of a gated block, whose `input` and `bias` are the value branch: gate weights as `input`, gate biases as `bias`. */
  readonly gate?: NativeMatrix | undefined;
  readonly gateBias?: NativeMatrix | undefined;
  /** Inputs x = priorMean + priorScale∘(L z), z ~ N(0, I), [n] each; undefined: x = L z. */
  readonly priorMean?: Float64Array | undefined;
  readonly priorScale?: Float64Array | undefined;
  /** L [n×n], nothing above its diagonal; undefined: I. */
  readonly priorFactor?: Float64Array | undefined;
}

/** What a block was given, and how much a Gaussian prior counts beside it. */
export interface NativeSamples {
  /** [N×n] row-major */
  readonly inputs: Float32Array;
  /** ε in [0, 1] */
  readonly blend: number;
}

/** What should come of samples, too. */
export interface NativeFitSamples extends NativeSamples {
  /** [N×p] row-major, without the output bias */
  readonly targets: Float64Array;
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
  relu6: 10,
  hard_tanh: 11,
  hard_sigmoid: 12,
  hard_swish: 13,
  elu: 14,
  selu: 15,
  softplus: 16,
  mish: 17,
} as const;

export interface NativeActivation {
  readonly kind: number;
  readonly slope: number;
  /** Scale (not 0) and shift of what goes in, scale and shift of what comes out. */
  readonly affine?: readonly [number, number, number, number] | undefined;
}
