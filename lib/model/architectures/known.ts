import type { Activation } from '../block.ts';
import { type ConfigPart, configFor } from '../config.ts';
import type { ModelHeader } from '../model.ts';
import type { TensorInfo } from '../tensor.ts';
import { ACTIVATION_KEYS, configuredActivation, defaultActivation } from './activations.ts';
import type { FeedForward } from './feed_forward.ts';
import { type Match, nameIn, WEIGHT } from './match.ts';
import { findNorm, type PrecedingNorm } from './norm.ts';

/** A feed-forward block whose names are known. */
export interface KnownBlock extends Omit<Match, 'entry'> {
  /** All architectures that have such names, beside such tensors, and that the configuration does not rule out. */
  readonly entries: readonly [FeedForward, ...FeedForward[]];
  /** What the model's configuration says of this layer. */
  readonly config: ConfigPart | undefined;
  /** Whether the configuration names the architecture: otherwise names alone tell it. */
  readonly confirmed: boolean;
}

/** A model as the search for known blocks sees it. */
export interface KnownModel extends ModelHeader {
  readonly byName: ReadonlyMap<string, TensorInfo>;
}

/** What a layer lacks to be the block of any architecture with such an input. */
export interface Incomplete {
  readonly match: Match;
  /** The tensor that is not there. */
  readonly missing: string;
}

/** The tensors that an entry cannot do without. */
function neededTensors(match: Match): string[] {
  const { input, output, gate } = match.entry;
  return [gate, input, output].filter((part) => part !== undefined).map((part) => nameIn(match, part) + WEIGHT);
}

/** Which of the architectures with such names this block is of. @param matches at least one, all of one layer. */
export function knownBlock(model: KnownModel, matches: readonly Match[]): KnownBlock | Incomplete {
  const [{ layer, numbers }] = matches as [Match, ...Match[]];
  const config = model.config && configFor(model.config, layer);
  const named = matches.filter(({ entry }) => namesType(entry, config));
  // A configuration that names an architecture with such names is believed; one that names another says nothing here.
  const confirmed = named.length > 0;
  const possible = confirmed ? named : matches.filter(({ entry }) => !entry.configured && isMarked(model, entry));
  const lacking = possible.map((match) => neededTensors(match).find((name) => !model.byName.has(name)));
  const whole = possible.filter((_, at) => lacking[at] === undefined);
  const preferences: readonly ((match: Match) => boolean)[] = [
    (match) => fitsSettings(match.entry, config),
    (match) => match.entry.when !== undefined,
    (match) => !(match.entry.without ?? []).some((part) => hasLinear(model, nameIn(match, part))),
    (match) => fitsOutput(model, match),
    (match) => fitsBias(model, match),
    (match) => confirmed || match.entry.norm === undefined || findNorm(model, match) !== undefined,
    (match) => match.entry.generic !== true,
  ];
  const rest = preferences.reduce<readonly Match[]>((left, fits) => preferring(left, fits), whole);
  if (rest.length === 0) {
    const at = lacking.findIndex((name) => name !== undefined);
    return { match: possible[at] ?? matches[0]!, missing: lacking[at] ?? '' };
  }
  const entries = rest.map(({ entry }) => entry) as [FeedForward, ...FeedForward[]];
  return { layer, numbers, entries, config, confirmed };
}

/** Those that fit, unless none does. */
function preferring<T>(all: readonly T[], fits: (one: T) => boolean): readonly T[] {
  const fitting = all.filter(fits);
  return fitting.length > 0 ? fitting : all;
}

function namesType({ modelTypes }: FeedForward, config: ConfigPart | undefined): boolean {
  return config?.modelType !== undefined && modelTypes.includes(config.modelType);
}

function isMarked({ byName }: KnownModel, { marks, unmarked = [] }: FeedForward): boolean {
  if (marks === undefined && unmarked.length === 0) return true;
  const has = (mark: string) => [...byName.keys()].some((name) => name.includes(mark));
  return (marks === undefined || marks.some(has)) && !unmarked.some(has);
}

function fitsSettings({ when = {} }: FeedForward, config: ConfigPart | undefined): boolean {
  return config === undefined || Object.entries(when).every(([key, values]) => values.includes(config.settings[key]));
}

function hasLinear({ byName }: KnownModel, name: string): boolean {
  return byName.has(name + WEIGHT) || byName.has(`${name}.bias`);
}

/** A fused input has two rows for every column of the output; the same names may stand for one that is not fused. */
function fitsOutput({ byName }: KnownModel, match: Match): boolean {
  const { input, output, fused, transposed } = match.entry;
  const [wide, narrow] = [input, output].map((part) => byName.get(nameIn(match, part) + WEIGHT)!.shape);
  return wide![transposed ? 1 : 0] === (fused ? 2 : 1) * narrow![transposed ? 0 : 1]!;
}

/** The bias has as many numbers as there are neurons: that tells how the weights are stored, unless they are square. */
function fitsBias({ byName }: KnownModel, match: Match): boolean {
  const name = nameIn(match, match.entry.input);
  const bias = byName.get(`${name}.bias`);
  const axis = match.entry.transposed ? 1 : 0;
  return bias === undefined || byName.get(name + WEIGHT)!.shape[axis] === bias.shape[0];
}

/**
 * What the configuration says of a block's activation, or what its architecture has where it says nothing; undefined where
 * names alone leave a choice.
 *
 * @throws HermError `ACTIVATION` for one that hermkit does not know.
 */
export function knownActivation({ entries, config, confirmed }: KnownBlock, block: string): Activation | undefined {
  const keys = [
    ...new Set([...entries.flatMap((entry) => entry.activationKeys), ...(confirmed ? [] : ACTIVATION_KEYS)]),
  ];
  const said = config && configuredActivation(config, keys, block);
  // The same names in an architecture that the table does not know may have another activation.
  if (said !== undefined || (!confirmed && config?.modelType !== undefined)) return said;
  const [first, ...others] = entries.map(({ activation }) => activation);
  return first !== undefined && others.every((other) => other === first) ? defaultActivation(first) : undefined;
}

/** The norm whose output a block reads; undefined where there is none, or names alone leave a choice. */
export function knownNorm(
  model: KnownModel,
  { entries, config, confirmed, ...place }: KnownBlock,
): PrecedingNorm | undefined {
  // The same names in an architecture that the table does not know may stand before attention as well.
  if (!confirmed && config?.modelType !== undefined) return undefined;
  const [first, ...others] = entries.map((entry) => findNorm(model, { ...place, entry }));
  const same = others.every((other) => JSON.stringify(other) === JSON.stringify(first));
  return same ? first : undefined;
}
