import { AdaptiveModel, flatPrior, peakedPrior } from './adaptive_model.ts';

/** Symbols of a number: FORMAT.md, section 6. */
export const PLUS_ZERO = 0;
export const MINUS_ZERO = 1;
export const LEVEL_ESCAPE = 2;
const FIRST_LEVEL = 3;
const LOWEST_LEVEL = -52;
const HIGHEST_LEVEL = 15;

/** Of the symbols from FIRST_LEVEL on, the level relative to the expected one, and the sign. */
export function levelOfSymbol(symbol: number): { readonly level: number; readonly negative: boolean } {
  const place = symbol - FIRST_LEVEL;
  return { level: LOWEST_LEVEL + (place >> 1), negative: place % 2 !== 0 };
}

/** How a coded child is told from its parent: by one of these classes of correlation, or as a multiple of it. */
export const CORRELATIONS = 8;
export const NEAR = 2 * CORRELATIONS + 1;
export const NEAR_BOTH = NEAR + 1;
/** One more, up to CORRELATIONS more: by the class of correlation with a prediction. */
export const PREDICTED = NEAR_BOTH;
const MODES = PREDICTED + CORRELATIONS + 1;

export const MOST_DISTANCES = 4;
export const WEIGHT_REACH = 64;

export const SCALE_REACH = 64;
export const SCALE_ESCAPE = 2 * SCALE_REACH + 1;
export const SHIFT_REACH = 64;
export const SMALL_DIFFERENCES = 24;
const DIFFERENCE_SYMBOLS = SMALL_DIFFERENCES + 60;
const DEPTH_SYMBOLS = 64;
export const DEPTH_ESCAPE = DEPTH_SYMBOLS - 1;

/** Sixteenths of a power of two from the parent's mean magnitude, at which the next class of magnitude begins. */
const MAGNITUDE_BOUNDS = [-80, -48, -32, -24, -16, -10, -5, 0, 5, 10, 14, 19, 24, 29, 34, 40];
const MAGNITUDES = MAGNITUDE_BOUNDS.length + 2;

/** The class of magnitude of a number that is not 0; that of 0 is 0. */
export function magnitudeClass(sixteenths: number): number {
  const above = MAGNITUDE_BOUNDS.findIndex((bound) => sixteenths < bound);
  return above < 0 ? MAGNITUDE_BOUNDS.length + 1 : above + 1;
}

/** Everything that the decoder of one strip learns. */
export class LaneModels {
  readonly mode = new AdaptiveModel(flatPrior(MODES, 8));
  readonly scale = scaleModel();
  readonly rootScale = scaleModel();
  readonly shift = new AdaptiveModel(peakedPrior(2 * SHIFT_REACH + 1, SHIFT_REACH, 128, 1));
  readonly codedDifference = new AdaptiveModel(peakedPrior(DIFFERENCE_SYMBOLS, 0, 128, 1));
  readonly followedDifference = new AdaptiveModel(peakedPrior(DIFFERENCE_SYMBOLS, 0, 128, 1));
  readonly depth = new AdaptiveModel(peakedPrior(DEPTH_SYMBOLS, 0, 128, 1));
  readonly parentWeight = weightModel();
  readonly neighbourWeights = Array.from({ length: MOST_DISTANCES }, weightModel);
  readonly #zero = [0, 1, 2].map(() => new AdaptiveModel([240, 8, 8])).concat(new AdaptiveModel([64, 128, 64]));
  readonly #levels: AdaptiveModel[] = [];

  level(coarse: boolean, correlation: number, magnitude: number): AdaptiveModel {
    const index = (Number(coarse) * (2 * CORRELATIONS + 1) + correlation) * MAGNITUDES + magnitude;
    this.#levels[index] ??= new AdaptiveModel(LEVEL_PRIOR);
    return this.#levels[index];
  }

  zero(parentIsZero: boolean, codedIsZero: boolean): AdaptiveModel {
    return this.#zero[2 * Number(parentIsZero) + Number(codedIsZero)]!;
  }

  /** Ends a run: everything learns. */
  settle(): void {
    const { mode, scale, rootScale, shift, codedDifference, followedDifference, depth, parentWeight } = this;
    const single = [mode, scale, rootScale, shift, codedDifference, followedDifference, depth, parentWeight];
    for (const model of [...single, ...this.#zero, ...this.neighbourWeights]) model.settle();
    // Not all contexts have come up yet: holes are passed over.
    this.#levels.forEach((model) => {
      model.settle();
    });
  }
}

function scaleModel(): AdaptiveModel {
  return new AdaptiveModel(peakedPrior(SCALE_ESCAPE + 1, SCALE_REACH, 16, 6));
}

function weightModel(): AdaptiveModel {
  return new AdaptiveModel(peakedPrior(2 * WEIGHT_REACH + 1, WEIGHT_REACH, 16, 8));
}

/** Numbers of a bell curve: around the expected level, half as many a power of two further down. */
export const LEVEL_PRIOR: readonly number[] = (() => {
  const levels = Array.from({ length: HIGHEST_LEVEL - LOWEST_LEVEL + 1 }, (_, k) => LOWEST_LEVEL + k);
  const peaks = levels.map((level) => {
    if (level >= 13) return 1;
    const away = level < 0 ? Math.floor(-level / 4) : Math.floor(level / 3);
    return Math.max(1, 16 >> away);
  });
  return [1, 1, 1, ...peaks.flatMap((peak) => [peak, peak])];
})();
