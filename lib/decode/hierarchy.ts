import { AdaptiveModel, peakedPrior } from './adaptive_model.ts';
import { type BiasForm, BiasReader } from './biases.ts';
import { corrupt } from './corrupt.ts';
import type { FloatFormat } from './float_format.ts';
import { FreeSlots } from './free_slots.ts';
import { SideReader } from './hierarchy_side.ts';
import { LevelStream } from './level_stream.ts';
import type { SymbolSource } from './rans.ts';
import { choose } from './uniform.ts';

export type SideName = 'input' | 'output' | 'gate';

/** What one side of a hierarchy says of the weights that it merges. Nodes are as in {@link Hierarchy}. */
export interface Side {
  /** [2N] of child i and child j. */
  readonly coefficients: readonly number[];
  /** [N] 1 where child j is the followed one. */
  readonly followed: readonly number[];
  /** [K + 2N] of the nodes' grids, 0 where it is the tensor's own. */
  readonly floors: readonly number[];
  /** [K + 2N] a node's weights are those of its lane times this. */
  readonly gains: readonly number[];
}

/** The nodes of a block, as far as the levels reach: K roots by slot, then children i and j of every instruction. */
export interface Hierarchy {
  readonly roots: number;
  /** [K + 2N] */
  readonly slots: readonly number[];
  /** [K + 2N] whether the node is an original neuron. */
  readonly leaf: readonly boolean[];
  /** [N] the node that each instruction splits. */
  readonly parents: readonly number[];
  /** [N] */
  readonly costs: readonly number[];
  readonly sides: Readonly<Partial<Record<SideName, Side>>>;
  /** [K + 2N] of the input side and of the gate, where they have some. */
  readonly biases: Readonly<Partial<Record<SideName, readonly number[]>>>;
}

/** What the header says of a block. */
export interface HierarchyForm {
  readonly neurons: number;
  readonly roots: number;
  /** The formats of the weights of each side that there is, in the order input, output, gate. */
  readonly sides: Readonly<Partial<Record<SideName, FloatFormat>>>;
  /** Those of the biases. */
  readonly biases: Readonly<Partial<Record<SideName, FloatFormat>>>;
}

const SMALL_COSTS = 16;
const COST_SYMBOLS = SMALL_COSTS + 13;
/** How full of merged neurons the rest of a hierarchy may be, in eighths. */
const FRACTIONS = 9;

/** Reads a hierarchy level by level: FORMAT.md, section 5. */
export class HierarchyDecoder {
  readonly #form: HierarchyForm;
  readonly #slots: number[] = [];
  readonly #leaf: boolean[] = [];
  readonly #parents: number[] = [];
  readonly #costs: number[] = [];
  readonly #sides: SideReader[];
  readonly #biases: BiasReader[];
  readonly #free: FreeSlots;
  /** Living nodes that are merged neurons. */
  readonly #open: number[] = [];
  /** Instructions to the full width. */
  #toCome: number;
  #lastCost = 0;
  #coder: LevelStream | undefined;
  readonly #rootLeaf = new AdaptiveModel([8, 8]);
  readonly #leaves = Array.from({ length: FRACTIONS }, () => new AdaptiveModel([8, 8, 8, 8]));
  readonly #cost = new AdaptiveModel(peakedPrior(COST_SYMBOLS, 0, 64, 1));

  constructor(form: HierarchyForm) {
    this.#form = form;
    this.#free = new FreeSlots(form.neurons);
    this.#toCome = form.neurons - form.roots;
    const { sides, biases } = form;
    const readers = new Map<string, SideReader>();
    for (const [name, format] of Object.entries(sides)) readers.set(name, new SideReader(format, this.#leaf));
    this.#sides = [...readers.values()];
    this.#biases = Object.entries(biases).map(([name, format]) => {
      const bias: BiasForm = { name: name as SideName, format, side: readers.get(name)!, leaf: this.#leaf };
      return new BiasReader(bias);
    });
  }

  /** Level 0. */
  readRoots(level: Uint8Array): void {
    const coder = new LevelStream(level);
    this.#coder = coder;
    let next = 0;
    for (let root = 0; root < this.#form.roots; root++) {
      const slot = choose(coder, 0, next, this.#toCome + root);
      next = slot + 1;
      this.#free.take(slot);
      this.#live(slot, this.#rootLeaf.get(coder, 0) !== 0);
      for (const side of this.#sides) side.readRoot(coder, root);
      for (const biases of this.#biases) biases.readRoot(coder, root);
      this.#settle();
    }
    this.#checkOpen();
    this.#endLevel(coder);
  }

  /** The next level: so many more instructions. */
  readInstructions(level: Uint8Array, count: number): void {
    const coder = this.#coder!;
    coder.nextLevel(level);
    for (let n = 0; n < count; n++) this.#readInstruction(coder);
    this.#endLevel(coder);
  }

  get hierarchy(): Hierarchy {
    const names = Object.keys(this.#form.sides);
    return {
      roots: this.#form.roots,
      slots: this.#slots,
      leaf: this.#leaf,
      parents: this.#parents,
      costs: this.#costs,
      sides: Object.fromEntries(this.#sides.map((side, at) => [names[at]!, side])),
      biases: Object.fromEntries(this.#biases.map(({ name, values }) => [name, values])),
    };
  }

  #endLevel(coder: LevelStream): void {
    coder.endLevel();
    if (this.#toCome === 0) coder.finish();
  }

  #readInstruction(coder: SymbolSource): void {
    if (this.#open.length === 0) throw corrupt('an instruction has nothing to split');
    const place = choose(coder, 0, 0, this.#open.length - 1);
    const fraction = Math.floor(((FRACTIONS - 1) * this.#open.length) / this.#toCome);
    const leaves = this.#leaves[fraction]!.get(coder, 0);
    const parent = this.#open[place]!;
    const i = this.#slots[parent]!;
    const j = this.#readSlot(coder, i);
    // The last one takes the place of the one that is split.
    const last = this.#open.pop()!;
    if (place < this.#open.length) this.#open[place] = last;
    const first = this.#slots.length;
    this.#parents.push(parent);
    this.#live(i, leaves % 2 !== 0);
    this.#live(j, leaves >= 2);
    this.#toCome--;
    this.#checkOpen();
    let kind = 0;
    for (const [at, side] of this.#sides.entries()) {
      const told = side.readSplit(coder, parent, first, kind);
      if (at === 0) kind = told;
    }
    for (const biases of this.#biases) biases.readSplit(coder, parent, first, this.#parents.length - 1);
    this.#readCost(coder);
    this.#settle();
  }

  /** Child j takes one of the free slots above child i's. */
  #readSlot(coder: SymbolSource, i: number): number {
    const below = this.#free.below(i);
    if (this.#free.total === below) throw corrupt('an instruction finds no free slot');
    const slot = this.#free.at(choose(coder, 0, below, this.#free.total - 1));
    this.#free.take(slot);
    return slot;
  }

  #live(slot: number, leaf: boolean): void {
    if (!leaf) this.#open.push(this.#slots.length);
    this.#slots.push(slot);
    this.#leaf.push(leaf);
  }

  /** Else some neurons would stay merged for ever. */
  #checkOpen(): void {
    if (this.#open.length > this.#toCome) throw corrupt('more neurons are merged than there are instructions');
  }

  /** Costs are bfloat16 numbers, told by how their bits differ from those of the last one. */
  #readCost(coder: SymbolSource): void {
    let code = this.#cost.get(coder, 0);
    if (code >= SMALL_COSTS) {
      const low = code - SMALL_COSTS + 4;
      code = 2 ** low + coder.bits(low);
    }
    this.#lastCost += code % 2 === 0 ? code / 2 : -(code + 1) / 2;
    if (this.#lastCost < 0 || this.#lastCost > 0xffff) throw corrupt('a cost is no number');
    const bits = new DataView(new ArrayBuffer(4));
    bits.setUint16(0, this.#lastCost);
    this.#costs.push(bits.getFloat32(0));
  }

  #settle(): void {
    for (const model of [this.#rootLeaf, ...this.#leaves, this.#cost]) model.settle();
    for (const side of this.#sides) side.settle();
    for (const biases of this.#biases) biases.settle();
  }
}
