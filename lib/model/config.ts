import { HermError } from '../errors.ts';
import { quoteName } from './messages.ts';

/** `config.json` as Hugging Face lays it beside a model's weights. */
export interface ModelConfig {
  /** What messages call it. */
  readonly file: string;
  readonly json: Settings;
}

export type Settings = Readonly<Record<string, unknown>>;

/** The name of the file. */
export const CONFIG_NAME = 'config.json';

/** @throws HermError `CONFIG` for what is no JSON object. */
export function parseConfig(bytes: Uint8Array, file: string): ModelConfig {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // As any other text that is no object.
  }
  if (isSettings(json)) return { file, json };
  throw new HermError('CONFIG', `${file} is not a JSON object. Mend it, or remove it.`, { file });
}

export function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A part of a configuration: that of one of the networks that a model is made of. */
export interface ConfigPart {
  /** What messages call it: the file and the path of the part in it. */
  readonly file: string;
  /** Members from the whole configuration to the part, `['vision_config']`; empty: it is the whole. */
  readonly path: readonly string[];
  readonly settings: Settings;
  /** The architecture that it names. */
  readonly modelType: string | undefined;
}

/** What names of modules begin with whose part of the configuration has another name. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  visual: 'vision',
  image: 'vision',
  img: 'vision',
  language: 'text',
  speech: 'audio',
};
const PART = '_config';
/** Parts of models that are not their language model, also where the configuration has no part for them. */
const APART = /^(vision|visual|image|img|video|audio|speech|backbone|encoder|qformer|mask)(_|$)/;

/** The part of a configuration that a layer of this name belongs to: models of several networks have one for each. */
export function configFor({ file, json }: ModelConfig, layer: string): ConfigPart {
  const path = partPath(json, layer.split('.'));
  const settings = path.reduce<Settings>((outer, key) => outer[key] as Settings, json);
  const { model_type: outer } = json;
  const { model_type: own } = settings;
  // SAM's mask decoder calls itself ''.
  const type = own || outer;
  return {
    file: path.length === 0 ? file : `${file} (${path.join('.')})`,
    path,
    settings,
    modelType: typeof type === 'string' ? type : undefined,
  };
}

/** `['vision_config']` for the modules `model`, `vision_tower`, `layers`, …; parts may have parts. */
function partPath(json: Settings, modules: readonly string[]): string[] {
  for (const [at, module] of modules.entries()) {
    const key = partOf(json, module);
    if (key !== undefined) return [key, ...partPath(json[key] as Settings, modules.slice(at + 1))];
  }
  const { hidden_size: size, text_config: text } = json;
  const isText = size === undefined && !modules.some((module) => APART.test(module));
  return isText && isSettings(text) ? ['text_config'] : [];
}

/**
 * `vision_config` for `vision_tower`, `visual` or `image_encoder`: the longest name that a module's begins with. T5Gemma's
 * parts are called what its modules are.
 */
function partOf(json: Settings, module: string): string | undefined {
  const [first = ''] = module.split('_');
  const names = [module, OTHER_NAMES[first] ?? module];
  const begins = (part: string) => names.some((name) => name === part || name.startsWith(`${part}_`));
  return Object.keys(json)
    .filter(
      (key) => isSettings(json[key]) && (key === module || (key.endsWith(PART) && begins(key.slice(0, -PART.length)))),
    )
    .sort((a, b) => b.length - a.length)[0];
}

/** The error for a configuration that says something else than the tensors do. */
export function contradiction(
  { file }: Pick<ConfigPart, 'file'>,
  key: string,
  value: unknown,
  tensor: string,
  why: string,
): HermError {
  const message = `${file} says ${key}: ${JSON.stringify(value)}, but ${quoteName(tensor)} ${why}. One of them is of another model: mend ${key}, or get both again.`;
  return new HermError('CONFIG', message, { file, key, value, tensor });
}
