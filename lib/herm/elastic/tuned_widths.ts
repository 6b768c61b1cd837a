import { HermError } from '../../errors.ts';
import type { HermContent } from '../../file/content.ts';
import { quoteName } from '../../model/messages.ts';
import { resolveWidths, type WidthRequest } from '../skeleton.ts';
import { type ElasticTensor, isElastic, shapeAt } from './tensor_axes.ts';
import { type Tuned, tunedError } from './tuned.ts';

/** What the shapes of a tuned model say. */
export interface TunedShape {
  /** [blocks] */
  readonly widths: readonly number[];
  /** Whether tensors have their original shapes, with zeros behind the skeleton. */
  readonly padded: boolean;
}

/**
 * The widths of a tuned skeleton, read from its shapes, and that every tensor has the shape which they give it.
 *
 * @param request the widths, where shapes cannot say them: a padded skeleton
 * @param isDelta tensors may be missing: they have not changed; of a block without any the width does not matter
 * @throws HermError `TUNED_TENSOR` with the shapes found and expected; `WIDTH` for a width that a block does not have, and
 * where only original shapes are there and no request.
 */
export function readTunedShape(
  content: HermContent,
  tensors: readonly ElasticTensor[],
  tuned: Pick<Tuned, 'name' | 'tensors'>,
  request: WidthRequest | undefined,
  isDelta: boolean,
): TunedShape {
  checkNames(tensors, tuned, isDelta);
  const { blocks } = content.header;
  const full = blocks.map(({ neurons }) => neurons);
  const sources = new Map<number, string>();
  const found = widthsIn(tensors, tuned, sources);
  const read = blocks.map(
    ({ name, neurons }, block) => found.get(block) ?? namedWidth(content, request, name, neurons),
  );
  const isOriginal = read.every((width, block) => width === full[block]);
  if (request === undefined && isOriginal && !isDelta) throw unsaid(tuned);
  const asked = request === undefined ? undefined : resolveWidths(content, request);
  const padded = !isDelta && isOriginal && (asked?.some((width, block) => width !== full[block]) ?? false);
  const shapes = asked !== undefined && !padded ? asked : read;
  for (const tensor of tensors) checkShape(tensor, tuned, content, shapes, sources);
  const widths = asked ?? resolveWidths(content, content.byName(read));
  return { widths, padded };
}

function namedWidth(content: HermContent, request: WidthRequest | undefined, name: string, neurons: number): number {
  if (request === undefined) return neurons;
  const block = content.header.blocks.findIndex((candidate) => candidate.name === name);
  return resolveWidths(content, request)[block]!;
}

function unsaid({ name }: Pick<Tuned, 'name'>): HermError {
  const why = `${name} has the shapes of the original. If it was expanded with --pad, say its width (--width, widths); if it is the whole network, there is nothing to lift.`;
  return new HermError('WIDTH', why, { file: name });
}

/** @throws HermError `TUNED_TENSOR` for tensors that only one of them has. */
function checkNames(tensors: readonly ElasticTensor[], tuned: Pick<Tuned, 'name' | 'tensors'>, isDelta: boolean): void {
  const names = new Set(tensors.map(({ name }) => name));
  for (const name of tuned.tensors.keys()) {
    if (!names.has(name)) throw tunedError(tuned, name, 'is none of the model');
  }
  const missing = isDelta ? undefined : tensors.find(({ name }) => !tuned.tensors.has(name));
  if (missing !== undefined) throw tunedError(tuned, missing.name, 'is missing; save all tensors of the skeleton');
}

/** Widths by block, and in `sources` which tensor says each. */
function widthsIn(
  tensors: readonly ElasticTensor[],
  tuned: Pick<Tuned, 'tensors'>,
  sources: Map<number, string>,
): Map<number, number> {
  const widths = new Map<number, number>();
  const note = (block: number, width: number, { name }: ElasticTensor) => {
    if (widths.has(block) || !Number.isInteger(width)) return;
    widths.set(block, width);
    sources.set(block, name);
  };
  for (const tensor of tensors) {
    const shape = tuned.tensors.get(tensor.name)?.shape;
    const { members } = tensor;
    if (shape?.length !== tensor.shape.length || !isElastic(tensor)) continue;
    const cols = members[0]!.axes.cols;
    if (cols !== undefined) note(cols.block, shape[1]!, tensor);
    const moving = members.flatMap(({ axes }) => (axes.rows === undefined ? [] : [axes.rows.block]));
    const still = members.reduce((sum, { axes, shape: [rows] }) => sum + (axes.rows === undefined ? rows! : 0), 0);
    if (new Set(moving).size === 1) note(moving[0]!, (shape[0]! - still) / moving.length, tensor);
  }
  return widths;
}

function checkShape(
  tensor: ElasticTensor,
  tuned: Pick<Tuned, 'name' | 'tensors'>,
  { header: { blocks } }: HermContent,
  widths: readonly number[],
  sources: ReadonlyMap<number, string>,
): void {
  const found = tuned.tensors.get(tensor.name)?.shape;
  if (found === undefined) return;
  const { name, members } = tensor;
  const own = [
    ...new Set(members.flatMap(({ axes: { rows, cols } }) => [rows, cols]).flatMap((axis) => axis?.block ?? [])),
  ];
  const outside = own.find((block) => widths[block]! < 1 || widths[block]! > blocks[block]!.neurons);
  const limited = widths.map((width, block) => Math.max(1, Math.min(width, blocks[block]!.neurons)));
  const expected = shapeAt(tensor, limited);
  if (outside === undefined && found.length === expected.length && found.every((size, at) => size === expected[at]))
    return;
  const because = own.map((block) => {
    const { name: blockName, neurons } = blocks[block]!;
    const at = `block ${quoteName(blockName)}, of ${neurons} neurons, at width ${limited[block]}`;
    const source = sources.get(block);
    return source === undefined || source === name ? at : `${at} (as ${quoteName(source)} says)`;
  });
  const why = because.length === 0 ? '' : ` with ${because.join(' and ')}`;
  throw tunedError(tuned, name, `has shape [${found.join(', ')}], not [${expected.join(', ')}]${why}`, {
    found,
    expected,
  });
}
