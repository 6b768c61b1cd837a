import { isNegative } from './float_format.ts';
import type { Grid } from './grid.ts';
import type { Interval } from './interval.ts';
import type { RansDecoder } from './rans.ts';
import { choose } from './uniform.ts';

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
  choose(coder: RansDecoder, state: number): { readonly cell: number; readonly negative: boolean } {
    const chosen = choose(coder, state, this.#first, this.#last);
    return chosen < 0 ? { cell: -1 - chosen, negative: true } : { cell: chosen, negative: false };
  }
}
