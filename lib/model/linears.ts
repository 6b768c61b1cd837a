import { HermError } from '../errors.ts';
import { BLOCKS_HELP, type BlockSpec } from './block_option.ts';
import { quoteName } from './messages.ts';
import type { ModelHeader } from './model.ts';
import { isFloatDType, type TensorInfo } from './tensor.ts';

/** A linear layer as PyTorch stores it: `X.weight` [out×in] and maybe `X.bias` [out]. */
export interface Linear {
  /** `X`. */
  readonly name: string;
  readonly weight: TensorInfo;
  readonly bias: TensorInfo | undefined;
  readonly inputs: number;
  readonly outputs: number;
  /** `X` with its number as `#`, which linears of one stack share; undefined where `X` ends in no number. */
  readonly stem: string | undefined;
  /** That number; 0 without one. */
  readonly number: number;
}

/** A 1-D `X.weight`: a normalisation or a learned activation, which may stand between two linears. */
export interface Scale {
  readonly name: string;
  readonly length: number;
  readonly stem: string | undefined;
  readonly number: number;
}

export interface Layers {
  readonly linears: readonly Linear[];
  readonly scales: readonly Scale[];
}

const WEIGHT = '.weight';
const BIAS = '.bias';

/**
 * All layers of a model that its tensor names and shapes show.
 *
 * @throws HermError `BLOCK_DTYPE` for a weight matrix whose elements are no floats, `BLOCK_SHAPE` for a bias that does
 * not fit its weight, `TENSOR_MISSING` for a bias whose weight is missing while its neighbours' are there.
 */
export function findLayers(header: ModelHeader): Layers {
  const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const weights = header.tensors.filter(({ name }) => name.endsWith(WEIGHT) && name.length > WEIGHT.length);
  const layers = weights.map((tensor) => ({ tensor, name: tensor.name.slice(0, -WEIGHT.length) }));
  const parents = countParents(layers.filter(({ tensor }) => tensor.shape.length === 2).map(({ name }) => name));
  const linears = layers
    .filter(({ tensor }) => tensor.shape.length === 2)
    .map(({ tensor, name }) => toLinear(name, tensor, byName.get(name + BIAS), numberOf(name, parents)));
  const scales = layers
    .filter(({ tensor }) => tensor.shape.length === 1)
    .map(({ tensor, name }) => ({ name, length: tensor.shape[0]!, ...numberOf(name, parents) }));
  checkHalves(header, byName, linears, parents);
  return { linears, scales };
}

/** `model.layers.3.mlp` of `model.layers.3.mlp.c_fc` and `model.layers.3.mlp.c_proj`; '' where they have none. */
export function commonParent(one: string, other: string): string {
  const [a, b] = [one.split('.'), other.split('.')];
  const differ = a.findIndex((part, at) => part !== b[at]);
  return a.slice(0, differ).join('.');
}

/** `encoder` of `encoder.fc1`; '' at the top. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf('.'), 0));
}

function countParents(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(parentOf(name), (counts.get(parentOf(name)) ?? 0) + 1);
  return counts;
}

/**
 * `fc1` → `fc#`, 1. The number may stand in front of the last part (`layers.3.linear` → `layers.#.linear`, 3), but only
 * where that is the sole linear in there: else `layers.0.up` and `layers.0.down` belong together.
 */
function numberOf(name: string, parents: ReadonlyMap<string, number>): { stem: string | undefined; number: number } {
  const match = /^(.*?)(\d+)(\D*)$/s.exec(name);
  if (match === null) return { stem: undefined, number: 0 };
  const [, before, digits, after] = match;
  const inLastPart = !after!.includes('.');
  if (!inLastPart && (parents.get(parentOf(name)) ?? 0) > 1) return { stem: undefined, number: 0 };
  return { stem: `${before}#${after}`, number: Number(digits) };
}

function toLinear(
  name: string,
  weight: TensorInfo,
  bias: TensorInfo | undefined,
  place: { stem: string | undefined; number: number },
): Linear {
  const [outputs, inputs] = weight.shape as [number, number];
  checkFloat(weight);
  if (bias !== undefined) checkBias(bias, weight, outputs);
  return { name, weight, bias, inputs, outputs, ...place };
}

/** @throws HermError `BLOCK_DTYPE` */
export function checkFloat({ name, dtype }: TensorInfo): void {
  if (isFloatDType(dtype)) return;
  throw new HermError(
    'BLOCK_DTYPE',
    `Tensor ${quoteName(name)} is stored as ${dtype}, but neurons can only be merged in F64, F32, F16 or BF16. Use the model before its quantisation, or leave this layer out: ${BLOCKS_HELP}.`,
    { tensor: name, dtype },
  );
}

/** @throws HermError `BLOCK_DTYPE`, `BLOCK_SHAPE` */
export function checkBias(bias: TensorInfo, weight: TensorInfo, length: number): void {
  checkFloat(bias);
  if (bias.shape.length === 1 && bias.shape[0] === length) return;
  throw new HermError(
    'BLOCK_SHAPE',
    `Bias ${quoteName(bias.name)} has shape [${bias.shape.join(', ')}], but ${quoteName(weight.name)} [${weight.shape.join(', ')}] needs [${length}].`,
    { tensor: bias.name, shape: bias.shape, weight: weight.name },
  );
}

/** A stack with a hole (`fc1.weight`, `fc2.bias`, `fc3.weight`: a reparametrised or packed fc2) is not what it seems. */
function checkHalves(
  header: ModelHeader,
  byName: ReadonlyMap<string, TensorInfo>,
  linears: readonly Linear[],
  parents: ReadonlyMap<string, number>,
): void {
  for (const { name: bias, shape } of header.tensors) {
    if (!bias.endsWith(BIAS) || shape.length !== 1) continue;
    const name = bias.slice(0, -BIAS.length);
    const { stem } = numberOf(name, parents);
    if (byName.has(name + WEIGHT) || stem === undefined) continue;
    if (!linears.some((linear) => linear.stem === stem)) continue;
    throw new HermError(
      'TENSOR_MISSING',
      `The model has ${quoteName(bias)} but no ${quoteName(name + WEIGHT)} (weight norm and packed weights must be undone first). To leave that layer out, ${BLOCKS_HELP}.`,
      { tensor: name + WEIGHT },
    );
  }
}

/** The block of an input linear and an output linear, and of the gate's where it has one. */
export function specOf(name: string, input: Linear, output: Linear, gate?: Linear): BlockSpec {
  return {
    name,
    input: input.weight.name,
    inputTransposed: false,
    bias: input.bias?.name,
    output: output.weight.name,
    outputTransposed: false,
    outputBias: output.bias?.name,
    gate: gate?.weight.name,
    gateTransposed: false,
    gateBias: gate?.bias?.name,
    byName: false,
  };
}
