import { HermError } from '../errors.ts';
import type { Side } from '../herm/tree.ts';
import type { WeightRef } from '../model/block.ts';
import type { BlockShape } from '../model/blocks.ts';
import { quoteName } from '../model/messages.ts';
import { type DType, dtypeBytes, isFloatDType, type TensorInfo } from '../model/tensor.ts';
import { type Group, planGroups } from './groups.ts';

/** Which neurons one axis of a weight tensor belongs to, and which of their coefficients merge it. */
export interface Axis {
  readonly block: number;
  readonly side: Side;
}

/** A weight tensor [rows×cols] with at least one axis that a hierarchy merges. */
export interface WeightLayout {
  readonly name: string;
  readonly dtype: DType;
  readonly rows: number;
  readonly cols: number;
  readonly rowAxis: Axis | undefined;
  readonly colAxis: Axis | undefined;
}

/** Whether a tensor lies between two hidden layers. */
export function isShared({ rowAxis, colAxis }: WeightLayout): boolean {
  return rowAxis !== undefined && colAxis !== undefined;
}

/** The tensor at the widths [blocks]. */
export function weightShape(
  { rows, cols, rowAxis, colAxis }: WeightLayout,
  widths: readonly number[],
): [number, number] {
  const size = (axis: Axis | undefined, whole: number) => (axis === undefined ? whole : widths[axis.block]!);
  return [size(rowAxis, rows), size(colAxis, cols)];
}

/** The output weights of a block. */
export function outputWeight({ weights }: Layout, block: number): WeightLayout {
  const isOutput = (axis: Axis | undefined) => axis?.block === block && axis.side === 'output';
  return weights.find(({ rowAxis, colAxis }) => isOutput(rowAxis) || isOutput(colAxis))!;
}

/** A vector of biases [m] of one block: coded node by node, as there is no context to code it from. */
export interface BiasLayout {
  readonly name: string;
  readonly dtype: DType;
  readonly block: number;
  readonly side: 'input' | 'gate';
}

/** Bytes of one bias, 0 where a block has none. */
export function biasBytes(bias: BiasLayout | undefined): number {
  return bias === undefined ? 0 : dtypeBytes(bias.dtype);
}

export interface GateLayout {
  readonly bias: BiasLayout | undefined;
}

/** How the tensors of a model lie in a .herm file. */
export interface Layout {
  /** In the order of their data in the original. */
  readonly weights: readonly WeightLayout[];
  /** One per block. */
  readonly biases: readonly (BiasLayout | undefined)[];
  /** One per block: what it has besides if it is gated. */
  readonly gates: readonly (GateLayout | undefined)[];
  /** Blocks that are coded together. */
  readonly groups: readonly Group[];
  /** Everything else, stored as it is, in the order of its data in the original. */
  readonly flat: readonly TensorInfo[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Assigns every tensor its place: which axes of which tensors the blocks' hierarchies merge. A matrix may be the output
 * weights of one block and the input weights of another, each along its own axis (a deep MLP); but not of a gated one, as
 * the neurons that it reads would have outputs in its gate, too.
 *
 * @throws HermError `SHARED_TENSOR` when blocks share a tensor in any other way, `BAD_ARGUMENT` when a block names a
 * tensor that does not exist or does not have its shape.
 */
export function planLayout(tensors: readonly TensorInfo[], blocks: readonly BlockShape[]): Layout {
  const byName = new Map(tensors.map((info) => [info.name, info]));
  const weights = new Map<string, Mutable<WeightLayout>>();
  const biases: (BiasLayout | undefined)[] = [];
  const gates: (GateLayout | undefined)[] = [];
  for (const [index, block] of blocks.entries()) {
    const { gate } = block;
    if (gate) addWeight(weights, byName, blocks, gate.weight, { block: index, side: 'gate' });
    addWeight(weights, byName, blocks, block.input, { block: index, side: 'input' });
    addWeight(weights, byName, blocks, block.output, { block: index, side: 'output' });
    biases.push(biasOf(byName, block, block.bias, { block: index, side: 'input' }));
    gates.push(gate && { bias: biasOf(byName, block, gate.bias, { block: index, side: 'gate' }) });
  }
  const owned = [...biases, ...gates.map((gate) => gate?.bias)].filter((bias) => bias !== undefined);
  checkBiases(owned, weights, blocks);
  const taken = new Set(owned.map(({ name }) => name));
  const ordered = tensors.flatMap(({ name }) => weights.get(name) ?? []);
  return {
    weights: ordered,
    biases,
    gates,
    groups: planGroups(ordered, blocks.length),
    flat: tensors.filter(({ name }) => !weights.has(name) && !taken.has(name)),
  };
}

function addWeight(
  weights: Map<string, Mutable<WeightLayout>>,
  byName: ReadonlyMap<string, TensorInfo>,
  blocks: readonly BlockShape[],
  ref: WeightRef,
  axis: Axis,
): void {
  const block = blocks[axis.block]!;
  const { dtype } = find(byName, block, ref.tensor, [ref.rows, ref.cols]);
  const [neurons, others] = ref.transposed ? [ref.cols, ref.rows] : [ref.rows, ref.cols];
  if (neurons !== block.neurons || others !== (axis.side === 'output' ? block.outputs : block.inputs)) {
    throw mismatch(block, ref.tensor, `has ${neurons}×${others} ${axis.side} weights`);
  }
  const known = weights.get(ref.tensor);
  const weight: Mutable<WeightLayout> = known ?? {
    name: ref.tensor,
    dtype,
    rows: ref.rows,
    cols: ref.cols,
    rowAxis: undefined,
    colAxis: undefined,
  };
  const other = ref.transposed ? weight.rowAxis : weight.colAxis;
  const own = ref.transposed ? weight.colAxis : weight.rowAxis;
  // Both sides of one block in one matrix, or twice the same side, are tied weights: no exact code follows both trees.
  const gated = [axis, other].some((used) => used !== undefined && used.side !== 'output' && blocks[used.block]!.gate);
  const chained = other?.side !== axis.side && other?.block !== axis.block && !gated;
  if (own !== undefined || (other !== undefined && !chained)) throw shared(ref.tensor);
  if (ref.transposed) weight.colAxis = axis;
  else weight.rowAxis = axis;
  weights.set(ref.tensor, weight);
}

function biasOf(
  byName: ReadonlyMap<string, TensorInfo>,
  block: BlockShape,
  bias: string | undefined,
  place: Pick<BiasLayout, 'block' | 'side'>,
): BiasLayout | undefined {
  if (bias === undefined) return undefined;
  const { name, dtype } = find(byName, block, bias, [block.neurons]);
  return { name, dtype, ...place };
}

function checkBiases(
  biases: readonly BiasLayout[],
  weights: ReadonlyMap<string, unknown>,
  blocks: readonly BlockShape[],
): void {
  /** By bias, the weight tensor that it goes with. */
  const owners = new Map<string, string>();
  for (const { name, block, side } of biases) {
    if (owners.has(name) || weights.has(name)) throw shared(name);
    const { input, gate } = blocks[block]!;
    owners.set(name, side === 'gate' ? gate!.weight.tensor : input.tensor);
  }
  for (const { output, outputBias } of blocks) {
    if (outputBias === undefined) continue;
    // The next layer's biases shrink with its neurons, and so does c where V is the next layer's W; nowhere else.
    const owner = owners.get(outputBias);
    const alongside = owner === undefined || owner === output.tensor;
    if (!alongside || weights.has(outputBias)) throw shared(outputBias);
  }
}

/** The named tensor, which must be one of a floating type and of this shape. */
function find(
  byName: ReadonlyMap<string, TensorInfo>,
  block: BlockShape,
  name: string,
  shape: readonly number[],
): { name: string; dtype: DType } {
  const info = byName.get(name);
  if (info === undefined) throw mismatch(block, name, 'names a tensor that the file does not have');
  if (!isFloatDType(info.dtype)) throw mismatch(block, name, `needs floating-point numbers, not ${info.dtype}`);
  if (info.shape.length !== shape.length || shape.some((size, axis) => size !== info.shape[axis])) {
    throw mismatch(block, name, `needs shape [${shape.join(', ')}], not [${info.shape.join(', ')}]`);
  }
  return { name, dtype: info.dtype };
}

function mismatch(block: BlockShape, tensor: string, why: string): HermError {
  const message = `Block ${quoteName(block.name)} does not fit tensor ${quoteName(tensor)}: it ${why}.`;
  return new HermError('BAD_ARGUMENT', message, { block: block.name, tensor });
}

function shared(tensor: string): HermError {
  return new HermError(
    'SHARED_TENSOR',
    `Tensor ${quoteName(tensor)} is used twice in a way that one hierarchy cannot follow (tied weights). Only the output weights of one block may be the input weights of another. Leave one of the blocks out.`,
    { tensor },
  );
}
