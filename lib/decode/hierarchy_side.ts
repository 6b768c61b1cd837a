import { AdaptiveModel } from './adaptive_model.ts';
import { corrupt } from './corrupt.ts';
import { FLOAT_FORMATS, type FloatFormat, fromHalf } from './float_format.ts';
import { Grid } from './grid.ts';
import { LEVEL_PRIOR } from './lane_models.ts';
import { readNumber } from './number_code.ts';
import type { SymbolSource } from './rans.ts';

/** How an instruction's coefficients are told: (1, 0), (0, 1), or any. */
const ABSORBS_I = 0;
const ABSORBS_J = 1;
const GENERAL = 2;

const FLOOR_REACH = 8;
const ZERO_FLOOR = 2 * FLOOR_REACH + 1;
const FAR_FLOOR = ZERO_FLOOR + 1;
const FLOOR_BITS = 11;
/** Four to a power of two. */
const LEVEL_OF_ONE = 4 * FLOAT_FORMATS.F32.bias;

/** Coefficients by their upper bytes: most are between 1/8 and 2. */
const COEFFICIENT_PRIOR = Array.from({ length: 256 }, (_, byte) => (byte >= 48 && byte < 64 ? 16 : 1));
const FLOOR_PRIOR = Array.from({ length: FAR_FLOOR + 1 }, (_, symbol) => {
  if (symbol >= ZERO_FLOOR) return symbol === ZERO_FLOOR ? 4 : 1;
  return 64 >> (2 * Math.min(3, Math.abs(symbol - FLOOR_REACH)));
});

/** Reads one side of a hierarchy, instruction by instruction: how weights merge, and on which grids they lie. */
export class SideReader {
  readonly coefficients: number[] = [];
  readonly followed: number[] = [];
  readonly floors: number[] = [];
  readonly gains: number[] = [];
  readonly #format: FloatFormat;
  readonly #leaf: readonly boolean[];
  /** The last one read that is not 0. */
  #lastFloor: number;
  /** The last one is for parents without floor. */
  readonly #kind = [4, 4, 4, 14].map((prior) => new AdaptiveModel([prior, prior, 32 - 2 * prior]));
  readonly #coefficient = [0, 1].map(() => new AdaptiveModel(COEFFICIENT_PRIOR));
  readonly #followedModel = [new AdaptiveModel([28, 4]), new AdaptiveModel([4, 28]), new AdaptiveModel([8, 8])];
  readonly #floor = new AdaptiveModel(FLOOR_PRIOR);
  readonly #multiple = new AdaptiveModel([8, 8]);
  readonly #gain = new AdaptiveModel(LEVEL_PRIOR);
  readonly #gainGrid: Grid;

  /** `leaf` tells of every node whether it is an original neuron; it is filled by the caller. */
  constructor(format: FloatFormat, leaf: readonly boolean[]) {
    this.#format = format;
    this.#leaf = leaf;
    this.#lastFloor = format.bias;
    this.#gainGrid = new Grid(FLOAT_FORMATS.F32, format.mantissa <= 10 ? 13 : 0, 1);
  }

  readRoot(coder: SymbolSource, root: number): void {
    this.floors.push(this.#readFloor(coder, root, 0));
    this.gains.push(this.#readGain(coder, root));
  }

  /** Children are nodes `first` and the next one. `before` and the result: how coefficients were told. */
  readSplit(coder: SymbolSource, parent: number, first: number, before: number): number {
    const floor = this.floors[parent]!;
    const kind = this.#readCoefficients(coder, floor === 0 ? 3 : before);
    this.#readFollowed(coder);
    const kept = this.kept(this.followed.length - 1);
    if (kept === 2 && this.gains[parent] !== 1) throw corrupt('a mixture has a gain');
    for (const child of [0, 1]) {
      if (child !== kept) {
        this.floors.push(this.#readFloor(coder, first + child, floor));
      } else {
        if (this.#leaf[first + child] && floor !== 0) throw corrupt('an original neuron has a floor');
        this.floors.push(floor);
      }
      this.gains.push(this.#readGain(coder, first + child));
    }
    return kind;
  }

  /** Which child an instruction's parent is; 2 where it is neither. */
  kept(n: number): number {
    const [a, b] = [this.coefficients[2 * n], this.coefficients[2 * n + 1]];
    if (a === 1 && b === 0) return 0;
    return a === 0 && b === 1 ? 1 : 2;
  }

  settle(): void {
    const models = [...this.#kind, ...this.#coefficient, ...this.#followedModel];
    models.push(this.#floor, this.#multiple, this.#gain);
    for (const model of models) model.settle();
  }

  #readCoefficients(coder: SymbolSource, before: number): number {
    const kind = this.#kind[before]!.get(coder, 0);
    if (kind === ABSORBS_I) this.coefficients.push(1, 0);
    if (kind === ABSORBS_J) this.coefficients.push(0, 1);
    if (kind !== GENERAL) return kind;
    const [a, b] = this.#coefficient.map((model) => {
      const high = model.get(coder, 0);
      return fromHalf(256 * high + coder.bits(8));
    }) as [number, number];
    if (!Number.isFinite(a) || !Number.isFinite(b) || (a === 0 && b === 0)) {
      throw corrupt('an instruction has impossible coefficients');
    }
    this.coefficients.push(a, b);
    return kind;
  }

  /** A child of coefficient 0 cannot be followed. */
  #readFollowed(coder: SymbolSource): void {
    const [i, j] = this.coefficients.slice(-2).map(Math.abs) as [number, number];
    if (i === 0 || j === 0) {
      this.followed.push(i === 0 ? 1 : 0);
      return;
    }
    const model = this.#followedModel[i > j ? 0 : j > i ? 1 : 2]!;
    this.followed.push(model.get(coder, 0));
  }

  #readFloor(coder: SymbolSource, node: number, ofParent: number): number {
    if (this.#leaf[node]) return 0;
    const symbol = this.#floor.get(coder, 0);
    if (symbol === ZERO_FLOOR) return 0;
    const near = (ofParent || this.#lastFloor) + symbol - FLOOR_REACH;
    const floor = symbol === FAR_FLOOR ? coder.bits(FLOOR_BITS) : near;
    if (floor < 0 || floor > 2 * this.#format.bias) throw corrupt('a floor is out of range');
    if (floor !== 0) this.#lastFloor = floor;
    return floor;
  }

  /** Of mixtures, which have floors, and of original neurons it is 1. */
  #readGain(coder: SymbolSource, node: number): number {
    if (this.#leaf[node] || this.floors[node] !== 0 || this.#multiple.get(coder, 0) === 0) return 1;
    const gain = readNumber(coder, this.#gain.get(coder, 0), this.#gainGrid, LEVEL_OF_ONE, false);
    if (gain === 0) throw corrupt('a neuron is no multiple of its lane');
    return gain;
  }
}
