import { basename } from 'node:path';
import { concat } from './concat.ts';
import type { ModelConfig } from './config.ts';
import type { FileFormat } from './file_format.ts';
import { checkFileNames } from './file_name.ts';
import type { GraphBlocks } from './graph_blocks.ts';
import { refuseOtherFormats } from './other_formats.ts';
import type { Joined } from './parts.ts';
import { readSafetensorsHeader, readTensor, type SafetensorsHeader } from './safetensors.ts';
import type { ByteSource } from './source.ts';
import type { Tensor, TensorInfo } from './tensor.ts';

/** What a file that holds tensors says. */
export interface FileHeader {
  readonly format: FileFormat;
  /** In the order of their data, none over another. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the offsets of its tensors are counted from. */
  readonly dataOffset: number;
}

/** One file of a model that holds tensors, open. */
export interface ModelFile {
  /** Without a folder. */
  readonly name: string;
  readonly source: ByteSource;
  readonly header: FileHeader;
}

/** A tensor and which file of its model it lies in. */
export interface ModelTensor extends TensorInfo {
  readonly file: number;
}

/** What the search for blocks looks at. */
export interface ModelHeader extends Pick<SafetensorsHeader, 'tensors' | 'metadata'> {
  /** What lies beside the tensors as `config.json`. */
  readonly config?: ModelConfig | undefined;
  /** Tensors of the list that are one in the file. */
  readonly joined?: readonly Joined[];
  /** What the model's graph says, where it has one: then names and shapes are not asked. */
  readonly graph?: GraphBlocks | undefined;
}

/** A file of a model that holds no tensors, such as `config.json`. */
export interface ExtraFile {
  /** Without a folder. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** A model, open: its tensors are read when they are asked for. */
export interface Model extends ModelHeader {
  /** What messages call it: its path. */
  readonly name: string;
  /** File after file, each in the order of its data. */
  readonly tensors: readonly ModelTensor[];
  /** Of all files; where two of them say something else, the first one counts. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly files: readonly ModelFile[];
  /** Tensors of the list that are one in the file; only {@link inParts} makes any. */
  readonly joined: readonly Joined[];
  /** What lies beside them and belongs to the model. */
  readonly extras: readonly ExtraFile[];
  /** What lies beside them too, and is too large or of another kind. */
  readonly leftOut: readonly string[];
}

/** What a model is beside its files of tensors. */
export type Beside = Partial<Pick<Model, 'extras' | 'leftOut' | 'config' | 'graph'>>;

/**
 * A model of these safetensors files.
 *
 * @throws HermError as {@link readSafetensorsHeader}; `HERM_NAME` for files that cannot lie in one directory.
 */
export async function modelOf(name: string, sources: readonly ByteSource[], beside: Beside = {}): Promise<Model> {
  const files: ModelFile[] = [];
  for (const source of sources) {
    await refuseOtherFormats(source);
    const header: FileHeader = { format: 'safetensors', ...(await readSafetensorsHeader(source)) };
    files.push({ name: basename(source.name), source, header });
  }
  return openedModel(name, files, beside);
}

/** A model of files whose headers are read. @throws HermError `HERM_NAME` for files that cannot lie in one directory. */
export function openedModel(name: string, files: readonly ModelFile[], beside: Beside = {}): Model {
  const { extras = [], leftOut = [], config, graph } = beside;
  checkFileNames(
    [...files, ...extras].map((file) => file.name),
    name,
  );
  return {
    name,
    files,
    tensors: files.flatMap(({ header }, file) => header.tensors.map((info) => ({ ...info, file }))),
    metadata: mergeMetadata(files.map(({ header }) => [...header.metadata])),
    config,
    joined: [],
    extras,
    leftOut,
    graph,
  };
}

/** All pairs of all files; of two with the same key the first one. */
export function mergeMetadata(files: readonly (readonly (readonly [string, string])[])[]): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const [key, value] of files.flat()) if (!metadata.has(key)) metadata.set(key, value);
  return metadata;
}

/** What of a file no tensor covers, one piece after the other. @throws HermError `IO`, `OUT_OF_MEMORY` */
export async function readSource({ source, header }: ModelFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { begin, end } of header.tensors) {
    if (header.dataOffset + begin > at) parts.push(await source.read(at, header.dataOffset + begin - at));
    at = header.dataOffset + end;
  }
  if (at < source.size) parts.push(await source.read(at, source.size - at));
  return concat(parts);
}

/** @throws HermError `IO` when it cannot be read, `OUT_OF_MEMORY` when it does not fit in one buffer. */
export function readModelTensor({ files }: Model, info: ModelTensor): Promise<Tensor> {
  const { source, header } = files[info.file]!;
  return readTensor(source, header, info);
}

/** The named tensors, in the model's order; names that it does not have are passed over. */
export function readNamed(model: Model, names: readonly string[]): Promise<Tensor[]> {
  const wanted = new Set(names);
  return Promise.all(model.tensors.filter(({ name }) => wanted.has(name)).map((info) => readModelTensor(model, info)));
}
