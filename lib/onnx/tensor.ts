import { HermError, type HermErrorCode } from '../errors.ts';
import { quoteName } from '../model/messages.ts';
import { isFloatDType, type TensorInfo, tensorBytes, toFloat64 } from '../model/tensor.ts';
import type { Payload } from './payload.ts';
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType } from './proto/onnx_pb.js';

/** Numbers of a tensor that stand in another file. */
export interface ExternalData {
  /** Relative to the model's directory. */
  readonly location: string;
  readonly offset: number;
  /** Undefined: as many bytes as the tensor needs. */
  readonly length: number | undefined;
}

/** A constant of a graph: an initializer, or the value of a Constant node. */
export interface OnnxTensor {
  readonly name: string;
  readonly proto: TensorProto;
  /** A dtype of safetensors; undefined where it has none for it, such as strings. */
  readonly dtype: string | undefined;
  readonly shape: readonly number[];
  /** Where its numbers stand in the model's file, if they are there as they are. */
  readonly payload: Payload | undefined;
  readonly external: ExternalData | undefined;
}

/** What safetensors calls the types of ONNX whose elements fill bytes. */
const DTYPES: ReadonlyMap<number, string> = new Map([
  [TensorProto_DataType.FLOAT, 'F32'],
  [TensorProto_DataType.UINT8, 'U8'],
  [TensorProto_DataType.INT8, 'I8'],
  [TensorProto_DataType.UINT16, 'U16'],
  [TensorProto_DataType.INT16, 'I16'],
  [TensorProto_DataType.INT32, 'I32'],
  [TensorProto_DataType.INT64, 'I64'],
  [TensorProto_DataType.BOOL, 'BOOL'],
  [TensorProto_DataType.FLOAT16, 'F16'],
  [TensorProto_DataType.DOUBLE, 'F64'],
  [TensorProto_DataType.UINT32, 'U32'],
  [TensorProto_DataType.UINT64, 'U64'],
  [TensorProto_DataType.BFLOAT16, 'BF16'],
]);
/** More dimensions than a .herm file takes. */
const MAX_RANK = 64;

/** An error about a tensor of a model. */
export function tensorError(
  code: HermErrorCode,
  file: string,
  tensor: string,
  why: string,
  cause?: unknown,
): HermError {
  const message = `${file} is not a valid ONNX model: tensor ${quoteName(tensor)} ${why}. Export it again.`;
  return new HermError(code, message, { file, tensor }, cause === undefined ? undefined : { cause });
}

/** @throws HermError `ONNX_TENSOR` for dimensions or data that cannot be right, `ONNX_EXTERNAL`. */
export function readTensorProto(
  proto: TensorProto,
  name: string,
  payload: Payload | undefined,
  file: string,
): OnnxTensor {
  const shape = proto.dims.map((size) => {
    if (size >= 0n && size <= Number.MAX_SAFE_INTEGER) return Number(size);
    throw tensorError('ONNX_TENSOR', file, name, `has the dimension ${size}`);
  });
  const dtype = shape.length > MAX_RANK ? undefined : DTYPES.get(proto.dataType);
  const external = externalOf(proto, name, file);
  const tensor = { name, proto, dtype, shape, payload: external === undefined ? payload : undefined, external };
  checkSize(tensor, file);
  return tensor;
}

function checkSize(tensor: OnnxTensor, file: string): void {
  const { name, dtype, payload, external } = tensor;
  if (dtype === undefined) return;
  const bytes = bytesOf(tensor, file);
  const found = external === undefined ? payload && payload.end - payload.begin : external.length;
  if (found === undefined || found === bytes) return;
  const why = `has ${found} bytes of data, but its ${dtype} [${tensor.shape.join(', ')}] needs ${bytes}`;
  throw tensorError('ONNX_TENSOR', file, name, why);
}

/** What the numbers of a tensor take whose dtype is known. */
export function bytesOf({ name, dtype, shape }: OnnxTensor, file: string): number {
  return tensorBytes(dtype!, shape, (_, why) => tensorError('ONNX_TENSOR', file, name, why));
}

function externalOf({ dataLocation, externalData }: TensorProto, name: string, file: string): ExternalData | undefined {
  if (dataLocation !== TensorProto_DataLocation.EXTERNAL) return undefined;
  const entries = new Map(externalData.map(({ key, value }) => [key, value]));
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    throw tensorError('ONNX_EXTERNAL', file, name, `has external data with the ${key} ${quoteName(text)}`);
  };
  const location = entries.get('location');
  if (location === undefined) throw tensorError('ONNX_EXTERNAL', file, name, 'has external data without a location');
  return { location, offset: number('offset') ?? 0, length: number('length') };
}

/**
 * Bytes of a tensor's external data.
 *
 * @throws HermError `ONNX_EXTERNAL` where it says no length and its type has elements of no whole bytes.
 */
export function externalBytes(tensor: OnnxTensor, file: string): number {
  const { name, dtype, external } = tensor;
  if (external!.length !== undefined) return external!.length;
  if (dtype !== undefined) return bytesOf(tensor, file);
  throw tensorError('ONNX_EXTERNAL', file, name, 'has external data without a length');
}

/** Scalars and short lists of a graph's own (shapes, axes) stay with it; what is worth a place of its own does not. */
const MIN_BYTES = 256;

/** What a model's list of tensors says of one, counted from the start of its file; undefined if it has no place there. */
export function infoOf(tensor: OnnxTensor, file: string): TensorInfo | undefined {
  const { name, dtype, shape, payload, external } = tensor;
  if (dtype === undefined) return undefined;
  const bytes = bytesOf(tensor, file);
  const begin = external?.offset ?? payload?.begin;
  if (begin === undefined || bytes === 0) return undefined;
  const isNamed = isFloatDType(dtype) ? shape.length > 0 : bytes >= MIN_BYTES;
  return isNamed || external !== undefined ? { name, dtype, shape, begin, end: begin + bytes } : undefined;
}

/** The value of a tensor of one floating-point number; undefined of any other tensor. */
export function scalarOf({ name, proto, dtype, shape, external }: OnnxTensor): number | undefined {
  if (dtype === undefined || !isFloatDType(dtype) || shape.some((size) => size !== 1) || external !== undefined) {
    return undefined;
  }
  if (proto.rawData.byteLength > 0) return toFloat64({ name, dtype, shape: [1], data: proto.rawData })[0];
  // Half precision stands in the lower half of a 32-bit number.
  const data = Uint8Array.of((proto.int32Data[0] ?? 0) & 0xff, ((proto.int32Data[0] ?? 0) >> 8) & 0xff);
  if (dtype === 'F32') return proto.floatData[0];
  if (dtype === 'F64') return proto.doubleData[0];
  return proto.int32Data.length === 1 ? toFloat64({ name, dtype, shape: [1], data })[0] : undefined;
}
