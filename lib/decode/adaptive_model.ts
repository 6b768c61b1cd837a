import { PROBABILITY_TOTAL, type SymbolSource } from './rans.ts';

const INCREMENT = 16;
/** Of so few symbols nothing is learnt yet. */
const LEAST_NEWS = 8 * 16 * INCREMENT;
const MOST_COUNTS = 2 ** 20;

/**
 * The probabilities of a symbol, learnt from those decoded so far: FORMAT.md, section 3. Counts grow symbol by symbol;
 * the shares follow them only in {@link settle}.
 */
export class AdaptiveModel {
  readonly #counts: number[];
  /** Where the share of each symbol starts; and where the last one ends. */
  readonly #starts: number[] = [];
  #total: number;
  #news = 0;

  constructor(prior: readonly number[]) {
    this.#counts = [...prior];
    this.#total = sum(prior);
    this.#share();
  }

  get(coder: SymbolSource, state: number): number {
    const slot = coder.slot(state);
    let symbol = 0;
    let beyond = this.#counts.length;
    while (beyond - symbol > 1) {
      const middle = (symbol + beyond) >> 1;
      if (this.#starts[middle]! <= slot) symbol = middle;
      else beyond = middle;
    }
    const start = this.#starts[symbol]!;
    coder.take(state, start, this.#starts[symbol + 1]! - start);
    this.#counts[symbol]! += INCREMENT;
    this.#total += INCREMENT;
    this.#news += INCREMENT;
    return symbol;
  }

  /** Ends a run: what was decoded since the last time is learnt, once it is an eighth of everything known. */
  settle(): void {
    if (this.#news * 8 < Math.max(this.#total, LEAST_NEWS)) return;
    if (this.#total > MOST_COUNTS) {
      this.#counts.forEach((count, symbol) => {
        this.#counts[symbol] = Math.ceil(count / 2);
      });
      this.#total = sum(this.#counts);
    }
    this.#share();
    this.#news = 0;
  }

  /** One unit for every symbol, the rest by counts; what rounding leaves goes to the first of the most frequent. */
  #share(): void {
    const spread = PROBABILITY_TOTAL - this.#counts.length;
    const sizes = this.#counts.map((count) => 1 + Math.floor((count * spread) / this.#total));
    const most = this.#counts.indexOf(Math.max(...this.#counts));
    sizes[most]! += PROBABILITY_TOTAL - sum(sizes);
    let start = 0;
    sizes.forEach((size, symbol) => {
      this.#starts[symbol] = start;
      start += size;
    });
    this.#starts[sizes.length] = start;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

export function flatPrior(size: number, count: number): number[] {
  return new Array<number>(size).fill(count);
}

/** `peak` in the middle, half as much every `halving` symbols away from it, at least 1. */
export function peakedPrior(size: number, middle: number, peak: number, halving: number): number[] {
  return Array.from({ length: size }, (_, symbol) => {
    const away = Math.floor(Math.abs(symbol - middle) / halving);
    return Math.max(1, away > 15 ? 0 : peak >> away);
  });
}
