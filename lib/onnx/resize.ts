import { toBinary } from '@bufbuild/protobuf';
import { HermError } from '../errors.ts';
import type { Tensor } from '../model/tensor.ts';
import { candidatesOf } from './candidates.ts';
import { type OnnxGraph, parseOnnx } from './graph.ts';
import { ModelProtoSchema, type TensorProto, TensorProto_DataLocation, type ValueInfoProto } from './proto/onnx_pb.js';
import { externalBytes, type OnnxTensor } from './tensor.ts';

/** External data of a model at a width. */
export interface NewExternalData {
  /** Where what began at a byte of an old file begins in the new one. */
  placeOf(location: string, offset: number): number;
  /** The bytes of the new file, where the model is to hold them itself. */
  readonly embed?: (location: string, begin: number, end: number) => Uint8Array;
}

/**
 * An ONNX model with other numbers in its tensors, and other sizes where these have them.
 *
 * @param bytes the model's file; what stands where its tensors are does not matter
 * @param file what messages call it
 * @param tensors the new tensors by name
 * @throws HermError `TOO_LARGE` beyond what protobuf can hold
 */
export function resizeOnnx(
  bytes: Uint8Array,
  file: string,
  tensors: ReadonlyMap<string, Tensor>,
  external: NewExternalData,
): Uint8Array {
  const graph = parseOnnx(bytes, file);
  const resized = new Map<string, readonly bigint[]>();
  for (const constant of graph.constants.values()) {
    const tensor = tensors.get(constant.name);
    if (tensor === undefined) continue;
    if (setShape(constant.proto, tensor.shape)) resized.set(constant.name, constant.proto.dims);
    if (constant.external === undefined) setRaw(constant.proto, tensor.data);
  }
  for (const tensor of graph.external) {
    // Tensors of inner graphs may have the same names.
    const isOwn = graph.constants.get(tensor.name) === tensor;
    moveExternal(tensor, isOwn ? tensors.get(tensor.name) : undefined, external, file);
  }
  updateValueInfo(graph, resized);
  try {
    return toBinary(ModelProtoSchema, graph.model);
  } catch (cause) {
    const why = `${file} cannot be written as one file: it is larger than protobuf allows. Name a directory instead.`;
    throw new HermError('TOO_LARGE', why, { file }, { cause });
  }
}

/** @returns whether it had another shape; dimensions of 1 around those that blocks know stay. */
function setShape(proto: TensorProto, shape: readonly number[]): boolean {
  const before = proto.dims;
  const sizes = shape.map(BigInt);
  if (sizes.length === before.length) proto.dims = sizes;
  // A bias has one dimension that may be longer than 1; the first two of a kernel are its matrix.
  else if (sizes.length === 1) proto.dims = before.map((size) => (size === 1n ? size : sizes[0]!));
  else proto.dims = [...sizes, ...before.slice(sizes.length)];
  return proto.dims.some((size, axis) => size !== before[axis]);
}

function setRaw(proto: TensorProto, data: Uint8Array): void {
  [proto.floatData, proto.doubleData] = [[], []];
  proto.rawData = data;
}

function moveExternal(old: OnnxTensor, tensor: Tensor | undefined, to: NewExternalData, file: string): void {
  const { proto, external } = old;
  const { location, offset } = external!;
  const begin = to.placeOf(location, offset);
  if (to.embed !== undefined) {
    setRaw(proto, tensor?.data ?? to.embed(location, begin, begin + externalBytes(old, file)));
    proto.externalData = [];
    proto.dataLocation = TensorProto_DataLocation.DEFAULT;
    return;
  }
  for (const entry of proto.externalData) {
    if (entry.key === 'offset') entry.value = String(begin);
    if (entry.key === 'length' && tensor !== undefined) entry.value = String(tensor.data.byteLength);
  }
  // A digest of the whole old file.
  proto.externalData = proto.externalData.filter(({ key }) => key !== 'checksum');
}

/** Shapes that the graph's lists say: those of resized constants change, hidden ones are left to be inferred. */
function updateValueInfo(graph: OnnxGraph, resized: ReadonlyMap<string, readonly bigint[]>): void {
  const proto = graph.model.graph!;
  const hidden = new Set(
    candidatesOf(graph).flatMap((one) => ('hidden' in one && resized.has(one.first.weight.name) ? one.hidden : [])),
  );
  proto.valueInfo = proto.valueInfo.filter(({ name }) => !hidden.has(name));
  for (const info of [...proto.valueInfo, ...proto.input]) {
    const dims = resized.get(info.name);
    if (dims !== undefined) setDims(info, dims);
  }
}

function setDims({ type }: ValueInfoProto, dims: readonly bigint[]): void {
  if (type?.value.case !== 'tensorType') return;
  for (const [axis, { value }] of (type.value.value.shape?.dim ?? []).entries()) {
    if (value.case === 'dimValue') value.value = dims[axis] ?? value.value;
  }
}
