import type { AdaptiveModel } from './adaptive_model.ts';
import { corrupt } from './corrupt.ts';
import { type FloatFormat, isNegative } from './float_format.ts';
import { type LaneModels, MOST_DISTANCES, magnitudeClass, WEIGHT_REACH } from './lane_models.ts';
import type { RansDecoder } from './rans.ts';

const DISTANCE_COUNT_BITS = 3;
const DISTANCE_BITS = 10;
/** Weights are multiples of it. */
const UNIT = 1 / 32;

/** How far back the numbers are that predict one. @throws HermError `HERM_CORRUPT` */
export function readDistances(coder: RansDecoder): number[] {
  const count = coder.bits(DISTANCE_COUNT_BITS);
  if (count > MOST_DISTANCES) throw corrupt('a lane looks back too often');
  return Array.from({ length: count }, () => 1 + coder.bits(DISTANCE_BITS));
}

/** What is expected of a coded child's numbers, one after the other: λ·p + Σ κ·(c − λ·p), of the numbers before. */
export class Prediction {
  readonly #format: FloatFormat;
  readonly #distances: readonly number[];
  readonly #ofParent: Float64Array;
  /** What the child has beside that. */
  readonly #rest: Float64Array;
  readonly #weights: readonly number[];

  /** @throws HermError `HERM_CORRUPT` */
  constructor(
    coder: RansDecoder,
    models: LaneModels,
    format: FloatFormat,
    distances: readonly number[],
    parent: ArrayLike<number>,
  ) {
    if (distances.length === 0) throw corrupt('a lane looks back nowhere');
    const weight = (model: AdaptiveModel) => (model.get(coder, 0) - WEIGHT_REACH) * UNIT;
    const parentWeight = weight(models.parentWeight);
    this.#format = format;
    this.#distances = distances;
    this.#ofParent = Float64Array.from(parent, (number) => parentWeight * number);
    this.#rest = new Float64Array(parent.length);
    this.#weights = distances.map((_, k) => weight(models.neighbourWeights[k]!));
  }

  /** The class of magnitude of what is expected, and its sign. `shift` of the element, `scale` of the lane. */
  at(k: number, shift: number, scale: number): { readonly magnitude: number; readonly negative: boolean } {
    let expected = this.#ofParent[k]!;
    for (const [index, distance] of this.#distances.entries()) {
      if (k >= distance) expected += this.#weights[index]! * this.#rest[k - distance]!;
    }
    if (expected === 0 || !Number.isFinite(expected)) return { magnitude: 0, negative: false };
    const magnitude = magnitudeClass(4 * (doubleLevel(expected) + 4 * (this.#format.bias - 1023) - shift) - scale);
    return { magnitude, negative: isNegative(expected) };
  }

  learn(k: number, number: number): void {
    this.#rest[k] = number - this.#ofParent[k]!;
  }
}

const scratch = new DataView(new ArrayBuffer(8));

/** Four to a power of two: the exponent and the two highest bits of the mantissa, without the sign. */
function doubleLevel(value: number): number {
  scratch.setFloat64(0, value);
  return (scratch.getUint16(0) & 0x7fff) >> 2;
}
