import { requireArguments, requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { NativeMatrix } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import { type Activation, type Block, nativeActivation, type WeightRef } from './block.ts';
import { quoteName } from './messages.ts';
import { nativeMatrix, type TensorLookup } from './weights.ts';

/** What a gated layer is multiplied by: ψ(G φ(x) + g), with φ and x the layer's own. */
export interface LayerGate {
  /** ψ */
  readonly activation: Activation;
  /** G */
  readonly weight: NativeMatrix;
  /** g */
  readonly bias: NativeMatrix | undefined;
}

/**
 * A fully connected layer y = W φ(x) + b of a chain, element by element times its gate if it has one: φ acts on what comes
 * in, and is the identity for the first layer and behind a gate.
 */
export interface Layer {
  readonly activation: Activation;
  readonly weight: NativeMatrix;
  readonly bias: NativeMatrix | undefined;
  readonly gate?: LayerGate | undefined;
}

const IDENTITY: Activation = { name: 'identity', slope: 1 };

/**
 * The layers of a plain MLP whose hidden layers are `blocks`, in order: each block's output weight is the next one's
 * input weight. Only the first one may be gated. Works on the original's tensors and on a skeleton's alike.
 *
 * @throws HermError `BAD_ARGUMENT` where the blocks are no such chain, or the lookup lacks a tensor
 */
export function mlpLayers(blocks: readonly Block[], lookup: TensorLookup): Layer[] {
  requireArguments({ blocks, lookup });
  const layers: Layer[] = [];
  const first = blocks[0];
  if (!first) throw new HermError('BAD_ARGUMENT', 'An MLP needs at least one hidden layer.');
  const bias = (name: string | undefined) => (name === undefined ? undefined : nativeMatrix(lookup(name)));
  const matrix = ({ tensor, transposed }: WeightRef) => nativeMatrix(lookup(tensor), transposed);
  const gate: LayerGate | undefined = first.gate && {
    activation: first.activation,
    weight: matrix(first.gate.weight),
    bias: bias(first.gate.bias),
  };
  layers.push({ activation: IDENTITY, weight: matrix(first.input), bias: bias(first.bias), gate });
  blocks.forEach((block, l) => {
    const next = blocks[l + 1];
    if (next && (next.input.tensor !== block.output.tensor || next.gate)) {
      const why = next.gate ? 'only the first one may be gated' : 'they share no weight';
      throw new HermError('BAD_ARGUMENT', `Blocks ${block.name} and ${next.name} are no chain: ${why}.`);
    }
    // The output weight seen from the other side: its rows are what the next layer computes.
    const weight = nativeMatrix(lookup(block.output.tensor), !block.output.transposed);
    const activation = block.gate ? IDENTITY : block.activation;
    layers.push({ activation, weight, bias: bias(block.outputBias) });
  });
  return layers;
}

/**
 * The blocks of a file, which must be a chain as {@link mlpLayers} takes it.
 *
 * @param advice what to do where they are none
 * @throws HermError `NO_CHAIN`
 */
export function requireChain(blocks: readonly Block[], file: string, advice: string): readonly Block[] {
  const broken = blocks.find(
    ({ gate, input }, at) => at > 0 && (gate || input.tensor !== blocks[at - 1]!.output.tensor),
  );
  if (broken === undefined && blocks.length > 0) return blocks;
  const names = blocks.map(({ name }) => quoteName(name)).join(', ') || 'none';
  const why = `The blocks of ${file} (${names}) are no chain, so there is no network to run as a whole. ${advice}`;
  throw new HermError('NO_CHAIN', why, { file, block: broken?.name });
}

/**
 * Runs a batch through a chain of layers, in double precision.
 *
 * @param x [batch×n] row-major inputs
 * @returns [batch×p] row-major outputs, before any final activation
 * @throws HermError `BAD_ARGUMENT` where a layer does not take what comes in; `OUT_OF_MEMORY`; `ABORTED`
 */
export async function forward(
  layers: readonly Layer[],
  x: Float64Array,
  batch: number,
  options?: CallOptions,
): Promise<Float64Array> {
  requireArguments({ layers, options });
  if (!Number.isInteger(batch) || batch < 0) {
    throw new HermError('BAD_ARGUMENT', `batch must be a whole number, not ${batch}.`, { batch });
  }
  requireArray('x', x, Float64Array);
  let values = x;
  for (const [at, { activation, weight, bias, gate }] of layers.entries()) {
    const neurons = weight.transposed ? weight.cols : weight.rows;
    const inputs = weight.transposed ? weight.rows : weight.cols;
    if (values.length !== batch * inputs) {
      throw new HermError('BAD_ARGUMENT', `A layer takes ${batch}×${inputs} numbers, it was given ${values.length}.`);
    }
    const incoming = values;
    const y = new Float64Array(batch * neurons);
    const args = {
      ...{ x: incoming, batch, weight, bias, activation: nativeActivation(activation), y },
      ...{ gate: gate?.weight, gateBias: gate?.bias, gateActivation: gate && nativeActivation(gate.activation) },
    };
    const onProgress = options?.onProgress && ((done: number) => options.onProgress?.((at + done) / layers.length));
    await callNative({ ...options, onProgress }, (addon, job) => addon.dense(args, job));
    values = y;
  }
  return values;
}
