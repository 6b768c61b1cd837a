import { corrupt } from './corrupt.ts';

/** A floating-point format of weights. Its numbers are computed with as doubles, which hold all of them exactly. */
export interface FloatFormat {
  readonly bytes: number;
  /** Bits of the mantissa that are stored. */
  readonly mantissa: number;
  readonly bias: number;
  read(view: DataView, at: number): number;
  write(view: DataView, at: number, value: number): void;
}

/** Numbers of one format. */
export type Numbers = Float64Array | Float32Array;

export function emptyNumbers({ bytes }: FloatFormat, length: number): Numbers {
  return bytes === 8 ? new Float64Array(length) : new Float32Array(length);
}

export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16';

export const FLOAT_FORMATS: Readonly<Record<FloatDtype, FloatFormat>> = {
  F64: {
    bytes: 8,
    mantissa: 52,
    bias: 1023,
    read: (view, at) => view.getFloat64(at, true),
    write: (view, at, value) => view.setFloat64(at, value, true),
  },
  F32: {
    bytes: 4,
    mantissa: 23,
    bias: 127,
    read: (view, at) => view.getFloat32(at, true),
    write: (view, at, value) => view.setFloat32(at, value, true),
  },
  F16: {
    bytes: 2,
    mantissa: 10,
    bias: 15,
    read: (view, at) => fromHalf(view.getUint16(at, true)),
    write: (view, at, value) => view.setUint16(at, toHalf(value), true),
  },
  BF16: {
    bytes: 2,
    mantissa: 7,
    bias: 127,
    read: (view, at) => fromUpperHalf(view.getUint16(at, true)),
    write: (view, at, value) => view.setUint16(at, upperHalf(value), true),
  },
};

export function floatFormat(dtype: string): FloatFormat {
  if (!Object.hasOwn(FLOAT_FORMATS, dtype)) throw corrupt(`${dtype} is no format of weights`);
  return FLOAT_FORMATS[dtype as FloatDtype];
}

const scratch = new DataView(new ArrayBuffer(8));

/** The exponent of a double without its sign: ⌊log2 |value|⌋; −1023 for 0 and denormal doubles, 1024 for infinity. */
export function exponentOf(value: number): number {
  scratch.setFloat64(0, value);
  return ((scratch.getUint16(0) >> 4) & 0x7ff) - 1023;
}

const LOWEST_POWER = -1074;
const POWERS = (() => {
  const powers = [Number.MIN_VALUE];
  while (powers.length <= 1023 - LOWEST_POWER) powers.push(powers.at(-1)! * 2);
  return Float64Array.from(powers);
})();

/** 2^exponent, from −1074 to 1023: `**` need not be exact. */
export function powerOfTwo(exponent: number): number {
  return POWERS[exponent - LOWEST_POWER]!;
}

export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  let magnitude: number;
  if (exponent === 0x1f) magnitude = fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  else magnitude = exponent === 0 ? fraction * powerOfTwo(-24) : (1024 + fraction) * powerOfTwo(exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** Of a finite half-precision number. */
function toHalf(value: number): number {
  const sign = isNegative(value) ? 0x8000 : 0;
  const exponent = Math.max(exponentOf(value), -14);
  // The implicit bit of a number that is no denormal adds one to the exponent's field.
  return sign | ((exponent + 14) * 1024 + Math.abs(value) / powerOfTwo(exponent - 10));
}

function fromUpperHalf(bits: number): number {
  scratch.setUint32(0, bits * 2 ** 16);
  return scratch.getFloat32(0);
}

function upperHalf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint16(0);
}

export function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}
