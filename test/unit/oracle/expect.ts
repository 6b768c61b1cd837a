import { expect } from 'vitest';
import type { Matrix } from './matrix.ts';

/** The same shape, and every entry within `tolerance`; NaN is not. */
export function expectClose(actual: Matrix, expected: Matrix, tolerance = 1e-12): void {
  expect(actual.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  const distances = actual.flatMap((row, i) => row.map((value, j) => Math.abs(value - expected[i]![j]!)));
  expect(Math.max(0, ...distances)).toBeLessThanOrEqual(tolerance);
}
