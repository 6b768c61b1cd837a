import { HermError } from '../../errors.ts';
import { allocating } from '../../file/allocating.ts';
import { joinTensors } from '../../file/joined.ts';
import { type Layout, outputWeight, planLayout } from '../../file/layout.ts';
import { planConfig, widthGroups } from '../../model/architectures/width_keys.ts';
import type { BlocksOption } from '../../model/block_option.ts';
import { type BlockShape, findBlockShapes } from '../../model/blocks.ts';
import { quoteName } from '../../model/messages.ts';
import { type Model, modelOf, readModelTensor } from '../../model/model.ts';
import { withModel } from '../../model/open_model.ts';
import { inParts } from '../../model/parts.ts';
import { serializeSafetensors } from '../../model/safetensors_write.ts';
import { bufferSource } from '../../model/source.ts';
import type { Tensor } from '../../model/tensor.ts';
import { type CallOptions, throwIfAborted } from '../../native/call.ts';
import { type TensorAxes, tensorAxes } from '../elastic/tensor_axes.ts';
import type { WrittenConfig } from '../expand.ts';
import type { Skeleton } from '../skeleton.ts';
import { seededRandom } from './random.ts';
import { chooseSplits, copyNeurons, type NeuronAxis, neuronNorms, type Split, shareNeurons } from './split_neurons.ts';

/** A path to a model in any form but ONNX; or its tensors, as a skeleton has them. */
export type GrowInput = string | (Pick<Skeleton, 'tensors'> & Partial<Pick<Skeleton, 'metadata'>>);

export interface GrowOptions extends Pick<CallOptions, 'signal' | 'onProgress'> {
  /** New widths by block name (other blocks stay as they are), or how many times as many neurons every block shall have. */
  readonly widths: Readonly<Record<string, number>> | number;
  /** A whole number from 0 to 2³² − 1 (default 0): how outputs are shared between the copies of a neuron. */
  readonly seed?: number | undefined;
  /** The blocks by hand, where names and shapes do not tell them. */
  readonly blocks?: BlocksOption | undefined;
}

/** A network of more neurons that computes the same. */
export interface GrownModel {
  /** In the order of the model, block tensors with their new shapes. */
  readonly tensors: readonly Tensor[];
  readonly metadata: ReadonlyMap<string, string>;
  /** How many neurons each block had, and has. */
  readonly blocks: readonly { readonly name: string; readonly neurons: number; readonly width: number }[];
  /** What config.json has to say for these widths; undefined where the model has none, or no block that is known by name. */
  readonly config: WrittenConfig | undefined;
}

/**
 * The model with more neurons, for training on: neurons are split in two, the largest output weights first. Both copies
 * have the neuron's input weights and bias, and their output weights add up to the neuron's exactly. So the network computes the
 * same, up to the rounding of its sums.
 *
 * @throws HermError `WIDTH` for widths that are smaller or that fused weights cannot have, `BAD_ARGUMENT`, `MODEL_FORMAT`
 * for ONNX; as opening a model and finding its blocks.
 */
export async function growModel(input: GrowInput, options: GrowOptions): Promise<GrownModel> {
  const { seed = 0 } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new HermError('BAD_ARGUMENT', `seed must be a whole number from 0 to 2³² − 1, not ${seed}.`, { seed });
  }
  if (typeof input === 'string') return withModel(input, (model) => grow(model, options, seed));
  const source = bufferSource(serializeSafetensors(input.tensors, input.metadata), 'the model');
  return grow(await modelOf('the model', [source]), options, seed);
}

async function grow(whole: Model, options: GrowOptions, seed: number): Promise<GrownModel> {
  if (whole.graph !== undefined) {
    throw new HermError('MODEL_FORMAT', `${whole.name} is an ONNX model: only safetensors models grow.`, {});
  }
  const shapes = findBlockShapes(whole, options.blocks);
  const widths = widthsOf(shapes, options.widths);
  const model = inParts(whole, shapes);
  const layout = planLayout(model.tensors, shapes);
  const axes = tensorAxes(model.tensors, layout);
  checkParts(model, axes, shapes, widths);
  const splits = await splitsOf(model, layout, widths, seededRandom(seed));
  const tensors: Tensor[] = [];
  for (const [index, info] of model.tensors.entries()) {
    throwIfAborted(options.signal);
    const tensor = await readModelTensor(model, info);
    const grown = async () => grownTensor(tensor, axes[index]!, splits);
    tensors.push(await allocating(`The grown tensor ${quoteName(info.name)}`, grown));
    options.onProgress?.((index + 1) / model.tensors.length);
  }
  return {
    tensors: joinTensors(model, tensors),
    metadata: whole.metadata,
    blocks: shapes.map(({ name, neurons }, block) => ({ name, neurons, width: widths[block]! })),
    config: configOf(whole, shapes, widths),
  };
}

const ADVICE = { fixed: 'leave them as they are', uneven: 'give all blocks one width' };

function configOf(model: Model, shapes: readonly BlockShape[], widths: readonly number[]): WrittenConfig | undefined {
  const groups = model.config === undefined ? [] : widthGroups(model);
  if (groups.length === 0) return undefined;
  const byInput = new Map(shapes.map(({ input }, block) => [input.tensor, widths[block]!]));
  const { changes, refusal } = planConfig(groups, (input) => byInput.get(input), ADVICE);
  return { changes: changes.map(({ key, from, to }) => ({ key, from, to })), refusal };
}

/** The widths [blocks] that a request stands for. @throws HermError `WIDTH` */
function widthsOf(shapes: readonly BlockShape[], request: GrowOptions['widths']): number[] {
  const names = shapes.map(({ name }) => name);
  const stranger = typeof request === 'object' && Object.keys(request).find((name) => !names.includes(name));
  if (typeof stranger === 'string') {
    const why = `There is no block ${quoteName(stranger)}; there are: ${names.map(quoteName).join(', ')}.`;
    throw new HermError('WIDTH', why, { block: stranger, blocks: names });
  }
  return shapes.map(({ name, neurons }) => {
    const asked =
      typeof request === 'number'
        ? Math.round(request * neurons)
        : Object.hasOwn(request, name)
          ? request[name]!
          : neurons;
    if (Number.isInteger(asked) && asked >= neurons && asked < 2 ** 31) return asked;
    const why = `Block ${quoteName(name)} has ${neurons} neurons and grows to more of them, not to ${asked}.`;
    throw new HermError('WIDTH', why, { block: name, width: asked, neurons });
  });
}

/** The splits of each block's neurons. */
async function splitsOf(model: Model, layout: Layout, widths: readonly number[], random: () => number) {
  const splits: Split[][] = [];
  for (const [block, width] of widths.entries()) {
    const { name, rowAxis } = outputWeight(layout, block);
    const axis = rowAxis?.block === block ? 0 : 1;
    const info = model.tensors.find((tensor) => tensor.name === name)!;
    if (width === info.shape[axis]) splits.push([]);
    else splits.push(chooseSplits(neuronNorms(await readModelTensor(model, info), axis), width, random));
  }
  return splits;
}

function grownTensor(tensor: Tensor, { rows, cols }: TensorAxes, splits: readonly (readonly Split[])[]): Tensor {
  let grown = tensor;
  for (const [at, axis] of [rows, cols].entries()) {
    if (axis === undefined) continue;
    const own = splits[axis.block]!;
    if (own.length === 0) continue;
    grown =
      axis.side === 'output' ? shareNeurons(grown, at as NeuronAxis, own) : copyNeurons(grown, at as NeuronAxis, own);
  }
  return grown;
}

/** @throws HermError `WIDTH` where equal parts of one tensor would no longer be equal. */
function checkParts(
  { tensors, joined }: Model,
  axes: readonly TensorAxes[],
  shapes: readonly BlockShape[],
  widths: readonly number[],
): void {
  const shapeOf = (index: number) =>
    tensors[index]!.shape.map((size, at) => {
      const axis = [axes[index]!.rows, axes[index]!.cols][at];
      return axis === undefined ? size : size + widths[axis.block]! - shapes[axis.block]!.neurons;
    });
  for (const { name, first, count } of joined) {
    const parts = Array.from({ length: count }, (_, at) => shapeOf(first + at).join('×'));
    if (new Set(parts).size === 1) continue;
    const why = `Tensor ${quoteName(name)} holds ${count} equal parts, which would become ${[...new Set(parts)].join(' and ')}. Give the blocks that it belongs to one width.`;
    throw new HermError('WIDTH', why, { tensor: name });
  }
}
