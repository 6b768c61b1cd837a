import type { Unfolding } from '../herm/unfolding.ts';
import { splitSections } from './bytes.ts';
import type { ChunkIndex } from './chunk_index.ts';
import type { ChunkStore } from './chunk_store.ts';
import type { CheckedHeader } from './header.ts';
import { decodeHierarchy, hierarchyForm } from './hierarchy_code.ts';
import { weightSectionCount } from './lane_levels.ts';
import { Memo } from './memo.ts';

/** One level of a group, cut into its sections. */
interface LevelContent {
  /** What it adds to the hierarchies, by block. */
  readonly hierarchies: ReadonlyMap<number, Uint8Array>;
  /** By weight. */
  readonly weights: ReadonlyMap<number, readonly Uint8Array[]>;
}

/** The levels of a file. What is decoded is kept: it is small beside the tensors. */
export class LevelReader {
  readonly #header: CheckedHeader;
  readonly #chunks: ChunkStore;
  readonly #file: string;
  readonly #index: ChunkIndex;
  readonly #levels: Memo<LevelContent>[];
  readonly #unfoldings: Memo<readonly Unfolding[]>[];
  readonly #keep: boolean;

  /** @param keep whether the store keeps the levels that are read. */
  constructor(header: CheckedHeader, chunks: ChunkStore, index: ChunkIndex, file: string, keep: boolean) {
    this.#header = header;
    this.#chunks = chunks;
    this.#index = index;
    this.#file = file;
    this.#keep = keep;
    this.#levels = header.layout.groups.map(() => new Memo());
    this.#unfoldings = header.layout.groups.map(() => new Memo());
  }

  /** Lets go of what is decoded of a group. */
  forget(group: number): void {
    this.#levels[group] = new Memo();
    this.#unfoldings[group] = new Memo();
  }

  /** The levels at which a group grows, down to a level. */
  levelsOf(group: number, level: number): number[] {
    return [...this.#index.levels[group]!.keys()].filter((index) => index <= level);
  }

  /** The hierarchies of a group's blocks down to a level, by number of the block. */
  unfoldings(group: number, level: number): Promise<readonly Unfolding[]> {
    const levels = this.levelsOf(group, level);
    return this.#unfoldings[group]!.get(levels.at(-1)!, async () => {
      const contents = await Promise.all(levels.map((index) => this.#level(group, index)));
      const { layout, json } = this.#header;
      const { ladder } = json;
      const unfoldings: Unfolding[] = [];
      for (const block of layout.groups[group]!.blocks) {
        const { name, neurons } = this.#header.blocks[block]!;
        const streams = contents.map(({ hierarchies }) => hierarchies.get(block)!);
        const widths = levels.map((index) => ladder[index]![block]!);
        const subject = `The hierarchy of block ${name} in ${this.#file}`;
        unfoldings[block] = await decodeHierarchy(streams, neurons, widths, hierarchyForm(layout, block), subject);
      }
      return unfoldings;
    });
  }

  /** The sections of one tensor of a group at {@link levelsOf}. */
  async weightSections(group: number, weight: number, level: number): Promise<Uint8Array[][]> {
    const levels = this.levelsOf(group, level).map((index) => this.#level(group, index));
    return (await Promise.all(levels)).map(({ weights }) => [...weights.get(weight)!]);
  }

  #level(group: number, level: number): Promise<LevelContent> {
    return this.#levels[group]!.get(level, async () => {
      const { layout } = this.#header;
      const subject = `Level ${level} of ${this.#file}`;
      const { blocks, weights } = layout.groups[group]!;
      const counts = weights.map((weight) => weightSectionCount(layout.weights[weight]!));
      const total = counts.reduce((sum, count) => sum + count, blocks.length);
      const chunk = this.#index.levels[group]!.get(level)!;
      const bytes = await (this.#keep ? this.#chunks.load(chunk, undefined) : this.#chunks.peek(chunk));
      const sections = splitSections(bytes, total, subject);
      const hierarchies = new Map(blocks.map((block, n) => [block, sections[n]!]));
      const rest = sections.slice(blocks.length);
      return { hierarchies, weights: new Map(weights.map((weight, n) => [weight, rest.splice(0, counts[n])])) };
    });
  }
}
