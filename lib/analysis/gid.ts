import { requireArguments, requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import type { GidOutputs, NativeBlock } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';
import { callWithPairs, checkNeurons } from './pairs.ts';

// m×m doubles that a whole layer's gates hold at their peak, when its second Gram matrix is factored: both Gram matrices,
// both rescaled, the first factor, the second one and what it is worked out in.
const SPECTRUM_MATRICES = 7;
// g×g doubles of a group: the four results, and at the peak, the SVD, both Gram matrices, both factors, the core and its
// copy, both sets of vectors and a workspace of four.
const GROUP_MATRICES = 16;

/**
 * What g neurons (φ_k, v_k) compute together, Σ_k v_k⊗φ_k, as orthogonal terms a_l⊗ψ_l of sizes σ_l (docs/theory.md,
 * section 3).
 */
export interface Gid {
  /** r, the number of terms */
  readonly rank: number;
  /** g */
  readonly neurons: number;
  /** [g] gates σ_l in the units of the output, descending, 0 beyond the rank */
  readonly gates: Float64Array;
  /** M [r×g]: the generators' inputs are ψ_l = Σ_k M_lk φ_k, with ⟨ψ_l, ψ_l'⟩ = σ_l if l = l', else 0. */
  readonly inputMixing: Float64Array;
  /**
   * [r×g], M⁻ᵀ at full rank: the generators' outputs are a_l = Σ_k outputMixing_lk v_k, as long as ψ_l and as orthogonal.
   * inputMixing_lk · outputMixing_lk is neuron k's share in term l; a row's shares sum to 1, and the neuron with the
   * largest has both entries positive.
   */
  readonly outputMixing: Float64Array;
}

/** The GID of neurons of a block and the Gram matrices that it comes from. */
export interface NeuronGid extends Gid {
  /** Φ [g×g], Φ_kl = E[φ_k φ_l] for x ~ N(0, I), φ_k what neuron k hands to its outputs */
  readonly kernel: Float64Array;
  /** H [g×g], H_kl = ⟨v_k, v_l⟩ */
  readonly outputGram: Float64Array;
}

/** The gates of all neurons of a block together (docs/theory.md, GID). */
export interface GateSpectrum {
  /** [m] gates of the layer, descending, in the units of the output */
  readonly gates: Float64Array;
  /** ‖f‖ = √Σσ², the size of the layer's function without its output bias, in L²(x ~ N(0, I)) */
  readonly norm: number;
  /** [m+1] bounds[k] ≤ ‖f − f_k‖/‖f‖ for every network f_k of k hidden neurons; 0 throughout where f = 0 */
  readonly bounds: Float64Array;
}

/**
 * GID from two Gram matrices, for inputs under any distribution.
 *
 * @param kernel Φ [g×g], positive semidefinite up to rounding
 * @param outputGram H [g×g], likewise
 * @throws HermError `BAD_ARGUMENT` unless both are square and of one size; `NON_FINITE`; `ABORTED`
 */
export async function gid(kernel: Float64Array, outputGram: Float64Array, options?: CallOptions): Promise<Gid> {
  requireArray('kernel', kernel, Float64Array);
  requireArray('outputGram', outputGram, Float64Array);
  const count = Math.round(Math.sqrt(kernel.length));
  if (count * count !== kernel.length || outputGram.length !== kernel.length) {
    throw new HermError(
      'BAD_ARGUMENT',
      `kernel and outputGram must both be g×g matrices of one g; they have ${kernel.length} and ${outputGram.length} entries.`,
      { kernel: kernel.length, outputGram: outputGram.length },
    );
  }
  const outputs = allocate(count);
  const rank = await callNative(options, (addon, job) => addon.gid({ count, kernel, outputGram, ...outputs }, job));
  return trim(outputs, count, rank);
}

/**
 * GID of two neurons of a block for x ~ N(0, I).
 *
 * @throws HermError `BAD_ARGUMENT` when a neuron does not exist; `NON_FINITE`; `ABORTED`
 */
export async function gidPair(
  block: Block,
  weights: NativeBlock,
  i: number,
  j: number,
  options?: CallOptions,
): Promise<NeuronGid> {
  return gidGroup(block, weights, [i, j], options);
}

/**
 * GID of any neurons of a block for x ~ N(0, I).
 *
 * @param neurons their indices
 * @throws HermError `BAD_ARGUMENT` when a neuron does not exist; `OUT_OF_MEMORY` before anything is allocated when 128·g²
 * bytes and the neurons' weights do not fit; `NON_FINITE`; `TOO_LARGE`; `ABORTED`
 */
export async function gidGroup(
  block: Block,
  weights: NativeBlock,
  neurons: ArrayLike<number>,
  options?: CallOptions,
): Promise<NeuronGid> {
  requireArguments({ block, weights, neurons });
  checkNeurons(block, 'neurons', neurons);
  const indices = Uint32Array.from(neurons);
  const count = indices.length;
  requireMemory(`The GID of ${count} neurons of block ${block.name}`, needOf(block, count, GROUP_MATRICES));
  const outputs = allocate(count);
  const kernel = new Float64Array(count * count);
  const outputGram = new Float64Array(count * count);
  const activation = nativeActivation(block.activation);
  const rank = await callOnBlock(block, options, (addon, job) =>
    addon.gidBlock({ ...weights, activation, neurons: indices, kernel, outputGram, ...outputs }, job),
  );
  return { ...trim(outputs, count, rank), kernel, outputGram };
}

/**
 * The gates of a whole layer for x ~ N(0, I), and with them a lower bound on the error of every smaller layer. Takes about
 * 3m³ operations and 56m² bytes.
 *
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when 56·m² bytes and the layer's weights in double
 * precision do not fit; `NON_FINITE`; `TOO_LARGE`; `ABORTED`
 */
export async function gateSpectrum(block: Block, weights: NativeBlock, options?: CallOptions): Promise<GateSpectrum> {
  requireArguments({ block, weights });
  const { name, neurons } = block;
  requireMemory(`The gates of the ${neurons} neurons of block ${name}`, needOf(block, neurons, SPECTRUM_MATRICES));
  const gates = new Float64Array(neurons);
  const activation = nativeActivation(block.activation);
  await callOnBlock(block, options, (addon, job) => addon.gateSpectrum({ ...weights, activation, gates }, job));
  return { gates, ...boundsOf(gates) };
}

/**
 * The gates of many pairs of neurons of a layer for x ~ N(0, I).
 *
 * @param pairs [2P] indices: pair k is neurons pairs[2k] and pairs[2k+1]
 * @returns [2P] σ_1 ≥ σ_2 ≥ 0 of each pair
 * @throws HermError `BAD_ARGUMENT` when an index is not below m; `NON_FINITE`; `ABORTED`
 */
export async function pairGates(
  block: Block,
  weights: NativeBlock,
  pairs: Uint32Array,
  options?: CallOptions,
): Promise<Float64Array> {
  requireArguments({ block, weights });
  requireArray('pairs', pairs, Uint32Array);
  const gates = new Float64Array(pairs.length);
  const activation = nativeActivation(block.activation);
  await callWithPairs(block, pairs, () =>
    callOnBlock(block, options, (addon, job) => addon.pairGates({ ...weights, activation, pairs, gates }, job)),
  );
  return gates;
}

/** Eckart-Young: k neurons realise at most k terms. Relative to the first gate, so that no square overflows. */
function boundsOf(gates: Float64Array): Pick<GateSpectrum, 'norm' | 'bounds'> {
  const first = gates[0] ?? 0;
  const bounds = new Float64Array(gates.length + 1);
  if (first === 0) return { norm: 0, bounds };
  for (let k = gates.length - 1, tail = 0; k >= 0; k--) {
    tail += (gates[k]! / first) ** 2;
    bounds[k] = Math.sqrt(tail);
  }
  const size = bounds[0]!;
  return { norm: first * size, bounds: bounds.map((bound) => bound / size) };
}

/** Bytes of so many square matrices of `neurons` and of their weights in double precision. */
function needOf({ inputs, outputs }: Block, neurons: number, matrices: number): number {
  return 8 * (matrices * neurons ** 2 + neurons * (inputs + outputs));
}

function allocate(neurons: number): GidOutputs {
  return {
    gates: new Float64Array(neurons),
    inputMixing: new Float64Array(neurons * neurons),
    outputMixing: new Float64Array(neurons * neurons),
  };
}

function trim(outputs: GidOutputs, neurons: number, rank: number): Gid {
  return {
    rank,
    neurons,
    gates: outputs.gates,
    inputMixing: outputs.inputMixing.subarray(0, rank * neurons),
    outputMixing: outputs.outputMixing.subarray(0, rank * neurons),
  };
}
