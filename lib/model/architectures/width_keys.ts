import { configFor, isSettings, type Settings } from '../config.ts';
import { withMember } from '../json_edit.ts';
import type { ModelHeader } from '../model.ts';
import { findTensor } from '../parts.ts';
import { asKnownModel, findKnownBlocks } from './find.ts';

/** A block that takes its width from a configuration. */
export interface WidthUser {
  /** By name of its input weights, as blocks have it. */
  readonly input: string;
  /** In the original. */
  readonly neurons: number;
}

/** All blocks of a model that loaders give one width. */
export interface WidthGroup {
  /** Members of config.json down to the number; undefined: loaders compute the width from other sizes. */
  readonly path: readonly string[] | undefined;
  readonly users: readonly WidthUser[];
}

/** Which blocks of a model have their width from the same place; blocks that are not known by name are in none. */
export function widthGroups(header: ModelHeader): WidthGroup[] {
  const { byName } = asKnownModel(header);
  const groups = new Map<string, { path: readonly string[] | undefined; users: WidthUser[] }>();
  for (const { spec, known } of findKnownBlocks(header)) {
    const [{ width, name }] = known.entries;
    const part = header.config && configFor(header.config, known.layer);
    const path = width === undefined || part === undefined ? undefined : [...part.path, width];
    const weight = findTensor(byName, spec.input)!;
    const user = { input: spec.input, neurons: weight.shape[spec.inputTransposed ? 1 : 0]! };
    const id = path === undefined ? `${name} ${user.neurons}` : path.join('.');
    const group = groups.get(id) ?? { path, users: [] };
    group.users.push(user);
    groups.set(id, group);
  }
  return [...groups.values()];
}

/** A change of config.json: one number. */
export interface ConfigChange {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

/** What config.json needs so that a loader takes these widths, or why none does. */
export interface ConfigPlan {
  readonly changes: readonly (ConfigChange & { readonly path: readonly string[] })[];
  /** Undefined: loaders take the network with the changes. */
  readonly refusal: string | undefined;
}

/** What a refusal advises, in brackets. */
interface ConfigAdvice {
  /** Where loaders compute the width from other sizes. */
  readonly fixed: string;
  /** Where blocks of different widths need one. */
  readonly uneven: string;
}

/** @param widthOf the new width of a block by its input weights; undefined: it stays as it was. */
export function planConfig(
  groups: readonly WidthGroup[],
  widthOf: (input: string) => number | undefined,
  advice: ConfigAdvice,
): ConfigPlan {
  const changes: (ConfigChange & { readonly path: readonly string[] })[] = [];
  for (const { path, users } of groups) {
    const widths = users.map(({ input, neurons }) => widthOf(input) ?? neurons);
    const narrowed = users.findIndex(({ neurons }, at) => widths[at] !== neurons);
    if (narrowed < 0) continue;
    const [to] = widths as [number, ...number[]];
    if (path === undefined) {
      return { changes: [], refusal: `loaders compute the width of such blocks from other sizes (${advice.fixed})` };
    }
    if (widths.some((width) => width !== to)) {
      const why = `${path.join('.')} is one number for blocks of ${Math.min(...widths)} to ${Math.max(...widths)} neurons`;
      return { changes: [], refusal: `${why} (${advice.uneven})` };
    }
    changes.push({ key: path.join('.'), path, from: users[narrowed]!.neurons, to });
  }
  return { changes, refusal: undefined };
}

/** config.json with these changes, and all else byte for byte as it was. */
export function changedConfig(bytes: Uint8Array, { changes }: ConfigPlan): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const settings: Settings = JSON.parse(text);
  const edits = changes.flatMap(({ path, to }) => withOverride(settings, path).map((place) => ({ place, to })));
  return new TextEncoder().encode(edits.reduce((json, { place, to }) => withMember(json, place, to), text));
}

/** CLIP's configurations may hold a part a second time, as `text_config_dict`, which loaders prefer. */
function withOverride(settings: Settings, path: readonly string[]): (readonly string[])[] {
  const [part, key] = path;
  const override = settings[`${part}_dict`];
  const both = key !== undefined && isSettings(override) && Object.hasOwn(override, key);
  return both ? [path, [`${part}_dict`, key]] : [path];
}
