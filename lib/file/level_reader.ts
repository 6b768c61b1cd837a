import type { Unfolding } from '../herm/unfolding.ts';
import { splitSections } from './bytes.ts';
import type { ChunkIndex } from './chunk_index.ts';
import type { ChunkStore } from './chunk_store.ts';
import { decodeWords, floatWords, plainWords } from './codec.ts';
import type { CheckedHeader } from './header.ts';
import { type HierarchyPart, joinParts, type PartForm, partArrays, partForm, partShapes } from './hierarchy_parts.ts';
import { weightSectionCount } from './lane_levels.ts';
import { Memo } from './memo.ts';

/** One level of a group, cut into its sections and with its hierarchies decoded; tensors stay coded. */
interface LevelContent {
  /** By block. */
  readonly parts: ReadonlyMap<number, HierarchyPart>;
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
      const unfoldings: Unfolding[] = [];
      for (const block of this.#header.layout.groups[group]!.blocks) {
        const { name, neurons } = this.#header.blocks[block]!;
        const parts = contents.map((content) => content.parts.get(block)!);
        const subject = `The hierarchy of block ${name} in ${this.#file}`;
        unfoldings[block] = joinParts(neurons, parts, partForm(this.#header.layout, block), subject);
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
      const forms = blocks.map((block) => partForm(layout, block));
      const total = [...counts, ...forms.map(partArrays)].reduce((sum, count) => sum + count, 0);
      const chunk = this.#index.levels[group]!.get(level)!;
      const bytes = await (this.#keep ? this.#chunks.load(chunk, undefined) : this.#chunks.peek(chunk));
      const sections = splitSections(bytes, total, subject);
      const parts = new Map<number, HierarchyPart>();
      for (const [n, block] of blocks.entries()) {
        const form = forms[n]!;
        parts.set(block, await this.#part(sections.splice(0, partArrays(form)), form, block, level, subject));
      }
      return { parts, weights: new Map(weights.map((weight, n) => [weight, sections.splice(0, counts[n])])) };
    });
  }

  async #part(
    sections: readonly Uint8Array[],
    form: PartForm,
    block: number,
    level: number,
    subject: string,
  ): Promise<HierarchyPart> {
    const { ladder } = this.#header.json;
    const entries = ladder[level]![block]! - (level === 0 ? 0 : ladder[level - 1]![block]!);
    const shapes = partShapes(level, entries, form);
    const part = {} as Record<keyof HierarchyPart, Uint8Array>;
    for (const [n, { key, wordBytes, count, float }] of shapes.entries()) {
      const layout = float ? floatWords(wordBytes) : plainWords(wordBytes);
      part[key] = await decodeWords(sections[n]!, count * wordBytes, layout, subject, {});
    }
    return part;
  }
}
