import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { quoteName } from './messages.ts';

/** The floating types whose values hermkit analyses; every other dtype passes through as bytes. */
export type DType = 'F64' | 'F32' | 'F16' | 'BF16';

/** Where a tensor lies: what a header says about it, without its bytes. */
export interface TensorInfo {
  readonly name: string;
  /** A dtype of the safetensors format. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data section. */
  readonly begin: number;
  /** One past the last byte, counted from the start of the data section. */
  readonly end: number;
}

/** A tensor with its bytes. */
export interface Tensor {
  readonly name: string;
  /** A dtype of the safetensors format. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Little-endian, row-major; may start at any address, so view it with a DataView or copy it first. */
  readonly data: Uint8Array;
}

/** Bits of one element, in the order in which the reference implementation ranks dtypes when it lays out a file. */
const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

/** Every dtype of the safetensors format, by increasing alignment as the reference implementation ranks them. */
export const ALL_DTYPES: readonly string[] = [...DTYPE_BITS.keys()];

const U64_MAX = 2n ** 64n - 1n;

export function isFloatDType(dtype: string): dtype is DType {
  return dtype === 'F64' || dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** For dtypes that have been checked. */
export function floatDType(dtype: string): DType {
  if (!isFloatDType(dtype)) throw new TypeError(`${dtype} is no floating type.`);
  return dtype;
}

/** Bits of one element (4 for `F4`, 6 for the `F6_…` types), or undefined for a dtype that the format does not have. */
export function dtypeBits(dtype: string): number | undefined {
  return DTYPE_BITS.get(dtype);
}

/** Bytes of one element of a floating type. */
export function dtypeBytes(dtype: DType): number {
  return DTYPE_BITS.get(dtype)! / 8;
}

/** Makes the error for what is wrong with a tensor; `why` continues a sentence that starts with its name. */
export type RefuseTensor = (code: 'SAFETENSORS_DTYPE' | 'SAFETENSORS_SHAPE', why: string) => HermError;

/** A {@link RefuseTensor} for a tensor in memory; for one in a file the message should name the file as well. */
export function refuseTensor(name: string): RefuseTensor {
  return (code, why) => new HermError(code, `Tensor ${quoteName(name)} ${why}.`, { tensor: name });
}

/**
 * Bytes of a tensor: product(shape)·bits/8.
 *
 * @throws what `refuse` makes: `SAFETENSORS_DTYPE` for a dtype that the format does not have; `SAFETENSORS_SHAPE` when
 * the product overflows 64 bits (as in the reference, factor by factor, so also before a later 0), when sub-byte elements
 * do not fill whole bytes, or when the result is no exact number.
 */
export function tensorBytes(dtype: string, shape: readonly number[], refuse: RefuseTensor): number {
  const bits = dtypeBits(dtype);
  if (bits === undefined) {
    throw refuse('SAFETENSORS_DTYPE', `has the unknown dtype ${quoteName(dtype)}; known are ${ALL_DTYPES.join(', ')}`);
  }
  const bad = (why: string): HermError =>
    refuse('SAFETENSORS_SHAPE', `has shape [${shape.join(', ')}] of ${dtype}, ${why}`);
  let product = 1n;
  for (const factor of [...shape, bits]) {
    if (!Number.isSafeInteger(factor) || factor < 0) throw bad(`but ${factor} is not a size`);
    product *= BigInt(factor);
    if (product > U64_MAX) throw bad('whose size overflows 64 bits');
  }
  if (product % 8n !== 0n) throw bad(`whose ${product} bits do not fill whole bytes`);
  const bytes = Number(product / 8n);
  if (!Number.isSafeInteger(bytes)) throw bad('which is larger than any file');
  return bytes;
}

/** A 16-bit floating format: 1 sign bit, then the exponent, then the mantissa. */
interface HalfFormat {
  readonly mantissaBits: number;
  readonly exponentMask: number;
  readonly bias: number;
}
const HALF_FORMATS: Readonly<Record<'F16' | 'BF16', HalfFormat>> = {
  F16: { mantissaBits: 10, exponentMask: 0x1f, bias: 15 },
  BF16: { mantissaBits: 7, exponentMask: 0xff, bias: 127 },
};

function decodeHalf(code: number, { mantissaBits, exponentMask, bias }: HalfFormat): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> mantissaBits) & exponentMask;
  const mantissa = code & (2 ** mantissaBits - 1);
  if (exponent === exponentMask) return mantissa === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (2 ** mantissaBits + mantissa) * 2 ** (exponent - bias - mantissaBits);
}

const scratch = new DataView(new ArrayBuffer(8));

/** Rounds to nearest, ties to even, straight from binary64: going through binary32 would round twice. */
function encodeHalf(value: number, { mantissaBits, exponentMask, bias }: HalfFormat): number {
  const infinity = exponentMask << mantissaBits;
  if (Number.isNaN(value)) return infinity | (1 << (mantissaBits - 1));
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  const sign = (high >>> 16) & 0x8000;
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, 1 - bias);
  if (exponent > bias) return sign | infinity;
  // Dividing by a power of two is exact here, so `scaled` holds all the bits that the rounding has to see.
  const scaled = Math.abs(value) / 2 ** (exponent - mantissaBits);
  const floor = Math.floor(scaled);
  const remainder = scaled - floor;
  const rounded = remainder > 0.5 || (remainder === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // Adding lets a mantissa that rounds up to 2^(mantissaBits+1) carry into the exponent, up to infinity.
  return sign | ((exponent + bias - 1) * 2 ** mantissaBits + rounded);
}

function checkSize(name: string, expected: number, actual: number, unit: string): void {
  if (expected === actual) return;
  throw new HermError(
    'BAD_ARGUMENT',
    `Tensor ${quoteName(name)} needs ${expected} ${unit} for its shape, but ${actual} were given.`,
  );
}

/**
 * The values of a floating tensor as binary64, row-major; exact, with subnormals, infinities, NaN and -0. For tests and
 * small uses: the kernels read tensor bytes themselves.
 *
 * @throws HermError `BAD_ARGUMENT` when the dtype is not a {@link DType} or the bytes do not fit the shape.
 */
export function toFloat64(tensor: Tensor): Float64Array {
  requireArguments({ tensor });
  const { name, dtype, shape, data } = tensor;
  if (!isFloatDType(dtype)) {
    throw new HermError(
      'BAD_ARGUMENT',
      `Tensor ${quoteName(name)} has dtype ${dtype}, not one of F64, F32, F16, BF16.`,
    );
  }
  checkSize(name, tensorBytes(dtype, shape, refuseTensor(name)), data.byteLength, 'bytes');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = dtypeBytes(dtype);
  const read = READERS[dtype];
  return Float64Array.from({ length: data.byteLength / width }, (_, i) => read(view, i * width));
}

/** The numbers that half-precision bit patterns stand for. */
export function halvesOf(bits: Uint16Array): Float64Array {
  const data = new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
  return toFloat64({ name: 'halves', dtype: 'F16', shape: [bits.length], data });
}

/** One value of each floating type at a byte offset. */
export const READERS: Readonly<Record<DType, (view: DataView, offset: number) => number>> = {
  F64: (view, offset) => view.getFloat64(offset, true),
  F32: (view, offset) => view.getFloat32(offset, true),
  F16: (view, offset) => decodeHalf(view.getUint16(offset, true), HALF_FORMATS.F16),
  BF16: (view, offset) => decodeHalf(view.getUint16(offset, true), HALF_FORMATS.BF16),
};

/** The same to write it, rounded to nearest, ties to even. */
export const WRITERS: Readonly<Record<DType, (view: DataView, offset: number, value: number) => void>> = {
  F64: (view, offset, value) => view.setFloat64(offset, value, true),
  F32: (view, offset, value) => view.setFloat32(offset, value, true),
  F16: (view, offset, value) => view.setUint16(offset, encodeHalf(value, HALF_FORMATS.F16), true),
  BF16: (view, offset, value) => view.setUint16(offset, encodeHalf(value, HALF_FORMATS.BF16), true),
};

/**
 * A tensor of `values` (row-major), each rounded to nearest, ties to even; NaN becomes the quiet NaN.
 *
 * @throws HermError `BAD_ARGUMENT` when the number of values does not fit the shape, `SAFETENSORS_SHAPE` when the shape
 * is not one.
 */
export function fromFloat64(values: ArrayLike<number>, dtype: DType, name: string, shape: readonly number[]): Tensor {
  requireArguments({ values, shape });
  const width = dtypeBytes(dtype);
  checkSize(name, tensorBytes(dtype, shape, refuseTensor(name)) / width, values.length, 'values');
  const data = new Uint8Array(values.length * width);
  const view = new DataView(data.buffer);
  const write = WRITERS[dtype];
  for (let i = 0; i < values.length; i++) write(view, i * width, values[i]!);
  return { name, dtype, shape: [...shape], data };
}
