import { corrupt } from './corrupt.ts';
import { PROBABILITY_TOTAL, type SymbolSource } from './rans.ts';

/** The highest bits of a choice are a symbol; below them there are plain bits. */
const SYMBOL_BITS = 11;

/** One of the whole numbers from `first` to `last`, both below 2^53 in size, all of them equally likely. */
export function choose(coder: SymbolSource, state: number, first: number, last: number): number {
  const span = last - first;
  if (span === 0) return first;
  // Of doubles there may be 2^54 cells.
  if (!Number.isSafeInteger(span)) return chooseWide(coder, state, BigInt(first), BigInt(last));
  const low = Math.max(0, bitWidth(span) - SYMBOL_BITS);
  const high = uniform(coder, state, Math.floor(span / 2 ** low) + 1);
  const index = high * 2 ** low + coder.bits(low);
  if (index > span) throw noChoice();
  return first + index;
}

function chooseWide(coder: SymbolSource, state: number, first: bigint, last: bigint): number {
  const span = last - first;
  const low = span.toString(2).length - SYMBOL_BITS;
  const high = uniform(coder, state, Number(span >> BigInt(low)) + 1);
  const index = (BigInt(high) << BigInt(low)) | BigInt(coder.bits(low));
  if (index > span) throw noChoice();
  return Number(first + index);
}

/** One of n equally likely numbers from 0 on, as a symbol. */
function uniform(coder: SymbolSource, state: number, n: number): number {
  const value = Math.floor(((coder.slot(state) + 1) * n - 1) / PROBABILITY_TOTAL);
  const start = Math.floor((value * PROBABILITY_TOTAL) / n);
  coder.take(state, start, Math.floor(((value + 1) * PROBABILITY_TOTAL) / n) - start);
  return value;
}

function noChoice() {
  return corrupt('a choice is none of those that there are');
}

/** Of a whole number from 0 to 2^53. */
export function bitWidth(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32));
}
