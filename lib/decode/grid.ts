import { exponentOf, type FloatFormat, isNegative, powerOfTwo } from './float_format.ts';

/**
 * Numbers of a format with fewer mantissa bits, evenly spaced below a floor: FORMAT.md, section 6. They are held as
 * doubles, and they follow each other as −max … −0, +0 … max: −0 comes just before +0.
 *
 * A number is n units: the smallest steps of the grid times a power of two, the *binade*, 0 wherever numbers are evenly
 * spaced. Its *ordinal*, by which numbers are counted from +0 upwards, is n + binade · 2^mantissa.
 */
export class Grid {
  /** The largest finite number. */
  readonly max: number;
  /** The biased exponent below which numbers are evenly spaced. */
  readonly floor: number;
  /** Bits of the mantissa that the grid has. */
  readonly mantissa: number;
  /** log2 of the smallest step. */
  readonly #step: number;
  readonly #highestBinade: number;
  /** Of doubles, ordinals need 64 bits. */
  readonly #wide: boolean;
  /** The ordinal of `max`. */
  readonly #most: number;
  readonly #mostWide: bigint;

  /** `bits`: how many low bits of the format are 0. */
  constructor(format: FloatFormat, bits: number, floor: number) {
    this.floor = floor;
    this.mantissa = format.mantissa - bits;
    this.#step = floor - format.bias - this.mantissa;
    this.#highestBinade = 2 * format.bias - floor;
    this.#wide = format.bytes === 8;
    this.max = this.number(this.#highestBinade, 2 ** (this.mantissa + 1) - 1);
    this.#most = this.#ordinal(this.max);
    this.#mostWide = this.#wideOrdinal(this.max);
  }

  /** log2 of the units of a number in smallest steps. */
  binade(value: number): number {
    return Math.max(0, exponentOf(value) - this.mantissa - this.#step);
  }

  /** How far a number's unit is above the smallest steps, and how many of these units it is, rounded down. */
  units(value: number): { readonly binade: number; readonly count: number } {
    const binade = this.binade(value);
    return { binade, count: Math.floor(Math.abs(value) / this.unit(binade)) };
  }

  unit(binade: number): number {
    return powerOfTwo(this.#step + binade);
  }

  number(binade: number, count: number): number {
    return count * this.unit(binade);
  }

  /** The highest binade of a finite number. */
  get highestBinade(): number {
    return this.#highestBinade;
  }

  /** The number nearest to a value that is not NaN; ties to the even ordinal; the largest one for all beyond it. */
  round(value: number): number {
    const size = Math.abs(value);
    if (size >= this.max) return isNegative(value) ? -this.max : this.max;
    const binade = this.binade(size);
    const exact = size / this.unit(binade);
    let count = Math.floor(exact);
    const rest = exact - count;
    if (rest > 0.5 || (rest === 0.5 && this.#isOdd(binade, count))) count++;
    const rounded = Math.min(this.number(binade, count), this.max);
    return isNegative(value) ? -rounded : rounded;
  }

  /** The number next to a value towards zero. */
  truncated(value: number): number {
    const { binade, count } = this.units(value);
    return isNegative(value) ? -this.number(binade, count) : this.number(binade, count);
  }

  #isOdd(binade: number, count: number): boolean {
    // Only where there is no mantissa does the binade count.
    return (count + (this.mantissa === 0 ? binade : 0)) % 2 !== 0;
  }

  /** The number `by` places further on, at most to the ends. */
  moved(value: number, by: number): number {
    if (this.#wide) {
      const ordinal = this.#wideOrdinal(value) + BigInt(by);
      const most = this.#mostWide;
      return this.#atWide(ordinal > most ? most : ordinal < ~most ? ~most : ordinal);
    }
    const most = this.#most;
    return this.#at(Math.min(Math.max(this.#ordinal(value) + by, -1 - most), most));
  }

  /** The number a coded difference away; undefined where there is none. Those of doubles are taken modulo 2^64. */
  differing(value: number, by: number | bigint): number | undefined {
    if (this.#wide) {
      const ordinal = BigInt.asIntN(64, this.#wideOrdinal(value) + BigInt(by));
      const most = this.#mostWide;
      return ordinal > most || ordinal < ~most ? undefined : this.#atWide(ordinal);
    }
    const ordinal = this.#ordinal(value) + Number(by);
    const most = this.#most;
    return ordinal > most || ordinal < -1 - most ? undefined : this.#at(ordinal);
  }

  /** A number half-way between two others by place; the lower one where there is none in between. */
  middle(low: number, high: number): number {
    if (this.#wide) return this.#atWide((this.#wideOrdinal(low) + this.#wideOrdinal(high)) >> 1n);
    return this.#at(Math.floor((this.#ordinal(low) + this.#ordinal(high)) / 2));
  }

  #ordinal(value: number): number {
    const binade = this.binade(value);
    const steps = Math.floor(Math.abs(value) / this.unit(binade)) + binade * 2 ** this.mantissa;
    return isNegative(value) ? -1 - steps : steps;
  }

  #at(ordinal: number): number {
    const steps = ordinal < 0 ? -1 - ordinal : ordinal;
    const one = 2 ** this.mantissa;
    const binade = Math.max(0, Math.floor(steps / one) - 1);
    const size = this.number(binade, steps - binade * one);
    return ordinal < 0 ? -size : size;
  }

  #wideOrdinal(value: number): bigint {
    const { binade, count } = this.units(value);
    const steps = BigInt(count) + (BigInt(binade) << BigInt(this.mantissa));
    return isNegative(value) ? ~steps : steps;
  }

  #atWide(ordinal: bigint): number {
    const steps = ordinal < 0n ? ~ordinal : ordinal;
    const binade = Math.max(0, Number(steps >> BigInt(this.mantissa)) - 1);
    const size = this.number(binade, Number(steps - (BigInt(binade) << BigInt(this.mantissa))));
    return ordinal < 0n ? -size : size;
  }
}
