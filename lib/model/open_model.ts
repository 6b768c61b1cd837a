import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HermError } from '../errors.ts';
import { CONFIG_NAME, type ModelConfig, parseConfig } from './config.ts';
import { isOnnxName } from './file_format.ts';
import { ioError, quoteName } from './messages.ts';
import { type ExtraFile, type Model, modelOf } from './model.ts';
import { onlyOtherFormats } from './other_formats.ts';
import { checkShards, filesError, parseShardIndex, type ShardIndex } from './shard_index.ts';
import { type ByteSource, fileSource, readWhole } from './source.ts';

/** Larger files beside a model are not part of it. */
export const MAX_EXTRA_BYTES = 2 ** 26;
const SHARD = '.safetensors';
const INDEX = '.safetensors.index.json';
/** Where models for transformers.js have their graphs. */
const ONNX_FOLDER = 'onnx';

/**
 * Opens a model, hands it to `work` and closes it again. It is a safetensors file, an index of shards beside it, an ONNX
 * model, or a directory with one of these; a directory's other small files belong to the model, too.
 *
 * @throws HermError `IO`; `MODEL_FILES` for files that are missing or contradict each other; `SAFETENSORS_…`.
 */
export async function withModel<T>(path: string, work: (model: Model) => Promise<T>): Promise<T> {
  const { model, close } = await openModel(path);
  return work(model).finally(close);
}

/** A model for as long as it is not closed. @throws HermError as {@link withModel} */
export async function openModel(path: string): Promise<{ model: Model; close(): Promise<void> }> {
  const sources: ByteSource[] = [];
  const close = async () => {
    for (const source of sources) await source.close();
  };
  try {
    return { model: await openFiles(path, sources), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A model in one open source, which stays open. @throws HermError as {@link withModel} */
export async function modelOfSource(source: ByteSource): Promise<Model> {
  if (typeof source?.read !== 'function') {
    throw new HermError('BAD_ARGUMENT', 'A model must be a path, or a source with name, size and read().');
  }
  if (!isOnnxName(source.name)) return modelOf(source.name, [source]);
  const { onnxModel } = await onnx();
  return onnxModel(source.name, basename(source.name), source, async (file) => {
    throw filesError(source.name, `${quoteName(file)} is not beside it, as it is no path`);
  });
}

/** Only where there is such a model: loading what reads them takes longer than opening most others. */
const onnx = () => import('../onnx/open.ts');

async function openFiles(path: string, sources: ByteSource[]): Promise<Model> {
  const open = async (names: readonly string[], folder: string) => {
    for (const name of names) sources.push(await fileSource(join(folder, name)));
  };
  const info = await stat(path).catch((cause: unknown) => {
    throw ioError('read', path, cause);
  });
  if (info.isDirectory()) {
    const { shards, index, extras, leftOut, onnx } = await listDirectory(path);
    if (onnx !== undefined) return openOnnx(path, join(path, onnx), sources, { extras, leftOut });
    await open(index?.shards ?? shards, path);
    return shardedModel(path, sources, index, { extras, leftOut });
  }
  if (!path.endsWith(INDEX)) {
    if (isOnnxName(path)) return openOnnx(path, path, sources);
    sources.push(await fileSource(path));
    return modelOf(path, sources);
  }
  const index = await readIndex(path);
  await requireShards(index, await namesIn(dirname(path)));
  await open(index.shards, dirname(path));
  const extras = [{ name: basename(path), path, size: info.size }];
  return shardedModel(path, sources, index, { extras, leftOut: [] });
}

async function readConfig(extras: readonly ExtraFile[]): Promise<ModelConfig | undefined> {
  const found = extras.find(({ name }) => name === CONFIG_NAME);
  return found && parseConfig(await readWhole(found.path), found.path);
}

/** An ONNX model; what it names as its external data is not beside it, but part of it. */
async function openOnnx(
  name: string,
  path: string,
  sources: ByteSource[],
  beside: Pick<Model, 'extras' | 'leftOut'> = { extras: [], leftOut: [] },
): Promise<Model> {
  const open = async (file: string) => {
    const source = await fileSource(file);
    sources.push(source);
    return source;
  };
  const { onnxModel } = await onnx();
  return onnxModel(
    name,
    basename(path),
    await open(path),
    (file) => open(join(dirname(path), file)),
    (external) => ({
      extras: beside.extras.filter((extra) => !external.includes(extra.name)),
      leftOut: beside.leftOut.filter((file) => !external.includes(file)),
    }),
  );
}

async function shardedModel(
  path: string,
  sources: readonly ByteSource[],
  index: ShardIndex | undefined,
  beside: Pick<Model, 'extras' | 'leftOut'>,
): Promise<Model> {
  const model = await modelOf(path, sources, { ...beside, config: await readConfig(beside.extras) });
  if (index !== undefined) {
    checkShards(
      index,
      model.files.map(({ header }) => header.tensors.map(({ name }) => name)),
    );
  }
  return model;
}

interface Listing {
  readonly shards: readonly string[];
  readonly index: ShardIndex | undefined;
  readonly extras: readonly ExtraFile[];
  readonly leftOut: readonly string[];
  /** The one ONNX model, where there are no shards. */
  readonly onnx?: string;
}

async function listDirectory(path: string): Promise<Listing> {
  const shards: string[] = [];
  const extras: ExtraFile[] = [];
  const leftOut: string[] = [];
  const onnx: string[] = [];
  for (const name of (await namesIn(path)).sort()) {
    const file = join(path, name);
    // Behind links: the cache of Hugging Face's hub is made of them.
    const info = await stat(file).catch(() => undefined);
    if (info?.isFile() !== true) leftOut.push(name);
    else if (name.endsWith(SHARD)) shards.push(name);
    else {
      if (isOnnxName(name)) onnx.push(name);
      if (info.size > MAX_EXTRA_BYTES || name.endsWith('.herm')) leftOut.push(name);
      else extras.push({ name, path: file, size: info.size });
    }
  }
  const [only, ...others] = onnx;
  if (shards.length === 0 && only !== undefined) {
    if (others.length > 0) throw severalModels(path, onnx);
    const isOther = (name: string) => name !== only;
    const beside = { extras: extras.filter(({ name }) => isOther(name)), leftOut: leftOut.filter(isOther) };
    return { shards, index: undefined, ...beside, onnx: only };
  }
  const indexes = extras.filter(({ name }) => name.endsWith(INDEX));
  if (shards.length === 0) {
    // An index without any of its shards is a download that did not end.
    if (indexes[0] !== undefined) requireShards(await readIndex(indexes[0].path), shards);
    const others = onlyOtherFormats(path, [...extras.map(({ name }) => name), ...leftOut]);
    const inFolder = leftOut.includes(ONNX_FOLDER) ? (await namesIn(join(path, ONNX_FOLDER))).filter(isOnnxName) : [];
    if (inFolder.length > 0)
      throw severalModels(
        path,
        inFolder.sort().map((name) => `${ONNX_FOLDER}/${name}`),
      );
    throw others ?? filesError(path, 'it has no safetensors files and no ONNX model');
  }
  if (indexes.length > 1) throw filesError(path, `it has ${indexes.length} indexes of shards`);
  const [found] = indexes;
  if (found === undefined) {
    if (shards.length === 1) return { shards, index: undefined, extras, leftOut };
    throw filesError(path, `it has ${shards.length} safetensors files, and no model${INDEX} says what they hold`);
  }
  const index = await readIndex(found.path);
  requireShards(index, shards);
  const stranger = shards.find((shard) => !index.shards.includes(shard));
  if (stranger !== undefined) throw filesError(found.path, `it does not list the file ${quoteName(stranger)}`);
  return { shards, index, extras, leftOut };
}

/** A directory of several models, as transformers.js takes it, is no error in it. */
function severalModels(path: string, names: readonly string[]): HermError {
  const each = names.map(quoteName).join(', ');
  const count = names.length === 1 ? 'an ONNX model' : `${names.length} ONNX models`;
  const why = `${path} has ${count} (${each}), and no safetensors files. Name ${names.length === 1 ? 'it' : 'one of them'} in place of the directory.`;
  return new HermError('MODEL_FILES', why, { file: path, models: names });
}

function requireShards({ name, shards }: ShardIndex, there: readonly string[]): void {
  const missing = shards.find((shard) => !there.includes(shard));
  if (missing !== undefined) throw filesError(name, `the file ${quoteName(missing)} is missing`, { shard: missing });
}

async function readIndex(path: string): Promise<ShardIndex> {
  const source = await fileSource(path);
  try {
    if (source.size > MAX_EXTRA_BYTES) throw filesError(path, `it has ${source.size} bytes, too many for an index`);
    return parseShardIndex(await source.read(0, source.size), path);
  } finally {
    await source.close();
  }
}

function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((cause: unknown) => {
    throw ioError('read', path, cause);
  });
}
