import { HermError, type HermErrorCode } from '../errors.ts';
import type { HermContent } from '../file/content.ts';
import { wholeTensors } from '../file/joined.ts';
import { type ConfigPlan, planConfig, type WidthGroup, widthGroups } from '../model/architectures/width_keys.ts';
import { CONFIG_NAME, parseConfig } from '../model/config.ts';
import { mergeMetadata } from '../model/model.ts';
import type { KernelOptions } from './exact_matrix.ts';

/** How widths are made to fit what loaders and hardware take. */
export interface FitOptions {
  /** One width for all blocks that loaders give one: the largest that is asked for among them. */
  readonly uniform?: boolean | undefined;
  /** Widths are rounded up to multiples of it, as far as a block has so many neurons. */
  readonly roundTo?: number | undefined;
}

/** Which blocks of the original loaders give one width. @throws HermError `CONFIG`, or as reading the file does. */
async function groupsOf(content: HermContent, options: KernelOptions): Promise<WidthGroup[]> {
  const { json } = content.header;
  const at = json.extras.findIndex(({ name }) => name === CONFIG_NAME);
  const config = at < 0 ? undefined : parseConfig(await content.extra(at, options), CONFIG_NAME);
  const metadata = mergeMetadata(json.files.map((file) => file.metadata));
  return widthGroups({ tensors: wholeTensors(json), metadata, config });
}

/**
 * What the blocks [blocks] that shall have one width have in common: those that loaders give one, and of others those with as
 * many neurons.
 *
 * @throws HermError as {@link groupsOf}
 */
export async function uniformGroups(content: HermContent, options: KernelOptions): Promise<(string | number)[]> {
  const groups = await groupsOf(content, options);
  const inputs = groups.map(({ users }) => new Set(users.map(({ input }) => input)));
  return content.header.blocks.map(({ input, neurons }) => {
    const known = inputs.findIndex((members) => members.has(input.tensor));
    return known < 0 ? `of ${neurons}` : known;
  });
}

/**
 * The widths [blocks], each raised to what the options ask for.
 *
 * @throws HermError as {@link groupsOf}
 */
export async function fitWidths(
  content: HermContent,
  widths: readonly number[],
  { uniform = false, roundTo = 1 }: FitOptions,
  options: KernelOptions,
): Promise<number[]> {
  const { blocks, json } = content.header;
  const round = (width: number, block: number) =>
    Math.min(Math.ceil(width / roundTo) * roundTo, blocks[block]!.neurons);
  if (!uniform) return widths.map(round);
  const groupOf = await uniformGroups(content, options);
  return widths.map((_, block) => {
    const members = widths.flatMap((width, other) => {
      if (groupOf[other] !== groupOf[block]) return [];
      return Math.max(width, json.blocks[other]!.neurons - json.blocks[other]!.merges);
    });
    return round(Math.max(...members), block);
  });
}

/** What config.json needs for these widths by block name; undefined where the original has none, or no known block. */
export async function planFor(
  content: HermContent,
  widths: Readonly<Record<string, number>>,
  options: KernelOptions,
): Promise<ConfigPlan | undefined> {
  const { blocks, json } = content.header;
  if (!json.extras.some(({ name }) => name === CONFIG_NAME)) return undefined;
  const byInput = new Map(blocks.map(({ name, input }) => [input.tensor, widths[name]!]));
  try {
    const groups = await groupsOf(content, options);
    return groups.length === 0 ? undefined : planConfig(groups, (input) => byInput.get(input), ADVICE);
  } catch (error) {
    // A model whose blocks were described by hand, because its own names and configuration do not hold together.
    if (!(error instanceof HermError) || !MISFITS.includes(error.code)) throw error;
    const whole = blocks.every(({ name, neurons }) => widths[name] === neurons);
    return whole ? undefined : { changes: [], refusal: error.message };
  }
}

const ADVICE = { fixed: '--pad keeps it', uneven: '--uniform or --pad makes them loadable' };
const MISFITS: readonly HermErrorCode[] = ['CONFIG', 'TENSOR_MISSING', 'BLOCK_DTYPE'];
