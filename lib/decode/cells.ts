import { isNegative } from './float_format.ts';
import type { Grid } from './grid.ts';
import type { Interval } from './interval.ts';
import type { RansDecoder } from './rans.ts';

/** Choices that have a symbol of their own; below them there are plain bits. */
const CHOICE_BITS = 11;

/**
 * The numbers of an interval in cells of one size: a unit of the interval's end of larger magnitude. Nearer to zero
 * numbers lie closer together: a cell there holds many. Cells of either sign are counted from zero, as numbers are.
 */
export class Cells {
  readonly grid: Grid;
  /** How many binades the cells' size is above the smallest steps. */
  readonly binade: number;
  readonly #first: number;
  readonly #last: number;

  constructor(grid: Grid, { low, high }: Interval) {
    this.grid = grid;
    this.binade = grid.binade(Math.max(Math.abs(low), Math.abs(high)));
    this.#first = this.#cell(low);
    this.#last = this.#cell(high);
  }

  #cell(value: number): number {
    const cell = Math.floor(Math.abs(value) / this.grid.unit(this.binade));
    return isNegative(value) ? -1 - cell : cell;
  }

  /** One of the cells, all of which are equally likely: its place, counted from zero, and its sign. */
  choose(coder: RansDecoder, state: number): { readonly cell: number; readonly negative: boolean } | undefined {
    const chosen = chooseBetween(coder, state, this.#first, this.#last);
    if (chosen === undefined) return undefined;
    return chosen < 0 ? { cell: -1 - chosen, negative: true } : { cell: chosen, negative: false };
  }
}

/** A whole number from `first` to `last`, both below 2^53 in size. */
function chooseBetween(coder: RansDecoder, state: number, first: number, last: number): number | undefined {
  const span = last - first;
  if (span === 0) return first;
  // Of doubles there may be 2^54 cells.
  if (!Number.isSafeInteger(span)) return chooseWide(coder, state, BigInt(first), BigInt(last));
  const low = 2 ** Math.max(0, bitWidth(span) - CHOICE_BITS);
  const high = coder.uniform(state, Math.floor(span / low) + 1);
  const index = high * low + coder.bits(Math.log2(low));
  return index > span ? undefined : first + index;
}

function chooseWide(coder: RansDecoder, state: number, first: bigint, last: bigint): number | undefined {
  const span = last - first;
  const low = span.toString(2).length - CHOICE_BITS;
  const high = coder.uniform(state, Number(span >> BigInt(low)) + 1);
  const index = (BigInt(high) << BigInt(low)) | BigInt(coder.bits(low));
  return index > span ? undefined : Number(first + index);
}

/** Of a whole number from 0 to 2^53. */
export function bitWidth(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32));
}
