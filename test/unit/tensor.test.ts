import { test as propertyTest } from '@fast-check/vitest';
import { getFloat16, setFloat16 } from '@petamoriken/float16';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DType, dtypeBits, dtypeBytes, fromFloat64, isFloatDType, toFloat64 } from '../../lib/model/tensor.ts';

const PATTERNS = 2 ** 16;
const everyPattern = new Uint8Array(Uint16Array.from({ length: PATTERNS }, (_, i) => i).buffer);

/** Oracles that share nothing with the code: a library for F16, the upper half of a binary32 for BF16. */
const ORACLES = {
  F16: (code: number): number => {
    const view = new DataView(new ArrayBuffer(2));
    view.setUint16(0, code);
    return getFloat16(view, 0);
  },
  BF16: (code: number): number => new Float32Array(Uint32Array.of(code * PATTERNS).buffer)[0]!,
} as const;
const HALVES = ['F16', 'BF16'] as const;
/** The finite positive patterns run from 0 up to the one before infinity. */
const INFINITY_CODE = { F16: 0x7c00, BF16: 0x7f80 } as const;
const QUIET_NAN = { F16: 0x7e00, BF16: 0x7fc0 } as const;

const decodeAll = (dtype: DType): Float64Array =>
  toFloat64({ name: 'all', dtype, shape: [PATTERNS], data: everyPattern });

function encode(dtype: 'F16' | 'BF16', values: readonly number[]): number[] {
  const { data } = fromFloat64(values, dtype, 't', [values.length]);
  return Array.from(values, (_, i) => data[2 * i]! + 256 * data[2 * i + 1]!);
}

/** The binary64 next to a positive x. */
function neighbour(x: number, step: 1n | -1n): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + step);
  return view.getFloat64(0);
}

describe.each(HALVES)('%s', (dtype) => {
  test('decodes all 65,536 patterns to the exact value', () => {
    const decoded = decodeAll(dtype);
    const wrong = Array.from(decoded.keys()).filter((code) => !Object.is(decoded[code], ORACLES[dtype](code)));
    expect(wrong).toEqual([]);
  });

  test('encodes every value that it can hold to its own pattern, and NaN to the quiet NaN', () => {
    const decoded = decodeAll(dtype);
    const expected = Array.from(decoded, (value, code) => (Number.isNaN(value) ? QUIET_NAN[dtype] : code));
    expect(encode(dtype, [...decoded])).toEqual(expected);
  });

  test('rounds to nearest around the midpoint of every two neighbours, ties to even, of either sign', () => {
    const decoded = decodeAll(dtype);
    const codes = Array.from({ length: INFINITY_CODE[dtype] }, (_, code) => code);
    // Beyond the largest finite value, the next step of the grid decides what becomes infinity.
    const above = (code: number): number =>
      code + 1 === INFINITY_CODE[dtype] ? 2 * decoded[code]! - decoded[code - 1]! : decoded[code + 1]!;
    const midpoints = codes.map((code) => (decoded[code]! + above(code)) / 2);
    expect(encode(dtype, midpoints)).toEqual(codes.map((code) => code + (code % 2)));
    expect(
      encode(
        dtype,
        midpoints.map((x) => neighbour(x, -1n)),
      ),
    ).toEqual(codes);
    expect(
      encode(
        dtype,
        midpoints.map((x) => neighbour(x, 1n)),
      ),
    ).toEqual(codes.map((code) => code + 1));
    expect(
      encode(
        dtype,
        midpoints.map((x) => -x),
      ),
    ).toEqual(codes.map((code) => 0x8000 + code + (code % 2)));
  });

  test('encodes zeros, infinities, and what is too small or too large', () => {
    const values = [
      0,
      -0,
      Infinity,
      -Infinity,
      Number.MIN_VALUE,
      -Number.MIN_VALUE,
      Number.MAX_VALUE,
      -Number.MAX_VALUE,
    ];
    const infinity = INFINITY_CODE[dtype];
    expect(encode(dtype, values)).toEqual([
      0,
      0x8000,
      infinity,
      0x8000 + infinity,
      0,
      0x8000,
      infinity,
      0x8000 + infinity,
    ]);
  });
});

describe('rounding of any number', () => {
  propertyTest.prop([fc.double({ noNaN: true })], { seed: 20, numRuns: 2000 })(
    'F16 agrees with an independent library',
    (x) => {
      const view = new DataView(new ArrayBuffer(2));
      setFloat16(view, 0, x);
      expect(encode('F16', [x])).toEqual([view.getUint16(0)]);
    },
  );

  propertyTest.prop([fc.double({ noNaN: true, min: -1e5, max: 1e5 })], { seed: 21, numRuns: 2000 })(
    'F16 agrees with an independent library in the range of F16',
    (x) => {
      const view = new DataView(new ArrayBuffer(2));
      setFloat16(view, 0, x);
      expect(encode('F16', [x])).toEqual([view.getUint16(0)]);
    },
  );

  propertyTest.prop([fc.double({ noNaN: true, min: -3e38, max: 3e38 })], { seed: 22, numRuns: 2000 })(
    'BF16 gives a value than which no neighbour is nearer',
    (x) => {
      const [code] = encode('BF16', [x]);
      const distance = (other: number): number => Math.abs(ORACLES.BF16(other) - x);
      // The pattern next to infinity stands for no finite value, and the one below a zero is of the other sign.
      for (const other of [code! + 1, code! - 1]) {
        if (Number.isFinite(ORACLES.BF16(other))) expect(distance(code!)).toBeLessThanOrEqual(distance(other));
      }
    },
  );

  propertyTest.prop([fc.array(fc.double())], { seed: 23 })(
    'F64 keeps every bit, F32 rounds as Math.fround',
    (values) => {
      const shape = [values.length];
      expect([...toFloat64(fromFloat64(values, 'F64', 't', shape))]).toEqual(values);
      expect([...toFloat64(fromFloat64(values, 'F32', 't', shape))]).toEqual(values.map(Math.fround));
    },
  );

  propertyTest.prop([fc.constantFrom('F64', 'F32', ...HALVES), fc.array(fc.double())], { seed: 24 })(
    'rounding twice changes nothing',
    (dtype, values) => {
      const once = fromFloat64(values, dtype, 't', [values.length]);
      const twice = fromFloat64(toFloat64(once), dtype, 't', [values.length]);
      expect(twice.data).toEqual(once.data);
    },
  );
});

describe('tensors', () => {
  test.each(['F64', 'F32', ...HALVES] as const)('%s is read from an unaligned place in a larger buffer', (dtype) => {
    const { data } = fromFloat64([1.5, -2, 0.25], dtype, 't', [3]);
    const shifted = new Uint8Array(data.byteLength + 6).fill(0xee);
    shifted.set(data, 3);
    const tensor = { name: 't', dtype, shape: [3], data: shifted.subarray(3, 3 + data.byteLength) };
    expect([...toFloat64(tensor)]).toEqual([1.5, -2, 0.25]);
  });

  test('bytes are little-endian whatever the machine', () => {
    expect([...fromFloat64([1], 'F32', 't', []).data]).toEqual([0, 0, 0x80, 0x3f]);
    expect([...fromFloat64([1], 'BF16', 't', []).data]).toEqual([0x80, 0x3f]);
  });

  test('a scalar has one value and an empty tensor none', () => {
    expect([...toFloat64(fromFloat64([7], 'F32', 't', []))]).toEqual([7]);
    expect([...toFloat64(fromFloat64([], 'F32', 't', [3, 0, 2]))]).toEqual([]);
  });

  test('values that do not fit the shape are refused', () => {
    expect(() => fromFloat64([1, 2, 3], 'F32', 'w', [2, 2])).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining('"w" needs 4 values') }),
    );
    const data = new Uint8Array(7);
    expect(() => toFloat64({ name: 'w', dtype: 'F32', shape: [2], data })).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining('"w" needs 8 bytes') }),
    );
    expect(() => fromFloat64([], 'F32', 'w', [-1])).toThrow(expect.objectContaining({ code: 'SAFETENSORS_SHAPE' }));
  });

  test('only floating types have values', () => {
    const tensor = { name: 'ids', dtype: 'I64', shape: [1], data: new Uint8Array(8) };
    expect(() => toFloat64(tensor)).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining('"ids" has dtype I64') }),
    );
    expect(['F64', 'F32', 'F16', 'BF16'].every(isFloatDType)).toBe(true);
    expect(['F8_E4M3', 'C64', 'I32', 'f32', ''].some(isFloatDType)).toBe(false);
  });

  test('element sizes are in bits, and unknown types have none', () => {
    expect(['F4', 'F6_E3M2', 'BOOL', 'BF16', 'F32', 'C64', 'constructor'].map(dtypeBits)).toEqual([
      4,
      6,
      8,
      16,
      32,
      64,
      undefined,
    ]);
    expect((['F64', 'F32', 'F16', 'BF16'] as const).map(dtypeBytes)).toEqual([8, 4, 2, 2]);
  });
});
