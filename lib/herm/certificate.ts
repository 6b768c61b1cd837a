import { requireArguments, requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import { type PriorOptions, type SamplesPrior, samplesOf, withPrior } from '../model/prior.ts';
import { type DType, dtypeBytes } from '../model/tensor.ts';
import { NATIVE_DTYPES, type NativeBlock, type NativeMatrix, type NativeTree } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import type { CallOptions } from '../native/call.ts';
import { blockOutputs, fitSamplesOf } from './block_samples.ts';
import type { MergeTree } from './tree.ts';

// Enough to keep the Cholesky factor real when kept neurons coincide, far below what a width costs.
const RIDGE = 1e-9;

export interface CertificateOptions extends CallOptions, PriorOptions {}

export interface RefitOptions extends CertificateOptions {
  /** Samples [N×n] that nothing is fitted to: how far the refit is from what should come of them is measured. */
  readonly heldOut?: Pick<SamplesPrior, 'inputs' | 'targets'> | undefined;
}

/**
 * The relative errors ‖f − f_k‖/‖f‖ in L²(prior) of the skeletons of these widths, as rounded weights serve them
 * (docs/theory.md, section 4.3). With samples the squares are blended, and those on samples are against their targets; with
 * a blend of 0 and samples that nothing was fitted to, they are measured errors. The full width is the block itself: its error
 * is 0, but against other targets.
 *
 * @param widths in any order, each from m − T to m
 * @returns one error a width
 * @throws HermError `BAD_ARGUMENT` for other widths; `PRIOR`; `NON_FINITE`; `OUT_OF_MEMORY`; `ABORTED`
 */
export async function certifyWidths(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  widths: readonly number[],
  options?: CertificateOptions,
): Promise<number[]> {
  requireArguments({ block, weights, tree, widths, options });
  for (const width of widths) checkWidth(block, tree, width);
  const known = withPrior(block, weights, options?.prior);
  const descending = Uint32Array.from(new Set(widths)).sort().reverse();
  const errors = new Float64Array(descending.length);
  const activation = nativeActivation(block.activation);
  const samples = await fitSamplesOf(block, weights, options?.prior, options);
  const args = { ...known, ...nativeTree(tree), activation, samples, widths: descending, errors };
  await callOnBlock(block, options, (addon, job) => addon.certify(args, job));
  const isBlock = (width: number) => width === tree.neurons && samplesOf(block, options?.prior)?.targets === undefined;
  return widths.map((width) => (isBlock(width) ? 0 : errors[descending.indexOf(width)]!));
}

/** Refitted output weights of a skeleton. */
export interface Refit {
  readonly width: number;
  /** [k×p] in the output weight's dtype, neurons as rows in skeleton order. */
  readonly output: Uint8Array;
  /** ‖f − f_k‖/‖f‖ with these weights. */
  readonly error: number;
  /** The same on the samples that were held out; undefined: there were none. */
  readonly measured: number | undefined;
}

/**
 * The output weights that bring a block's skeleton closest to the full block in L²(prior): they need the original,
 * so they are computed when compressing.
 *
 * @throws HermError as {@link certifyWidths}
 */
export async function refitSkeleton(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  width: number,
  options?: RefitOptions,
): Promise<Refit> {
  requireArguments({ block, weights, tree, options });
  checkWidth(block, tree, width);
  const output = new Uint8Array(width * block.outputs * dtypeBytes(dtypeOf(weights.output.dtype)));
  const error = new Float64Array(1);
  const activation = nativeActivation(block.activation);
  const known = withPrior(block, weights, options?.prior);
  const samples = await fitSamplesOf(block, weights, options?.prior, options);
  const args = { ...known, ...nativeTree(tree), activation, samples, width, ridge: RIDGE, refitted: output, error };
  await callOnBlock(block, options, (addon, job) => addon.refitSkeleton(args, job));
  const measured = options?.heldOut && (await measureRefit(block, weights, tree, { width, output }, options));
  return { width, output, error: error[0] as number, measured };
}

/** The relative error of a refitted skeleton on the samples that are held out. */
async function measureRefit(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  { width, output }: Pick<Refit, 'width' | 'output'>,
  { heldOut, signal, threads }: RefitOptions,
): Promise<number> {
  const quiet = { signal, threads };
  const { inputs, targets } = heldOut!;
  const wanted = targets ?? (await blockOutputs(block, weights, inputs, quiet));
  const kept = await skeletonWeights(block, weights, tree, width, quiet);
  const refitted = { ...kept.weights.output, data: output, dtype: weights.output.dtype };
  return relativeError(wanted, await blockOutputs(kept.block, { ...kept.weights, output: refitted }, inputs, quiet));
}

/** ‖wanted − found‖/‖wanted‖ */
export function relativeError(wanted: Float64Array, found: Float64Array): number {
  let [distance, norm] = [0, 0];
  for (const [at, value] of wanted.entries()) {
    distance += (value - found[at]!) ** 2;
    norm += value ** 2;
  }
  return norm > 0 ? Math.sqrt(distance / norm) : 0;
}

/**
 * The output weights for any k hidden neurons that bring them closest to the block in L²(prior).
 *
 * @param kept [k×n] input weights
 * @param keptBias [k] biases, or undefined
 * @returns [k×p] output weights, neurons as rows
 * @throws HermError `BLOCK_GATED` for a gated block; `BAD_ARGUMENT` where `kept` or `keptBias` do not fit the block; `PRIOR`; `NON_FINITE`; `OUT_OF_MEMORY`; `ABORTED`
 */
export async function refitOutput(
  block: Block,
  weights: NativeBlock,
  kept: Float64Array,
  keptBias: Float64Array | undefined,
  options?: CertificateOptions,
): Promise<Float64Array> {
  requireArguments({ block, weights, options });
  if (block.gate) {
    const why = `Block ${block.name} is gated: neurons of input weights and biases alone cannot stand for it. Use refitSkeleton.`;
    throw new HermError('BLOCK_GATED', why, { block: block.name });
  }
  requireArray('kept', kept, Float64Array);
  if (keptBias !== undefined) requireArray('keptBias', keptBias, Float64Array);
  const width = kept.length / block.inputs;
  if (!Number.isInteger(width) || (keptBias && keptBias.length !== width)) {
    throw new HermError(
      'BAD_ARGUMENT',
      `kept must hold k×${block.inputs} input weights of block ${block.name}, and keptBias k numbers, not ${kept.length} and ${keptBias?.length}.`,
      { block: block.name },
    );
  }
  const refitted = new Float64Array(width * block.outputs);
  const known = withPrior(block, weights, options?.prior);
  const activation = nativeActivation(block.activation);
  const samples = await fitSamplesOf(block, weights, options?.prior, options);
  const args = { ...known, activation, samples, ridge: RIDGE, kept, keptBias, width, refitted };
  await callOnBlock(block, options, (addon, job) => addon.refitOutput(args, job));
  return refitted;
}

/** The weights of a block's skeleton, in double. */
export interface SkeletonWeights {
  /** The block at this width. */
  readonly block: Block;
  /** Neurons as rows, in ascending order of their slots. */
  readonly weights: NativeBlock;
}

/** The skeleton of one width as a file serves it, without refit. @throws HermError `BAD_ARGUMENT` for other widths */
export async function skeletonWeights(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  width: number,
  options?: CallOptions,
): Promise<SkeletonWeights> {
  requireArguments({ block, weights, tree, options });
  checkWidth(block, tree, width);
  const { inputs, outputs, gate } = block;
  const numbers = (has: unknown, length: number) => new Float64Array(has === undefined ? 0 : length);
  const out = {
    inputOut: new Float64Array(width * inputs),
    biasOut: numbers(weights.bias, width),
    outputOut: new Float64Array(width * outputs),
    gateOut: numbers(weights.gate, width * inputs),
    gateBiasOut: numbers(weights.gateBias, width),
  };
  await callOnBlock(block, options, (addon, job) =>
    addon.skeletonWeights({ ...weights, ...nativeTree(tree), width, ...out }, job),
  );
  const rows = (values: Float64Array, cols: number) => doubles(values, values.length / cols, cols);
  const vector = (has: unknown, values: Float64Array) => (has === undefined ? undefined : rows(values, width));
  const ref = (kept: Block['input'], cols: number) => ({ ...kept, rows: width, cols, transposed: false });
  return {
    block: {
      ...block,
      neurons: width,
      input: ref(block.input, inputs),
      output: ref(block.output, outputs),
      gate: gate && { ...gate, weight: ref(gate.weight, inputs) },
    },
    weights: {
      input: rows(out.inputOut, inputs),
      bias: vector(weights.bias, out.biasOut),
      output: rows(out.outputOut, outputs),
      gate: weights.gate && rows(out.gateOut, inputs),
      gateBias: vector(weights.gateBias, out.gateBiasOut),
    },
  };
}

/** Numbers in double as kernels take them. */
export function doubles(values: Float64Array, rows: number, cols: number): NativeMatrix {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { data, dtype: NATIVE_DTYPES.F64, rows, cols, transposed: false };
}

/** A tree as kernels take it. */
export function nativeTree({ pairs, alpha, beta, bias, gate }: MergeTree): NativeTree {
  return { pairs, alpha, beta, parentBias: bias, gateAlpha: gate?.alpha, parentGateBias: gate?.bias };
}

function dtypeOf(code: number): DType {
  return (Object.keys(NATIVE_DTYPES) as DType[]).find((name) => NATIVE_DTYPES[name] === code) as DType;
}

function checkWidth(block: Block, tree: MergeTree, width: number): void {
  const smallest = tree.neurons - tree.merges;
  if (Number.isInteger(width) && width >= smallest && width <= tree.neurons) return;
  throw new HermError(
    'BAD_ARGUMENT',
    `Block ${block.name} has widths from ${smallest} to ${tree.neurons}, not ${width}.`,
    { block: block.name, width },
  );
}
