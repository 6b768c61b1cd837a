import type { AdaptiveModel } from './adaptive_model.ts';
import { corrupt } from './corrupt.ts';
import { isNegative, type Numbers } from './float_format.ts';
import type { Grid } from './grid.ts';
import { GridRule } from './grid_rule.ts';
import { scaled } from './interval.ts';
import { CORRELATIONS, LaneModels, magnitudeClass, NEAR, NEAR_BOTH, PREDICTED, SHIFT_REACH } from './lane_models.ts';
import type { LaneNodes } from './lanes.ts';
import { levelOf, readNumber } from './number_code.ts';
import { readFollowed } from './place.ts';
import { Prediction, readDistances } from './prediction.ts';
import { MOST_STATES, RansDecoder } from './rans.ts';
import { readDifference, readFactor, readScale } from './symbols.ts';

/** A section of fewer numbers has a stream of one state. */
const SMALL_SECTION = 2 ** 14;

/** The nodes of an instruction by what is known of them. */
interface Split {
  readonly parent: Lane;
  readonly coded: Lane;
  readonly followed: Lane;
  readonly codedCoefficient: number;
  readonly followedCoefficient: number;
  /** The parent is the followed child. */
  readonly absorbing: boolean;
}

/** A node's numbers in a run of elements, and the grids that they lie on. */
interface Lane {
  readonly words: Numbers;
  readonly grids: readonly Grid[];
}

/** Elements [begin, end) of all lanes, which learn by themselves. */
export class StripDecoder {
  readonly #nodes: LaneNodes;
  readonly #begin: number;
  readonly #models = new LaneModels();
  readonly #rule: GridRule;
  /** Levels by which each element is above the others. */
  readonly #shifts: Int8Array;
  #rootScale: number;
  #distances: readonly number[] = [];
  // Of the section that is being decoded.
  #coder!: RansDecoder;
  #from = 0;
  #to = 0;

  constructor(nodes: LaneNodes, begin: number, end: number) {
    this.#nodes = nodes;
    this.#begin = begin;
    this.#rule = new GridRule(nodes.format, nodes.shift);
    this.#shifts = new Int8Array(end - begin);
    this.#rootScale = 16 * nodes.format.bias;
  }

  /** Section A: instructions for the first elements, which were there before. */
  decodeSplits(section: Uint8Array, elements: number, [first, last]: [number, number], wanted: number): void {
    const open = this.#open(section, [0, first === last ? 0 : elements], last - first);
    if (open) this.#decodeInstructions(first, last, wanted);
  }

  /** Section B: new elements; their shifts, the roots, and all instructions so far. */
  decodeElements(section: Uint8Array, [from, to]: [number, number], last: number, wanted: number): void {
    const { onlyFollowed, roots } = this.#nodes;
    const open = this.#open(section, [from, to], last + (onlyFollowed ? 0 : roots));
    if (!open) return;
    if (!onlyFollowed) {
      if (!this.#nodes.even) this.#decodeShifts();
      this.#decodeRoots();
    }
    this.#decodeInstructions(0, last, wanted);
  }

  #open(section: Uint8Array, [from, to]: [number, number], lanes: number): boolean {
    if (from === to) {
      if (section.length > 0) throw corrupt('a section that codes nothing is not empty');
      return false;
    }
    this.#coder = new RansDecoder(section, (to - from) * lanes < SMALL_SECTION ? 1 : MOST_STATES);
    this.#from = from;
    this.#to = to;
    return true;
  }

  #decodeInstructions(first: number, last: number, wanted: number): void {
    for (let n = first; n < Math.min(last, wanted); n++) this.#decodeSplit(this.#split(n));
    if (last <= wanted) this.#coder.finish();
  }

  #decodeShifts(): void {
    for (let e = this.#from; e < this.#to; e++) {
      this.#shifts[e] = this.#models.shift.get(this.#coder, e % 4) - SHIFT_REACH;
    }
    this.#models.settle();
    this.#distances = readDistances(this.#coder);
  }

  #decodeRoots(): void {
    for (let root = 0; root < this.#nodes.roots; root++) {
      const { words, grids } = this.#lane(root);
      this.#rootScale = readScale(this.#coder, this.#models.rootScale, this.#rootScale);
      for (let k = 0; k < words.length; k++) words[k] = this.#number(k, grids[k]!, this.#rootScale, 0, 0, false);
      this.#models.settle();
    }
  }

  /** The numbers are a view of the node's row. */
  #lane(node: number): Lane {
    const { floors, elementFloors, rows } = this.#nodes;
    const words = rows[node]!.subarray(this.#begin + this.#from, this.#begin + this.#to);
    const grids = Array.from(words, (_, k) => {
      const e = this.#from + k;
      return this.#rule.of(floors[node]!, this.#shifts[e]!, elementFloors?.[this.#begin + e] ?? 0);
    });
    return { words, grids };
  }

  #split(n: number): Split {
    const { roots, parents, coefficients, followed, gains } = this.#nodes;
    const second = followed[n]!;
    const a = coefficients[2 * n + second]!;
    const b = coefficients[2 * n + 1 - second]!;
    const gain = (node: number) => gains?.[node] ?? 1;
    const parent = this.#lane(parents[n]!);
    return {
      // A child may take its place.
      parent: { words: parent.words.slice(), grids: parent.grids },
      coded: this.#lane(roots + 2 * n + 1 - second),
      followed: this.#lane(roots + 2 * n + second),
      codedCoefficient: b * gain(roots + 2 * n + 1 - second),
      followedCoefficient: a * gain(roots + 2 * n + second),
      absorbing: a === 1 && b === 0,
    };
  }

  #decodeSplit(split: Split): void {
    const followedToo = !this.#nodes.onlyFollowed && this.#decodeCoded(split);
    if (split.absorbing) split.followed.words.set(split.parent.words);
    else if (!followedToo) this.#decodeFollowed(split);
    this.#models.settle();
  }

  /** Returns whether the followed child was decoded, too. */
  #decodeCoded(split: Split): boolean {
    const mode = this.#models.mode.get(this.#coder, 0);
    if (mode < NEAR || mode > PREDICTED) {
      if (mode < NEAR) this.#decodeByContext(split, mode);
      else this.#decodePredicted(split, mode - PREDICTED);
      return false;
    }
    this.#decodeMultiple(this.#models.codedDifference, split.parent, split.coded);
    if (mode !== NEAR_BOTH) return false;
    if (split.absorbing) throw corrupt('an absorbed neuron is coded twice');
    this.#decodeMultiple(this.#models.followedDifference, split.coded, split.followed);
    return true;
  }

  #decodeByContext({ parent, coded }: Split, mode: number): void {
    const opposite = mode > CORRELATIONS;
    const correlation = opposite ? mode - CORRELATIONS : mode;
    const parentScale = this.#scaleOf(parent);
    const scale = readScale(this.#coder, this.#models.scale, parentScale);
    for (let k = 0; k < coded.words.length; k++) {
      const grid = coded.grids[k]!;
      if (correlation === 0) {
        coded.words[k] = this.#number(k, grid, scale, 0, 0, false);
      } else {
        const flip = isNegative(parent.words[k]!) !== opposite;
        coded.words[k] = this.#number(k, grid, scale, correlation, this.#magnitude(parent, k, parentScale), flip);
      }
    }
  }

  #decodePredicted({ parent, coded }: Split, correlation: number): void {
    const prediction = new Prediction(this.#coder, this.#models, this.#nodes.format, this.#distances, parent.words);
    const scale = readScale(this.#coder, this.#models.scale, this.#scaleOf(parent));
    for (let k = 0; k < coded.words.length; k++) {
      const { magnitude, negative } = prediction.at(k, this.#shifts[this.#from + k]!, scale);
      coded.words[k] = this.#number(k, coded.grids[k]!, scale, CORRELATIONS + correlation, magnitude, negative);
      prediction.learn(k, coded.words[k]!);
    }
  }

  /** The class of magnitude of a number of the parent. */
  #magnitude({ words, grids }: Lane, k: number, scale: number): number {
    if (words[k] === 0) return 0;
    return magnitudeClass(4 * (levelOf(words[k]!, grids[k]!) - this.#shifts[this.#from + k]!) - scale);
  }

  /** Mean level of the numbers that are not 0, beyond their elements' shifts, in quarters; halves round up. */
  #scaleOf({ words, grids }: Lane): number {
    let sum = 0;
    let count = 0;
    for (let k = 0; k < words.length; k++) {
      if (words[k] === 0) continue;
      sum += levelOf(words[k]!, grids[k]!) - this.#shifts[this.#from + k]!;
      count++;
    }
    return count === 0 ? 0 : Math.floor((8 * sum + count) / (2 * count));
  }

  #number(k: number, grid: Grid, scale: number, correlation: number, magnitude: number, flip: boolean): number {
    const e = this.#from + k;
    const model = this.#models.level(this.#rule.isCoarse(grid), correlation, magnitude);
    const expected = (scale + 4 * this.#shifts[e]! + 2) >> 2;
    return readNumber(this.#coder, model.get(this.#coder, e % 4), grid, expected, flip);
  }

  /** Numbers close to a multiple of others. */
  #decodeMultiple(model: AdaptiveModel, base: Lane, { words, grids }: Lane): void {
    const factor = readFactor(this.#coder);
    for (let k = 0; k < words.length; k++) {
      const grid = grids[k]!;
      const predicted = grid.round(scaled(this.#nodes.format, factor, base.words[k]!));
      const difference = readDifference(this.#coder, model, (this.#from + k) % 4);
      const word = grid.differing(predicted, difference);
      if (word === undefined) throw corrupt('a coded weight is no number of its format');
      words[k] = word;
    }
  }

  #decodeFollowed({ parent, coded, followed, codedCoefficient, followedCoefficient }: Split): void {
    const { format } = this.#nodes;
    for (let k = 0; k < followed.words.length; k++) {
      const merging = {
        followed: Math.abs(followedCoefficient),
        coded: scaled(format, codedCoefficient, coded.words[k]!),
        parentGrid: parent.grids[k]!,
        followedGrid: followed.grids[k]!,
      };
      const zero = this.#models.zero(parent.words[k] === 0, coded.words[k] === 0);
      const state = (this.#from + k) % 4;
      const y = readFollowed(
        this.#coder,
        { format, merging, zero, depth: this.#models.depth, state },
        parent.words[k]!,
      );
      followed.words[k] = followedCoefficient < 0 ? -y : y;
    }
  }
}
