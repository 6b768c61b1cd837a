import { type FloatFormat, isNegative } from './float_format.ts';
import type { Grid } from './grid.ts';

/** Numbers of a grid from `low` to `high`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The order of a grid's numbers: −0 just before +0. */
export function isBefore(a: number, b: number): boolean {
  return a < b || (a === 0 && b === 0 && isNegative(a) && !isNegative(b));
}

export function holds({ low, high }: Interval, value: number): boolean {
  return !isBefore(value, low) && !isBefore(high, value);
}

/** One number of one merge: how the parent follows from its children. */
export interface Merging {
  /** |a| of the followed child: intervals are those of y = sgn(a)·x, in which the parent never falls. */
  readonly followed: number;
  /** The coded child times its coefficient. */
  readonly coded: number;
  readonly parentGrid: Grid;
  readonly followedGrid: Grid;
}

/** a·x in double, finite: only doubles times large coefficients are not. */
export function scaled(format: FloatFormat, a: number, x: number): number {
  const product = a * x;
  if (format.bytes < 8) return product;
  return Math.min(Math.max(product, -Number.MAX_VALUE), Number.MAX_VALUE);
}

/** All y that give this parent; undefined where none does. */
export function childInterval(format: FloatFormat, merging: Merging, parent: number): Interval | undefined {
  const { followed, coded, parentGrid, followedGrid } = merging;
  const target = parentGrid.truncated(parent);
  const parentOf = (y: number) => parentGrid.round(scaled(format, followed, y) + coded);
  const estimate = followedGrid.round(estimatedChild(merging, parent));
  const low = firstWhere(followedGrid, estimate, (y) => !isBefore(parentOf(y), target));
  if (low === undefined || isBefore(target, parentOf(low))) return undefined;
  const beyond = firstWhere(followedGrid, estimate, (y) => isBefore(target, parentOf(y)));
  return { low, high: beyond === undefined ? followedGrid.max : followedGrid.moved(beyond, -1) };
}

/** What parent and coded child say of y, not rounded: in the interval if there is one. */
export function nearestChild(format: FloatFormat, merging: Merging, parent: number): number {
  const nearest = merging.followedGrid.round(estimatedChild(merging, parent));
  const interval = childInterval(format, merging, parent);
  if (!interval) return nearest;
  if (isBefore(nearest, interval.low)) return interval.low;
  return isBefore(interval.high, nearest) ? interval.high : nearest;
}

function estimatedChild({ followed, coded }: Merging, parent: number): number {
  return (parent - coded) / followed;
}

/** The first number from which on `test` holds; undefined where it never does. Looks further and further from a guess. */
function firstWhere(grid: Grid, guess: number, test: (value: number) => boolean): number | undefined {
  let low = guess;
  let high = guess;
  for (let step = 1; !test(high); step *= 2) {
    if (high === grid.max) return undefined;
    low = high;
    high = grid.moved(high, step);
  }
  for (let step = 1; test(low); step *= 2) {
    if (low === -grid.max) return low;
    high = low;
    low = grid.moved(low, -step);
  }
  // The test fails at `low` and holds at `high`.
  for (;;) {
    const middle = grid.middle(low, high);
    if (Object.is(middle, low)) return high;
    if (test(middle)) high = middle;
    else low = middle;
  }
}
