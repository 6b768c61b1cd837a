import { requireArguments } from '../../arguments.ts';
import { HermError } from '../../errors.ts';
import { allocating } from '../../file/allocating.ts';
import { joinTensors } from '../../file/joined.ts';
import { outputWeight, planLayout } from '../../file/layout.ts';
import { openParts } from '../../file/open.ts';
import { type ConfigPlan, planConfig, widthGroups } from '../../model/architectures/width_keys.ts';
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
import type { SourceInput } from '../../source/input.ts';
import { type TensorAxes, tensorAxes } from '../elastic/tensor_axes.ts';
import { configOf, type WrittenConfig } from '../expand.ts';
import { isByName, type Skeleton } from '../skeleton.ts';
import { planAlongTree } from './along_tree.ts';
import { seededRandom } from './random.ts';
import {
  copyNeurons,
  type Growth,
  growthByNorms,
  type NeuronAxis,
  neuronNorms,
  shareNeurons,
} from './split_neurons.ts';

/** A path to a model in any form but ONNX; or its tensors, as a skeleton has them. */
export type GrowInput = string | (Pick<Skeleton, 'tensors'> & Partial<Pick<Skeleton, 'metadata'>>);

/** To which widths a model grows, and how. */
export interface GrowOptions extends Pick<CallOptions, 'signal' | 'onProgress'> {
  /**
   * New widths by block name (other blocks stay as they are), or how many times as many neurons every block shall have; with `tree`,
   * the share of the original's neurons, as for a skeleton.
   */
  readonly widths: Readonly<Record<string, number>> | number;
  /** A whole number from 0 to 2³² − 1 (default 0): how outputs are shared between the copies of a neuron. */
  readonly seed?: number | undefined;
  /** The blocks by hand, where names and shapes do not tell them. */
  readonly blocks?: BlocksOption | undefined;
  /** The .herm file of which the model is a skeleton, trained on: its neurons are split as they were merged. */
  readonly tree?: SourceInput | undefined;
}

/** A network of more neurons that computes the same. */
export interface GrownModel {
  /** In the order of the model, block tensors with their new shapes. */
  readonly tensors: readonly Tensor[];
  readonly metadata: ReadonlyMap<string, string>;
  /** How many neurons each block had, and has. */
  readonly blocks: readonly GrownBlock[];
  /** What config.json has to say for these widths; undefined where the model has none, or no block that is known by name. */
  readonly config: WrittenConfig | undefined;
}

/** How many neurons a block had, and has. */
export interface GrownBlock {
  readonly name: string;
  readonly neurons: number;
  readonly width: number;
}

/** The blocks of a model, and how each of them grows; undefined: not at all. */
export interface GrowthPlan {
  readonly shapes: readonly BlockShape[];
  readonly growths: readonly (Growth | undefined)[];
}

/**
 * The model with more neurons, for training on: neurons are split in two, the largest output weights first, or as the tree of a .herm
 * file says. Both copies have the neuron's input weights and bias, and their output weights add up to the neuron's exactly. So the
 * network computes the same, up to the rounding of its sums.
 *
 * @throws HermError `WIDTH` for widths that are smaller, that fused weights cannot have or that the tree does not, `BAD_ARGUMENT`,
 * `MODEL_FORMAT` for ONNX, `TUNED_TENSOR` for a model that is no skeleton of the tree's file; as opening a model and finding its
 * blocks, and as reading a .herm file.
 */
export async function growModel(input: GrowInput, options: GrowOptions): Promise<GrownModel> {
  const grow = async (model: Model) => (await growOpen(model, options)).grown;
  if (typeof input === 'string') return withModel(input, grow);
  if (!Array.isArray(input?.tensors)) {
    throw new HermError('BAD_ARGUMENT', 'A model must be a path, or an object with its tensors.');
  }
  return grow(
    await modelOf('the model', [bufferSource(serializeSafetensors(input.tensors, input.metadata), 'the model')]),
  );
}

/** {@link growModel} of a model that is open, and all that its config.json needs. */
export async function growOpen(
  whole: Model,
  options: GrowOptions,
): Promise<{ readonly grown: GrownModel; readonly config: ConfigPlan | undefined }> {
  requireArguments({ options: options ?? null });
  const { seed = 0, widths: request } = options;
  if (typeof request !== 'number' && !isByName(request)) {
    throw new HermError('BAD_ARGUMENT', 'widths must be numbers by block name, or one number for all blocks.', {});
  }
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new HermError('BAD_ARGUMENT', `seed must be a whole number from 0 to 2³² − 1, not ${seed}.`, { seed });
  }
  if (whole.graph !== undefined) {
    throw new HermError('MODEL_FORMAT', `${whole.name} is an ONNX model: only safetensors models grow.`, {});
  }
  const { shapes, growths } = await planOf(whole, options, seededRandom(seed));
  const model = inParts(whole, shapes);
  const axes = tensorAxes(model.tensors, planLayout(model.tensors, shapes));
  const widths = shapes.map(({ neurons }, block) => growths[block]?.width ?? neurons);
  checkParts(model, axes, shapes, widths);
  const tensors: Tensor[] = [];
  for (const [index, info] of model.tensors.entries()) {
    throwIfAborted(options.signal);
    const tensor = await readModelTensor(model, info);
    const grown = async () => grownTensor(tensor, axes[index]!, growths);
    tensors.push(await allocating(`The grown tensor ${quoteName(info.name)}`, grown));
    options.onProgress?.((index + 1) / model.tensors.length);
  }
  const config = configPlan(whole, shapes, widths);
  const grown = {
    tensors: joinTensors(model, tensors),
    metadata: whole.metadata,
    blocks: shapes.map(({ name, neurons }, block) => ({ name, neurons, width: widths[block]! })),
    config: config && configOf(config),
  };
  return { grown, config };
}

/** @throws HermError as {@link growModel} */
async function planOf(whole: Model, options: GrowOptions, random: () => number): Promise<GrowthPlan> {
  const { tree, blocks, widths, signal } = options;
  if (tree === undefined) return planByNorms(whole, options, random);
  if (blocks !== undefined) {
    throw new HermError('BAD_ARGUMENT', 'The file of the option tree says what the blocks are: leave out blocks.', {});
  }
  const { content, chunks } = await openParts(tree, { signal });
  return planAlongTree(content, whole, widths, random, { signal }).finally(() => chunks.close());
}

const ADVICE = { fixed: 'leave them as they are', uneven: 'give all blocks one width' };

function configPlan(model: Model, shapes: readonly BlockShape[], widths: readonly number[]): ConfigPlan | undefined {
  const groups = model.config === undefined ? [] : widthGroups(model);
  if (groups.length === 0) return undefined;
  const byInput = new Map(shapes.map(({ input }, block) => [input.tensor, widths[block]!]));
  return planConfig(groups, (input) => byInput.get(input), ADVICE);
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

/** Every block by itself, the largest output weights first. @throws HermError `WIDTH`, and as finding blocks does. */
async function planByNorms(whole: Model, options: GrowOptions, random: () => number): Promise<GrowthPlan> {
  const shapes = findBlockShapes(whole, options.blocks);
  const widths = widthsOf(shapes, options.widths);
  const model = inParts(whole, shapes);
  const layout = planLayout(model.tensors, shapes);
  const growths: (Growth | undefined)[] = [];
  for (const [block, width] of widths.entries()) {
    const { name, rowAxis } = outputWeight(layout, block);
    const axis = rowAxis?.block === block ? 0 : 1;
    const info = model.tensors.find((tensor) => tensor.name === name)!;
    const grows = width > shapes[block]!.neurons;
    const norms = grows && neuronNorms(await readModelTensor(model, info), axis);
    growths.push(norms ? growthByNorms(norms, width, random) : undefined);
  }
  return { shapes, growths };
}

function grownTensor(tensor: Tensor, { rows, cols }: TensorAxes, growths: GrowthPlan['growths']): Tensor {
  const axes = [rows, cols].flatMap((axis, at) => {
    const growth = axis && growths[axis.block];
    return axis === undefined || growth === undefined
      ? []
      : [{ at: at as NeuronAxis, isOutput: axis.side === 'output', growth }];
  });
  // Shares are told by the outputs that there were, so they come before the other axis grows.
  axes.sort((one, other) => Number(other.isOutput) - Number(one.isOutput));
  return axes.reduce(
    (grown, { at, isOutput, growth }) => (isOutput ? shareNeurons : copyNeurons)(grown, at, growth),
    tensor,
  );
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
