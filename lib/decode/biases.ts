import { AdaptiveModel } from './adaptive_model.ts';
import type { FloatFormat } from './float_format.ts';
import { Grid } from './grid.ts';
import type { SideName } from './hierarchy.ts';
import type { SideReader } from './hierarchy_side.ts';
import { LEVEL_PRIOR } from './lane_models.ts';
import { levelOf, readNumber } from './number_code.ts';
import type { SymbolSource } from './rans.ts';

/** Mixtures have as many mantissa bits as their coefficients; and so have numbers that once were halves or bfloat16. */
const SHORT_MANTISSA = 10;

export interface BiasForm {
  readonly name: SideName;
  readonly format: FloatFormat;
  /** Merges the weights that these biases go with. */
  readonly side: SideReader;
  readonly leaf: readonly boolean[];
}

/** Reads the biases of all nodes: each in the light of its parent's. */
export class BiasReader {
  readonly name: SideName;
  readonly values: number[] = [];
  readonly #side: SideReader;
  readonly #leaf: readonly boolean[];
  readonly #fineGrid: Grid;
  readonly #shortGrid: Grid;
  /** Level of the numbers so far that are not 0, of the last ones above all, in sixteenths; before there is one, −1. */
  #mean = -1;
  /** Whether a mixture has all bits after all; by whether its floor is 0. */
  readonly #fine = [new AdaptiveModel([28, 4]), new AdaptiveModel([4, 28])];
  readonly #fineLeaf = new AdaptiveModel([4, 28]);
  readonly #kept = new AdaptiveModel([4, 28]);
  /** Of merged neurons, of original ones. */
  readonly #level = [new AdaptiveModel(LEVEL_PRIOR), new AdaptiveModel(LEVEL_PRIOR)];

  constructor({ name, format, side, leaf }: BiasForm) {
    this.name = name;
    this.#side = side;
    this.#leaf = leaf;
    this.#fineGrid = new Grid(format, 0, 1);
    this.#shortGrid = new Grid(format, Math.max(0, format.mantissa - SHORT_MANTISSA), 1);
  }

  readRoot(coder: SymbolSource, root: number): void {
    this.#read(coder, root, 0);
  }

  readSplit(coder: SymbolSource, parent: number, first: number, n: number): void {
    const kept = this.#side.kept(n);
    const value = this.values[parent]!;
    for (const child of [0, 1]) {
      if (child === kept && this.#kept.get(coder, 0) !== 0) this.values.push(value);
      else this.#read(coder, first + child, value);
    }
  }

  settle(): void {
    for (const model of [...this.#fine, this.#fineLeaf, this.#kept, ...this.#level]) model.settle();
  }

  #read(coder: SymbolSource, node: number, parent: number): void {
    const leaf = this.#leaf[node]!;
    let grid = this.#shortGrid;
    if (grid.mantissa !== this.#fineGrid.mantissa) {
      const fine = leaf ? this.#fineLeaf : this.#fine[Number(this.#side.floors[node] === 0)]!;
      if (fine.get(coder, 0) !== 0) grid = this.#fineGrid;
    }
    const expected = Math.max((this.#mean + 8) >> 4, levelOf(parent, this.#fineGrid));
    const value = readNumber(coder, this.#level[Number(leaf)]!.get(coder, 0), grid, expected, false);
    if (value !== 0) this.#learn(16 * levelOf(value, this.#fineGrid));
    this.values.push(value);
  }

  #learn(level: number): void {
    this.#mean = this.#mean < 0 ? level : this.#mean + Math.trunc((level - this.#mean) / 16);
  }
}
