import type { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';
import type { FileFormat } from '../model/file_format.ts';
import { checkFileNames } from '../model/file_name.ts';
import { quoteName } from '../model/messages.ts';
import { type Beside, type Model, type ModelFile, openedModel } from '../model/model.ts';
import type { ByteSource } from '../model/source.ts';
import type { TensorInfo } from '../model/tensor.ts';
import { findGraphBlocks } from './find_blocks.ts';
import { type OnnxGraph, parseOnnx } from './graph.ts';
import { externalBytes, infoOf, type OnnxTensor, tensorError } from './tensor.ts';

/** Opens a file of external data by its name beside the model. */
export type OpenBeside = (name: string) => Promise<ByteSource>;

/**
 * An ONNX model and its files of external data. The graph is in memory as a whole, but only until this returns.
 *
 * @param name what messages call the model
 * @param fileName its name without the folder
 * @throws HermError `ONNX_FILE`, `ONNX_TENSOR`, `ONNX_EXTERNAL`, `HERM_NAME`, `IO`.
 */
export async function onnxModel(
  name: string,
  fileName: string,
  source: ByteSource,
  open: OpenBeside,
  beside: (external: readonly string[]) => Beside = () => ({}),
): Promise<Model> {
  const parsed = parseOnnx(await source.read(0, source.size), source.name);
  const external = await openExternal(parsed, fileName, open);
  const graph = withoutShared(parsed);
  const found = await findGraphBlocks(graph);
  const shapes = shapesInBlocks(found.blocks);
  const infosIn = (location: string | undefined): TensorInfo[] =>
    [...graph.constants.values()]
      .filter((tensor) => tensor.external?.location === location)
      .flatMap((tensor) => infoOf(tensor, graph.file) ?? [])
      .map((info) => ({ ...info, shape: shapes.get(info.name) ?? info.shape }))
      .sort((a, b) => a.begin - b.begin);
  const fileOf = (file: string, from: ByteSource, format: FileFormat, location?: string): ModelFile => {
    const header = { format, tensors: infosIn(location), metadata: new Map<string, string>(), dataOffset: 0 };
    return { name: file, source: from, header };
  };
  const files = [fileOf(fileName, source, 'onnx')];
  for (const [location, data] of external) files.push(fileOf(location, data, 'data', location));
  return openedModel(name, files, { ...beside([...external.keys()]), graph: found });
}

/** What blocks take tensors for: a bias may be written as a matrix of one row, and a matrix as a kernel of one place. */
function shapesInBlocks(blocks: readonly Block[]): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const { input, output, gate, bias, neurons } of blocks) {
    for (const weight of [input, output, gate?.weight]) {
      if (weight !== undefined) shapes.set(weight.tensor, [weight.rows, weight.cols]);
    }
    for (const name of [bias, gate?.bias]) if (name !== undefined) shapes.set(name, [neurons]);
  }
  return shapes;
}

/** The files of external data by location, each tensor's checked to be in it. */
async function openExternal(graph: OnnxGraph, fileName: string, open: OpenBeside): Promise<Map<string, ByteSource>> {
  const opened = new Map<string, ByteSource>();
  for (const tensor of graph.external) {
    const { location, offset } = tensor.external!;
    const refuse = (why: string, cause?: unknown) => tensorError('ONNX_EXTERNAL', graph.file, tensor.name, why, cause);
    const source = opened.get(location) ?? (await openLocation(location, fileName, open, refuse));
    opened.set(location, source);
    const end = offset + externalBytes(tensor, graph.file);
    if (end > source.size) {
      throw refuse(`has external data up to byte ${end} of ${quoteName(location)}, which has ${source.size} bytes`);
    }
  }
  return opened;
}

async function openLocation(
  location: string,
  fileName: string,
  open: OpenBeside,
  refuse: (why: string, cause?: unknown) => HermError,
): Promise<ByteSource> {
  try {
    checkFileNames([location, fileName], 'The model');
  } catch {
    throw refuse(`has external data in ${quoteName(location)}, which is no other file in the model's directory`);
  }
  return open(location).catch((cause: unknown) => {
    throw refuse(`has external data in ${quoteName(location)}, which cannot be read (is it missing?)`, cause);
  });
}

/** The graph without the places of tensors whose external data overlaps: what changes one of them changes the other. */
function withoutShared(graph: OnnxGraph): OnnxGraph {
  const shared = new Set<OnnxTensor>();
  const reached = new Map<string, { end: number; tensor: OnnxTensor }>();
  const ordered = [...graph.external].sort((a, b) => a.external!.offset - b.external!.offset);
  for (const tensor of ordered) {
    const { location, offset } = tensor.external!;
    const before = reached.get(location);
    const end = offset + externalBytes(tensor, graph.file);
    if (before !== undefined && offset < before.end) shared.add(tensor).add(before.tensor);
    if (before === undefined || end > before.end) reached.set(location, { end, tensor });
  }
  const constants = new Map(
    [...graph.constants].map(([name, tensor]): [string, OnnxTensor] => {
      return [name, shared.has(tensor) ? { ...tensor, external: undefined } : tensor];
    }),
  );
  return { ...graph, constants };
}
