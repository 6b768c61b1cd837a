import { corrupt } from './corrupt.ts';
import type { Grid } from './grid.ts';
import { LEVEL_ESCAPE, levelOfSymbol, MINUS_ZERO, PLUS_ZERO } from './lane_models.ts';
import type { SymbolSource } from './rans.ts';

const LEVEL_BITS = 13;

/** Levels of a grid: four for every power of two, and four equal parts of its evenly spaced numbers. */
export function levelOf(value: number, grid: Grid): number {
  const { binade, count } = grid.units(value);
  return 4 * (grid.floor - 1 + binade) + Math.floor(count / 2 ** (grid.mantissa - 2));
}

/** The number behind a symbol. `flip`: its sign is coded as the opposite. @throws HermError `HERM_CORRUPT` */
export function readNumber(coder: SymbolSource, symbol: number, grid: Grid, expected: number, flip: boolean): number {
  if (symbol === PLUS_ZERO) return 0;
  if (symbol === MINUS_ZERO) return -0;
  if (symbol === LEVEL_ESCAPE) {
    const code = coder.bits(LEVEL_BITS + 1);
    return numberAt(coder, code >> 1, code % 2 !== 0, grid);
  }
  const { level, negative } = levelOfSymbol(symbol);
  return numberAt(coder, expected + level, negative !== flip, grid);
}

function numberAt(coder: SymbolSource, level: number, negative: boolean, grid: Grid): number {
  const fourths = level - 4 * (grid.floor - 1);
  const below = Math.max(0, grid.mantissa - 2);
  const low = coder.bits(below);
  // Of the units of a number, the two bits below the highest tell the level; all of them where it is evenly spaced.
  const binade = Math.max(0, Math.floor(fourths / 4) - 1);
  const count = (fourths - 4 * binade) * 2 ** (grid.mantissa - 2) + low;
  if (fourths < 0 || binade > grid.highestBinade || !Number.isInteger(count)) {
    throw corrupt('a coded weight is no number of its format');
  }
  const size = grid.number(binade, count);
  return negative ? -size : size;
}
