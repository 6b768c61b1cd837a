import { HermError } from '../errors.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import { type DType, dtypeBytes } from '../model/tensor.ts';
import { NATIVE_DTYPES, type NativeBlock, type NativeTree } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import type { MergeTree } from './tree.ts';

// Enough to keep the Cholesky factor real when kept neurons coincide, far below what a width costs.
const RIDGE = 1e-9;

/**
 * The relative errors ‖f − f_k‖/‖f‖ in L²(x ~ N(0, I)) of the skeletons of these widths, as rounded weights serve them
 * (docs/theory.md, section 4.3).
 *
 * @param widths in any order, each from m − T to m
 * @returns one error a width
 * @throws HermError `BAD_ARGUMENT` for other widths; `NON_FINITE`; `OUT_OF_MEMORY`; `ABORTED`
 */
export async function certifyWidths(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  widths: readonly number[],
  options?: CallOptions,
): Promise<number[]> {
  for (const width of widths) checkWidth(block, tree, width);
  const descending = Uint32Array.from(new Set(widths)).sort().reverse();
  const errors = new Float64Array(descending.length);
  const activation = nativeActivation(block.activation);
  await callNative(options, (addon, job) =>
    addon.certify({ ...weights, ...nativeTree(tree), activation, widths: descending, errors }, job),
  );
  return widths.map((width) => errors[descending.indexOf(width)] as number);
}

/** Refitted output weights of a skeleton. */
export interface Refit {
  readonly width: number;
  /** [k×p] in the output weight's dtype, neurons as rows in skeleton order. */
  readonly output: Uint8Array;
  /** ‖f − f_k‖/‖f‖ with these weights. */
  readonly error: number;
}

/**
 * The output weights that bring a block's skeleton closest to the full block in L²(x ~ N(0, I)): they need the original,
 * so they are computed when compressing.
 *
 * @throws HermError as {@link certifyWidths}
 */
export async function refitSkeleton(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  width: number,
  options?: CallOptions,
): Promise<Refit> {
  checkWidth(block, tree, width);
  const output = new Uint8Array(width * block.outputs * dtypeBytes(dtypeOf(weights.output.dtype)));
  const error = new Float64Array(1);
  const activation = nativeActivation(block.activation);
  const args = { ...weights, ...nativeTree(tree), activation, width, ridge: RIDGE, refitted: output, error };
  await callNative(options, (addon, job) => addon.refitSkeleton(args, job));
  return { width, output, error: error[0] as number };
}

/**
 * The output weights for any k hidden neurons that bring them closest to the block in L²(x ~ N(0, I)).
 *
 * @param kept [k×n] input weights
 * @param keptBias [k] biases, or undefined
 * @returns [k×p] output weights, neurons as rows
 * @throws HermError `BLOCK_GATED` for a gated block; `BAD_ARGUMENT` where `kept` or `keptBias` do not fit the block; `NON_FINITE`; `OUT_OF_MEMORY`; `ABORTED`
 */
export async function refitOutput(
  block: Block,
  weights: NativeBlock,
  kept: Float64Array,
  keptBias: Float64Array | undefined,
  options?: CallOptions,
): Promise<Float64Array> {
  if (block.gate) {
    const why = `Block ${block.name} is gated: neurons of input weights and biases alone cannot stand for it. Use refitSkeleton.`;
    throw new HermError('BLOCK_GATED', why, { block: block.name });
  }
  const width = kept.length / block.inputs;
  if (!Number.isInteger(width) || (keptBias && keptBias.length !== width)) {
    throw new HermError(
      'BAD_ARGUMENT',
      `kept must hold k×${block.inputs} input weights of block ${block.name}, and keptBias k numbers, not ${kept.length} and ${keptBias?.length}.`,
      { block: block.name },
    );
  }
  const refitted = new Float64Array(width * block.outputs);
  const activation = nativeActivation(block.activation);
  await callNative(options, (addon, job) =>
    addon.refitOutput({ ...weights, activation, ridge: RIDGE, kept, keptBias, width, refitted }, job),
  );
  return refitted;
}

function nativeTree({ pairs, alpha, beta, bias, gate }: MergeTree): NativeTree {
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
