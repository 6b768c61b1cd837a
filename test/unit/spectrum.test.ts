import { describe, expect, it } from 'vitest';
import { leaveAlone, randomCondition, spreadOf, weightSpectrum } from '../../lib/analysis/spectrum.ts';
import { doubles } from '../../lib/herm/certificate.ts';
import { Random } from '../format/support/random.ts';

const matrix = (rows: readonly (readonly number[])[]) =>
  doubles(Float64Array.from(rows.flat()), rows.length, rows[0]!.length);
const gaussian = (rows: number, cols: number, random: Random) =>
  matrix(Array.from({ length: rows }, () => Array.from({ length: cols }, () => random.gauss())));

describe('spectra of weights', () => {
  it('have the singular values of the matrix, whatever its scale and orientation', async () => {
    const rows = [[3, 0], [4, 5]]; // biome-ignore format: rows
    for (const factor of [1, 1e-6]) {
      const scaled = matrix(rows.map((row) => row.map((value) => factor * value)));
      for (const transposed of [false, true]) {
        const { values, condition } = await weightSpectrum('w', { ...scaled, transposed });
        expect(values[0]! / factor).toBeCloseTo(Math.sqrt(45), 12);
        expect(values[1]! / factor).toBeCloseTo(Math.sqrt(5), 12);
        expect(condition).toBeCloseTo(3, 12);
      }
    }
  });

  it('call a matrix without full rank infinitely ill-conditioned', async () => {
    const spectrum = await weightSpectrum('w', matrix([[1, 2, 3], [2, 4, 6]])); // biome-ignore format: rows
    expect(spectrum.condition).toBe(Number.POSITIVE_INFINITY);
    expect(spectrum.stableRank).toBeCloseTo(1, 12);
    expect(await weightSpectrum('zeros', matrix([[0, 0]]))).toMatchObject({ effectiveRank: 0, stableRank: 0 });
    await expect(weightSpectrum('w', matrix([[Number.NaN]]))).rejects.toMatchObject({ code: 'NON_FINITE' });
  });

  it('count equal values as what they are', () => {
    expect(spreadOf(Float64Array.of(2, 2, 2, 0))).toEqual({ effectiveRank: expect.closeTo(3, 12), stableRank: 3 });
    expect(spreadOf(Float64Array.of(4, 1)).effectiveRank).toBeCloseTo(
      Math.exp(-0.8 * Math.log(0.8) - 0.2 * Math.log(0.2)),
    );
  });

  it('tell what a random matrix of the same shape has', async () => {
    const random = new Random(5);
    const tall = await weightSpectrum('w', gaussian(400, 100, random));
    expect(tall.randomCondition).toBeCloseTo(3, 12);
    expect(Math.abs(Math.log(tall.condition / tall.randomCondition))).toBeLessThan(0.1);
    const logs = await Promise.all(
      Array.from({ length: 60 }, async () => Math.log((await weightSpectrum('w', gaussian(30, 30, random))).condition)),
    );
    const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
    // The standard deviation of ln κ is about 1.2, that of a mean of 60 about 0.16.
    expect(Math.abs(mean - Math.log(randomCondition(30, 30)))).toBeLessThan(0.6);
  });

  it('suggest to leave alone the half of the largest condition numbers', () => {
    const tensors = [3, Number.POSITIVE_INFINITY, 9, 5, Number.POSITIVE_INFINITY].map((condition, n) => ({ tensor: `w${n}`, condition })); // biome-ignore format: one list
    expect(leaveAlone(tensors)).toEqual(['w1', 'w4']);
    expect(leaveAlone(tensors.slice(0, 1))).toEqual([]);
  });
});
