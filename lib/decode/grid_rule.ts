import type { FloatFormat } from './float_format.ts';
import { Grid } from './grid.ts';

/** Low bits of a tensor's format that its parents do without, beyond those that are 0 in the whole tensor. */
function guardBits(mantissa: number): number {
  const bits = mantissa >= 13 ? 3 : mantissa >= 9 ? 2 : 1;
  return Math.max(0, Math.min(bits, mantissa - 1));
}

/** On which grids the numbers of a tensor lie: FORMAT.md, section 6. */
export class GridRule {
  /** The grid of the tensor's own numbers. */
  readonly fine: Grid;
  readonly #format: FloatFormat;
  readonly #coarseBits: number;
  readonly #coarse = new Map<number, Grid>();

  constructor(format: FloatFormat, shift: number) {
    this.fine = new Grid(format, shift, 1);
    this.#format = format;
    this.#coarseBits = shift + guardBits(format.mantissa - shift);
  }

  /** Of an element of a lane. Floors are 0 where it lies among the tensor's own numbers. */
  of(laneFloor: number, elementShift: number, elementFloor: number): Grid {
    if (laneFloor === 0 && elementFloor === 0) return this.fine;
    let floor = elementFloor;
    if (laneFloor !== 0) {
      const moved = laneFloor + ((elementShift + 2) >> 2);
      floor = Math.max(floor, Math.min(Math.max(moved, 1), 2 * this.#format.bias));
    }
    return this.coarse(floor);
  }

  coarse(floor: number): Grid {
    let grid = this.#coarse.get(floor);
    if (!grid) {
      grid = new Grid(this.#format, this.#coarseBits, floor);
      this.#coarse.set(floor, grid);
    }
    return grid;
  }

  /**
   * Whether a grid differs from that of the tensor's own numbers: one without bits to spare and of the lowest floor
   * does not.
   */
  isCoarse(grid: Grid): boolean {
    return grid.mantissa !== this.fine.mantissa || grid.floor !== this.fine.floor;
  }
}
