import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { Scope } from '../file/chunk_index.ts';
import type { HermContent } from '../file/content.ts';
import { joinTensors } from '../file/joined.ts';
import { outputWeight, weightShape } from '../file/layout.ts';
import { quoteName } from '../model/messages.ts';
import { mergeMetadata } from '../model/model.ts';
import type { Tensor } from '../model/tensor.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import { widthAt } from './ladder.ts';

/** Widths by block name (other blocks stay whole), one share of all blocks' neurons in (0, 1], or everything. */
export type WidthRequest = Readonly<Record<string, number>> | number | 'full';

export interface SkeletonOptions extends CallOptions {
  /** Use refitted output weights where the file has them for exactly these widths; by default true. */
  readonly refit?: boolean | undefined;
  /**
   * Fill tensors up to their original shapes with neurons of zeros, which change nothing: their output weights are 0. Such a
   * network loads wherever the original does, with any width of any block.
   */
  readonly pad?: boolean | undefined;
}

/** A smaller network of the same architecture. */
export interface Skeleton {
  /** In the original's order, block tensors with their new shapes. */
  readonly tensors: readonly Tensor[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly widths: Readonly<Record<string, number>>;
  /** Whether its output weights are refitted ones. */
  readonly refitted: boolean;
  /** Whether all tensors have their original shapes, filled up with zeros. */
  readonly padded: boolean;
}

/**
 * The widths [blocks] that a request stands for; where damage is passed over, cut down to what is held.
 *
 * @param scope of these groups of blocks alone: all others are whole, whether this prefix holds them or not.
 * @throws HermError `WIDTH` for a width or share out of range, an unknown block, or one that this prefix does not hold;
 * `BAD_ARGUMENT` for what is no such request.
 */
export function resolveWidths(content: HermContent, request: WidthRequest, scope?: Scope): number[] {
  const { blocks, json, layout } = content.header;
  const isMeant = (block: number) =>
    scope === undefined || layout.groups.some((group, at) => scope.groups.has(at) && group.blocks.includes(block));
  const ranges = json.blocks.map(({ neurons, merges }) => ({ neurons, smallest: neurons - merges }));
  if (typeof request === 'number' && !(request > 0 && request <= 1)) {
    throw new HermError('WIDTH', `The share of neurons must be above 0 and at most 1, not ${request}.`, {
      ratio: request,
    });
  }
  if (isByName(request)) checkBlockNames(content, request);
  else if (typeof request !== 'number' && request !== 'full') {
    const why = 'Widths must be numbers by block name, one share of all neurons, or "full".';
    throw new HermError('BAD_ARGUMENT', why, { file: content.file });
  }
  if (content.salvaging) content.requireBase();
  const held = content.heldWidths();
  return blocks.map(({ name, neurons }, block) => {
    if (!isMeant(block)) return neurons;
    const range = ranges[block]!;
    const width =
      typeof request === 'number'
        ? widthAt(range, request)
        : isByName(request) && Object.hasOwn(request, name)
          ? request[name]!
          : neurons;
    if (!Number.isInteger(width) || width < range.smallest || width > neurons) {
      const why = `Block ${quoteName(name)} has widths from ${range.smallest} to ${neurons}, not ${width}.`;
      throw new HermError('WIDTH', why, { file: content.file, block: name, width, ...range });
    }
    if (width <= held[block]!) return width;
    if (content.salvaging && held[block]! > 0) return held[block]!;
    throw notHeld(content, name, width, held[block]!);
  });
}

/** Whether a request, of whatever a caller passes, is widths by block name. */
export function isByName(request: unknown): request is Readonly<Record<string, number>> {
  return typeof request === 'object' && request !== null && !Array.isArray(request);
}

function checkBlockNames({ header }: HermContent, request: object): void {
  const names = header.blocks.map(({ name }) => name);
  for (const name of Object.keys(request)) {
    if (names.includes(name)) continue;
    const why = `There is no block ${quoteName(name)}; there are: ${names.map(quoteName).join(', ')}.`;
    throw new HermError('WIDTH', why, { block: name, blocks: names });
  }
}

function notHeld({ file }: HermContent, block: string, width: number, held: number): HermError {
  const what = held === 0 ? 'no width of it yet' : `widths of it up to ${held}`;
  const why = `Block ${quoteName(block)} cannot have width ${width}: ${file} is the beginning of a .herm file and holds ${what}. Download more of it.`;
  return new HermError('WIDTH', why, { file, block, width, held });
}

/** A skeleton whose tensors are made when they are asked for. */
export interface SkeletonReader {
  readonly refitted: boolean;
  /** By the number of the header's tensor. @throws HermError as reading the file does. */
  tensor(index: number): Promise<Tensor>;
}

/**
 * The tensors of the network at the widths [blocks] of {@link resolveWidths}.
 *
 * @param indices the header's tensors that may be asked for; nothing else is read. By default all.
 * @throws HermError as reading the file does.
 */
export async function readSkeleton(
  content: HermContent,
  widths: readonly number[],
  options: SkeletonOptions = {},
  indices?: readonly number[],
): Promise<SkeletonReader> {
  const { tensors } = content.header.json;
  const kernel = { signal: options.signal, threads: options.threads };
  const scope = content.scopeOf(indices ?? [...tensors.keys()]);
  const at = options.refit === false ? undefined : content.refitAt(widths, scope);
  await content.fetch(widths, at, options.signal, scope);
  const refit = at === undefined ? undefined : await readRefit(content, at, { widths, scope }, kernel);
  return {
    refitted: refit !== undefined,
    async tensor(index) {
      const { name, shape } = tensors[index]!;
      const tensor = refit?.get(name) ?? (await content.tensor(index, widths, kernel));
      return options.pad ? padded(tensor, shape) : tensor;
    },
  };
}

/** Tensors of a network. */
export interface BuiltTensors {
  readonly tensors: readonly Tensor[];
  readonly refitted: boolean;
}

/** The tensors of a {@link readSkeleton}, one after the other. @throws HermError as reading the file does. */
export async function buildTensors(
  content: HermContent,
  indices: readonly number[],
  widths: readonly number[],
  options: SkeletonOptions = {},
): Promise<BuiltTensors> {
  requireArguments({ options });
  const reader = await readSkeleton(content, widths, options, indices);
  const tensors: Tensor[] = [];
  for (const index of indices) {
    throwIfAborted(options.signal);
    tensors.push(await reader.tensor(index));
    options.onProgress?.(tensors.length / indices.length);
  }
  return { tensors, refitted: reader.refitted };
}

/** The network at the widths [blocks] of {@link resolveWidths}. @throws HermError as reading the file does. */
export async function buildSkeleton(
  content: HermContent,
  widths: readonly number[],
  options: SkeletonOptions = {},
): Promise<Skeleton> {
  const { json, blocks } = content.header;
  const { tensors, refitted } = await buildTensors(content, [...json.tensors.keys()], widths, options);
  return {
    tensors: joinTensors(json, tensors),
    metadata: mergeMetadata(json.files.map((file) => file.metadata)),
    widths: Object.fromEntries(blocks.map(({ name }, block) => [name, widths[block]!])),
    refitted,
    padded: options.pad === true,
  };
}

/** A vector or matrix with zeros behind its rows and columns. */
function padded(tensor: Tensor, shape: readonly number[]): Tensor {
  const { name, dtype, data } = tensor;
  if (shape.every((size, axis) => size === tensor.shape[axis])) return tensor;
  const bytes = data.byteLength / tensor.shape.reduce((product, size) => product * size, 1);
  const row = tensor.shape.at(-1)! * bytes;
  const wide = shape.at(-1)! * bytes;
  const rows = shape.length === 1 ? 1 : shape[0]!;
  const out = new Uint8Array(rows * wide);
  for (let at = 0; at * row < data.byteLength; at++) out.set(data.subarray(at * row, (at + 1) * row), at * wide);
  return { name, dtype, shape, data: out };
}

/** Refitted output weights by name. */
async function readRefit(
  content: HermContent,
  index: number,
  { widths, scope }: { readonly widths: readonly number[]; readonly scope: Scope },
  options: CallOptions,
): Promise<ReadonlyMap<string, Tensor>> {
  const { layout } = content.header;
  const outputs = await content.refit(index, options, scope);
  // Blocks outside of the scope have none, and holes are passed over.
  return new Map(
    outputs.flatMap((data, block): [string, Tensor][] => {
      const { name, dtype } = outputWeight(layout, block);
      return [[name, { name, dtype, shape: weightShape(outputWeight(layout, block), widths), data }]];
    }),
  );
}
