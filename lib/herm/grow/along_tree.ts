import { HermError } from '../../errors.ts';
import type { HermContent } from '../../file/content.ts';
import { outputWeight } from '../../file/layout.ts';
import { blocksOption } from '../../model/block_option.ts';
import { findBlockShapes } from '../../model/blocks.ts';
import { quoteName } from '../../model/messages.ts';
import type { Model } from '../../model/model.ts';
import { type CallOptions, throwIfAborted } from '../../native/call.ts';
import { elasticTensors } from '../elastic/tensor_axes.ts';
import { readTunedShape } from '../elastic/tuned_widths.ts';
import { resolveWidths, type WidthRequest } from '../skeleton.ts';
import type { GrowthPlan } from './grow.ts';
import { axisNumbers, type Growth, type NeuronAxis } from './split_neurons.ts';
import { growthByTree } from './tree_growth.ts';

/**
 * How a skeleton of a file, trained or not, becomes one of larger widths by undoing the file's merges.
 *
 * @throws HermError `TUNED_TENSOR` for tensors that are no skeleton's, `WIDTH` for widths that the file does not have or that are
 * smaller; `HERM_TRUNCATED`, and as reading the file does.
 */
export async function planAlongTree(
  content: HermContent,
  skeleton: Model,
  request: WidthRequest,
  random: () => number,
  { signal }: Pick<CallOptions, 'signal'>,
): Promise<GrowthPlan> {
  content.requireComplete('growing along its tree');
  const from = namingTree(content, () => widthsOf(content, skeleton));
  const to = namingTree(content, () => grownWidths(content, skeleton, from, request));
  const shapes = findBlockShapes(skeleton, blocksOption(content.header.blocks));
  const growths: (Growth | undefined)[] = [];
  for (const block of to.keys()) {
    throwIfAborted(signal);
    growths.push(from[block] === to[block] ? undefined : await growthOf(content, block, from, to, random, signal));
  }
  return { shapes, growths };
}

async function growthOf(
  content: HermContent,
  block: number,
  from: readonly number[],
  to: readonly number[],
  random: () => number,
  signal: AbortSignal | undefined,
): Promise<Growth> {
  const { layout, json } = content.header;
  const { name, rowAxis } = outputWeight(layout, block);
  const index = json.tensors.findIndex((tensor) => tensor.name === name);
  // As wide as this block will be, with the outputs that it has now.
  const widths = from.map((width, other) => (other === block ? to[block]! : width));
  const recorded = await content.tensor(index, widths, { signal });
  const axis: NeuronAxis = rowAxis?.block === block ? 0 : 1;
  const outputs = recorded.shape[1 - axis]!;
  const weightsTo = axisNumbers(recorded, axis);
  return growthByTree(await content.tree(block), [from[block]!, to[block]!], { outputs, to: weightsTo }, random);
}

/** The widths [blocks] that the skeleton's shapes say. */
function widthsOf(content: HermContent, skeleton: Model): readonly number[] {
  const tensors = new Map(skeleton.tensors.map((info) => [info.name, info]));
  const elastic = elasticTensors(content.header);
  const isWhole = elastic.every(({ name, shape }) => `${tensors.get(name)?.shape}` === `${shape}`);
  if (isWhole) {
    const why = `${skeleton.name} has the shapes of the original, beyond which no tree grows. Grow it without one.`;
    throw new HermError('WIDTH', why, { file: skeleton.name });
  }
  return readTunedShape(content, elastic, { name: skeleton.name, tensors }, undefined, false).widths;
}

/** What the user's files do not have in common is told with the tree's name. */
function namingTree<T>(content: HermContent, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HermError)) throw error;
    const why = `${error.message} The tree is that of ${content.file} (--tree, option tree).`;
    throw new HermError(error.code, why, { ...error.details, tree: content.file }, { cause: error });
  }
}

/** @throws HermError `WIDTH` */
function grownWidths(
  content: HermContent,
  skeleton: Model,
  from: readonly number[],
  request: WidthRequest,
): readonly number[] {
  // Blocks that are not named stay as they are.
  const asked = typeof request === 'object' ? { ...content.byName(from), ...request } : request;
  const to = resolveWidths(content, asked);
  const smaller = to.findIndex((width, block) => width < from[block]!);
  if (smaller < 0) return to;
  const [block, width, neurons] = [content.header.blocks[smaller]!.name, to[smaller]!, from[smaller]!];
  const why = `Block ${quoteName(block)} of ${skeleton.name} has ${neurons} neurons and grows to more of them, not to ${width}.`;
  throw new HermError('WIDTH', why, { block, width, neurons });
}
