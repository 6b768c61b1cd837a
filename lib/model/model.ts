import { basename } from 'node:path';
import { readSafetensorsHeader, readTensor, type SafetensorsHeader } from './safetensors.ts';
import type { ByteSource } from './source.ts';
import type { Tensor, TensorInfo } from './tensor.ts';

/** One safetensors file of a model, open. */
export interface ModelFile {
  /** Without a folder. */
  readonly name: string;
  readonly source: ByteSource;
  readonly header: SafetensorsHeader;
}

/** A tensor and which file of its model it lies in. */
export interface ModelTensor extends TensorInfo {
  readonly file: number;
}

/** What the search for blocks looks at. */
export type ModelHeader = Pick<SafetensorsHeader, 'tensors' | 'metadata'>;

/** A model, open: its tensors are read when they are asked for. */
export interface Model extends ModelHeader {
  /** What messages call it. */
  readonly name: string;
  readonly files: readonly ModelFile[];
  /** File after file, each in the order of its data. */
  readonly tensors: readonly ModelTensor[];
}

/** A model of one safetensors file. @throws HermError as {@link readSafetensorsHeader}. */
export async function modelOf(source: ByteSource): Promise<Model> {
  const header = await readSafetensorsHeader(source);
  const tensors = header.tensors.map((info) => ({ ...info, file: 0 }));
  const files = [{ name: basename(source.name), source, header }];
  return { name: source.name, files, tensors, metadata: header.metadata };
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
