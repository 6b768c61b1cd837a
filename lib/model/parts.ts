import { HermError } from '../errors.ts';
import { type Block, neuronTensors } from './block.ts';
import { quoteName } from './messages.ts';
import type { Model, ModelTensor } from './model.ts';
import type { TensorInfo } from './tensor.ts';

/**
 * One of several equal parts of a tensor along its first axis. Blocks may use them as they use tensors: fused weights are
 * `gate_up_proj.weight[1/2]`, the gate, and `gate_up_proj.weight[2/2]`, the value branch.
 */
export interface Part {
  /** The whole tensor. */
  readonly tensor: string;
  /** Which part, from 1. */
  readonly part: number;
  readonly count: number;
}

const PATTERN = /^(.+)\[([1-9]\d{0,3})\/([1-9]\d{0,3})\]$/s;

export function partName({ tensor, part, count }: Part): string {
  return `${tensor}[${part}/${count}]`;
}

/** What a name says of a part; undefined where it is no such name. */
export function parsePart(name: string): Part | undefined {
  const [, tensor, part, count] = PATTERN.exec(name) ?? [];
  if (tensor === undefined || Number(part) > Number(count)) return undefined;
  return { tensor, part: Number(part), count: Number(count) };
}

/** The tensor of that name, or the part of one; undefined where there is none, or its first axis cannot be cut so. */
export function findTensor<T extends TensorInfo>(byName: ReadonlyMap<string, T>, name: string): T | undefined {
  const whole = byName.get(name);
  if (whole !== undefined) return whole;
  const part = parsePart(name);
  const info = part && byName.get(part.tensor);
  return info && cut(info, part.count)?.[part.part - 1];
}

/** All parts of a tensor, in the order of their bytes. */
function cut<T extends TensorInfo>(info: T, count: number): T[] | undefined {
  const [rows = 0, ...others] = info.shape;
  if (rows % count !== 0 || rows === 0) return undefined;
  const bytes = (info.end - info.begin) / count;
  if (!Number.isInteger(bytes)) return undefined;
  return Array.from({ length: count }, (_, at) => ({
    ...info,
    name: partName({ tensor: info.name, part: at + 1, count }),
    shape: [rows / count, ...others],
    begin: info.begin + at * bytes,
    end: info.begin + (at + 1) * bytes,
  }));
}

/** Tensors that stand for one of the original: `count` from number `first` on, joined along their first axis. */
export interface Joined {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/** The model with every tensor that blocks use in parts as these parts. @throws HermError `BLOCK_SPEC` for parts that overlap. */
export function inParts(model: Model, blocks: readonly Omit<Block, 'activation'>[]): Model {
  const names = new Set(model.tensors.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const name of blocks.flatMap(neuronTensors)) {
    const part = names.has(name) ? undefined : parsePart(name);
    if (part === undefined) continue;
    const { tensor, count } = part;
    const other = counts.get(tensor) ?? (blocks.some((block) => neuronTensors(block).includes(tensor)) ? 1 : count);
    if (other !== count) throw overlapping(tensor, other, count);
    counts.set(tensor, count);
  }
  if (counts.size === 0) return model;
  const tensors: ModelTensor[] = [];
  const joined: Joined[] = [];
  for (const info of model.tensors) {
    const count = counts.get(info.name);
    if (count !== undefined) joined.push({ name: info.name, first: tensors.length, count });
    tensors.push(...(count === undefined ? [info] : cut(info, count)!));
  }
  return { ...model, tensors, joined };
}

function overlapping(tensor: string, one: number, other: number): HermError {
  const why = `Blocks use tensor ${quoteName(tensor)} in ${one} and in ${other} parts; they must agree.`;
  return new HermError('BLOCK_SPEC', why, { tensor });
}
