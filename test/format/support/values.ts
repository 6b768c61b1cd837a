import { type DType, dtypeBytes } from '../../../lib/model/tensor.ts';
import type { NetworkOptions } from './network.ts';
import type { Random } from './random.ts';

type Values = NetworkOptions['values'];

const LIMITS: Readonly<Record<DType, { largest: number; smallest: number }>> = {
  F64: { largest: Number.MAX_VALUE, smallest: Number.MIN_VALUE },
  F32: { largest: (2 - 2 ** -23) * 2 ** 127, smallest: 2 ** -149 },
  F16: { largest: 65504, smallest: 2 ** -24 },
  BF16: { largest: (2 - 2 ** -7) * 2 ** 127, smallest: 2 ** -133 },
};

const many = (count: number, make: (index: number) => number) => Array.from({ length: count }, (_, n) => make(n));

export const gaussian: Values = (random, count) => many(count, () => random.gauss());

export const zeros: Values = (random, count) => many(count, () => (random.below(2) === 0 ? 0 : -0));

/** Powers of two: every mantissa bit is zero. */
export const powers: Values = (random, count) => many(count, () => random.pick([-2, -1, -0.5, 0.5, 1, 2]));

/** Zeros of both signs, denormals, the largest numbers, and ordinary ones. */
export const extremes: Values = (random, count, dtype) => {
  const { largest, smallest } = LIMITS[dtype];
  return many(count, () => {
    const special = [0, -0, smallest, -smallest, 3 * smallest, largest, -largest, largest / 2, 1, -1];
    return random.below(3) === 0 ? random.gauss() : random.pick(special);
  });
};

/** Rows of a picture: each number much like the one before it and the one a dozen before it. */
export const picture: Values = (random, count) => {
  const pixels: number[] = [];
  for (let n = 0; n < count; n++)
    pixels.push(0.5 * (pixels[n - 1] ?? 0) + 0.4 * (pixels[n - 12] ?? 0) + random.gauss());
  return pixels;
};

/** Few different numbers, so that many neurons are equal, scaled copies of each other, or zero. */
export const repeats: Values = (random, count) => {
  const period = 1 + random.below(4);
  const scales = many(count, () => random.pick([0, 1, 1, 2, -1]));
  return many(count, (n) => scales[Math.floor(n / period)]! * ((n % period) - 1));
};

/** Powers of a number near 1, by turns of either sign: all rows and all columns are multiples of each other, but for rounding. */
export const geometric: Values = (random, count) => {
  const base = 1 + random.unit() / 100;
  const sign = random.pick([1, -1]);
  return many(count, (n) => sign ** n * base ** n);
};

/** bfloat16 numbers, whatever the dtype that stores them. */
export const bfloat: Values = (random, count) =>
  many(count, () => {
    const word = new Uint32Array(1);
    new Float32Array(word.buffer)[0] = random.gauss();
    word[0]! &= 0xffff0000;
    return new Float32Array(word.buffer)[0]!;
  });

/** Any finite bit pattern. */
export function randomBits(random: Random, bytes: Uint8Array, dtype: DType): void {
  const size = dtypeBytes(dtype);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
  // The top exponent bit stands in the last byte of a little-endian number.
  for (let at = size - 1; at < bytes.length; at += size) bytes[at]! &= 0xbf;
}
