import type { AdaptiveModel } from './adaptive_model.ts';
import { Cells } from './cells.ts';
import { corrupt } from './corrupt.ts';
import type { FloatFormat } from './float_format.ts';
import { childInterval, holds, type Merging } from './interval.ts';
import { DEPTH_ESCAPE } from './lane_models.ts';
import type { RansDecoder } from './rans.ts';
import { bitWidth } from './uniform.ts';

/** Symbols of a followed child that may be 0. */
const IS_PLUS_ZERO = 1;
const IS_MINUS_ZERO = 2;

export interface FollowedContext {
  readonly format: FloatFormat;
  readonly merging: Merging;
  readonly zero: AdaptiveModel;
  readonly depth: AdaptiveModel;
  readonly state: number;
}

/** Which of the numbers that give its parent the followed child is, up to the sign of its coefficient. */
export function readFollowed(coder: RansDecoder, context: FollowedContext, parent: number): number {
  const { format, merging, zero, state } = context;
  const interval = childInterval(format, merging, parent);
  if (!interval) throw corrupt('no weight gives its parent');
  let y: number | undefined;
  if (holds(interval, 0) || holds(interval, -0)) {
    const symbol = zero.get(coder, state);
    if (symbol === IS_PLUS_ZERO) y = 0;
    if (symbol === IS_MINUS_ZERO) y = -0;
  }
  y ??= readPlace(coder, context, new Cells(merging.followedGrid, interval));
  if (!holds(interval, y)) throw corrupt('a weight does not give its parent');
  return y;
}

function readPlace(coder: RansDecoder, { depth, state }: FollowedContext, cells: Cells): number {
  const { cell, negative } = cells.choose(coder, state);
  let size = cells.grid.number(0, cell);
  if (cells.binade > 0) size = cell > 0 ? inside(coder, cells, cell) : nearZero(coder, depth, state, cells);
  return negative ? -size : size;
}

/** In a cell further out the numbers are told apart by so many bits as they have below its units. */
function inside(coder: RansDecoder, { grid, binade }: Cells, cell: number): number {
  const bits = Math.min(binade, grid.mantissa + 1 - bitWidth(cell));
  return grid.number(binade - bits, cell * 2 ** bits + coder.bits(bits));
}

/** In the cell at 0 (without it) there is a power of two, and a mantissa as far as there is room for one. */
function nearZero(coder: RansDecoder, model: AdaptiveModel, state: number, { grid, binade }: Cells): number {
  let depth = model.get(coder, state);
  if (depth === DEPTH_ESCAPE) depth = coder.bits(12);
  if (depth >= binade) throw corrupt('a weight is too small');
  const exponent = binade - depth - 1;
  const bits = Math.min(exponent, grid.mantissa);
  return grid.number(exponent - bits, 2 ** bits + coder.bits(bits));
}
