import { requireArguments, requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';
import type { NativeBlock, ScaOutputs } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';
import { callWithPairs } from './pairs.ts';

/** One hidden neuron: x ↦ output · φ(⟨input, x⟩ + bias), or with a gate output · φ(⟨gate, x⟩ + gateBias) (⟨input, x⟩ + bias). */
export interface Neuron {
  /** w [n] */
  readonly input: ArrayLike<number>;
  /** b, 0 by default */
  readonly bias?: number | undefined;
  /** v [p] */
  readonly output: ArrayLike<number>;
  /** g [n], of gated neurons */
  readonly gate?: ArrayLike<number> | undefined;
  /** b_g, 0 by default */
  readonly gateBias?: number | undefined;
}

/**
 * Structural components of g neurons: the orthonormal basis of the span of their joint weights (w, b, v), or (g, b_g, w, b,
 * v) with gates, whose input parts are orthogonal among themselves and whose output parts are as well (docs/theory.md,
 * section 2).
 */
export interface Sca {
  /** r, the dimension of the span; at most min(g, d) */
  readonly rank: number;
  /** g */
  readonly neurons: number;
  /** n + 1, or 2(n + 1) with gates: the first entries of a component, weights and bias */
  readonly inputs: number;
  /** d, inputs and the p outputs */
  readonly width: number;
  /** [r×d] components as rows, by falling input share; the largest entry of each is positive. */
  readonly basis: Float64Array;
  /** [r] input shares, 0 to 1: the squared length of each component's input part */
  readonly shares: Float64Array;
  /** [r] principal angles between the span and the input space, in radians: arccos √share */
  readonly angles: Float64Array;
  /** [g×r] the neurons in the basis: neuron i is Σ_k coordinates[i·r + k] · component k. */
  readonly coordinates: Float64Array;
}

/** Input shares and angles of many pairs. */
export interface PairShares {
  /** [2P] two a pair, the larger first; NaN where a pair spans fewer than two components */
  readonly shares: Float64Array;
  /** [2P] radians; NaN likewise */
  readonly angles: Float64Array;
}

/**
 * SCA of two neurons.
 *
 * @throws HermError `BAD_ARGUMENT` when their sizes differ or only one has a gate; `NON_FINITE`; `ABORTED`
 */
export async function scaPair(a: Neuron, b: Neuron, options?: CallOptions): Promise<Sca> {
  return scaGroup([a, b], options);
}

/**
 * SCA of any number of neurons.
 *
 * @throws HermError `BAD_ARGUMENT` when their sizes differ or only some have gates; `NON_FINITE`; `ABORTED`
 */
export async function scaGroup(neurons: readonly Neuron[], options?: CallOptions): Promise<Sca> {
  requireArguments({ neurons });
  for (const neuron of neurons) requireArguments({ neuron });
  const count = neurons.length;
  const first = neurons[0];
  const sizes = [first?.gate?.length, first?.input.length ?? 0, first?.output.length ?? 0] as const;
  const inputs = sizes[1] + 1 + (sizes[0] === undefined ? 0 : sizes[0] + 1);
  const width = inputs + sizes[2];
  const joint = new Float64Array(count * width);
  neurons.forEach((neuron, i) => {
    checkLength(i, 'gate', neuron.gate?.length, sizes[0]);
    checkLength(i, 'input', neuron.input.length, sizes[1]);
    checkLength(i, 'output', neuron.output.length, sizes[2]);
    let at = i * width;
    const branch = (weights: ArrayLike<number>, bias: number | undefined) => {
      joint.set(weights, at);
      joint[at + weights.length] = bias ?? 0;
      at += weights.length + 1;
    };
    if (neuron.gate) branch(neuron.gate, neuron.gateBias);
    branch(neuron.input, neuron.bias);
    joint.set(neuron.output, at);
  });
  const outputs = allocate(count, width);
  const rank = await callNative(options, (addon, job) =>
    addon.sca({ neurons: joint, count, width, inputs, ...outputs }, job),
  );
  return trim(outputs, { rank, neurons: count, inputs, width });
}

/**
 * SCA of all m neurons of a layer. Where m is at least the width d the neurons usually span the whole space, and the shares
 * say only that: `inputs` ones and p zeros.
 *
 * @param weights the block's stored weights
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when the layer in double precision, its components and
 * their SVD do not fit; `NON_FINITE`; `TOO_LARGE`; `ABORTED`
 */
export async function scaLayer(block: Block, weights: NativeBlock, options?: CallOptions): Promise<Sca> {
  requireArguments({ block, weights });
  const inputs = (block.inputs + 1) * (block.gate ? 2 : 1);
  const width = inputs + block.outputs;
  requireMemory(`SCA of the ${block.neurons} neurons of block ${block.name}`, needOf(block.neurons, width));
  const outputs = allocate(block.neurons, width);
  const rank = await callOnBlock(block, options, (addon, job) => addon.scaBlock({ ...weights, ...outputs }, job));
  return trim(outputs, { rank, neurons: block.neurons, inputs, width });
}

/**
 * Input shares and angles of many pairs of neurons of a layer.
 *
 * @param pairs [2P] indices: pair k is neurons pairs[2k] and pairs[2k+1]
 * @throws HermError `BAD_ARGUMENT` when an index is not below m; `NON_FINITE`; `ABORTED`
 */
export async function scaPairs(
  block: Block,
  weights: NativeBlock,
  pairs: Uint32Array,
  options?: CallOptions,
): Promise<PairShares> {
  requireArguments({ block, weights });
  requireArray('pairs', pairs, Uint32Array);
  const shares = new Float64Array(pairs.length);
  const angles = new Float64Array(pairs.length);
  await callWithPairs(block, pairs, () =>
    callOnBlock(block, options, (addon, job) => addon.scaPairs({ ...weights, pairs, shares, angles }, job)),
  );
  return { shares, angles };
}

function checkLength(
  neuron: number,
  side: 'gate' | 'input' | 'output',
  length: number | undefined,
  expected: number | undefined,
): void {
  if (length === expected) return;
  throw new HermError(
    'BAD_ARGUMENT',
    `neurons[${neuron}].${side} has ${length ?? 'no'} numbers, neurons[0].${side} has ${expected ?? 'none'}; neurons of one group have as many.`,
    { neuron, side, length, expected },
  );
}

/**
 * Bytes for g neurons of width d with k = min(g, d) components. The neurons, as they are and as unit vectors, last
 * throughout; beside them come first the SVD (basis before and after, a part of it and its copy, and at most 5k² of
 * vectors and workspace), then the results, the kernel's and the caller's.
 */
function needOf(neurons: number, width: number): number {
  const most = Math.min(neurons, width);
  const svd = 4 * most * width + 5 * most ** 2;
  const results = 2 * most * (neurons + width);
  return 8 * (2 * neurons * width + Math.max(svd, results));
}

function allocate(neurons: number, width: number): ScaOutputs {
  const most = Math.min(neurons, width);
  return {
    basis: new Float64Array(most * width),
    shares: new Float64Array(most),
    angles: new Float64Array(most),
    coordinates: new Float64Array(neurons * most),
  };
}

function trim(outputs: ScaOutputs, sizes: Pick<Sca, 'rank' | 'neurons' | 'inputs' | 'width'>): Sca {
  const { rank, neurons, width } = sizes;
  return {
    ...sizes,
    basis: outputs.basis.subarray(0, rank * width),
    shares: outputs.shares.subarray(0, rank),
    angles: outputs.angles.subarray(0, rank),
    coordinates: outputs.coordinates.subarray(0, neurons * rank),
  };
}
