import type { Unfolding } from '../herm/unfolding.ts';
import { splitSections } from './bytes.ts';
import type { ChunkStore } from './chunk_store.ts';
import { decodeWords, floatWords, plainWords } from './codec.ts';
import type { CheckedHeader } from './header.ts';
import { type HierarchyPart, joinParts, type PartForm, partArrays, partForm, partShapes } from './hierarchy_parts.ts';
import { Memo } from './memo.ts';
import { weightSectionCount } from './weight_encode.ts';

/** One level, cut into its sections and with its hierarchies decoded; tensors stay coded. */
interface LevelContent {
  /** [blocks] */
  readonly parts: readonly HierarchyPart[];
  /** [weights][sections] */
  readonly weights: readonly (readonly Uint8Array[])[];
}

/** The levels of a file. What is decoded is kept: it is small beside the tensors. */
export class LevelReader {
  readonly #header: CheckedHeader;
  readonly #chunks: ChunkStore;
  readonly #file: string;
  /** [levels] number of each level's chunk. */
  readonly #chunkOf: readonly number[];
  readonly #levels = new Memo<LevelContent>();
  readonly #unfoldings = new Memo<readonly Unfolding[]>();

  constructor(header: CheckedHeader, chunks: ChunkStore, file: string) {
    this.#header = header;
    this.#chunks = chunks;
    this.#file = file;
    this.#chunkOf = header.json.chunks.flatMap(({ kind }, chunk) => (kind === 'level' ? [chunk] : []));
  }

  /** Levels that are held as a whole, from level 0 on. */
  get held(): number {
    return this.#chunkOf.filter((chunk) => chunk < this.#chunks.held).length;
  }

  /** The hierarchies of all blocks down to a level. */
  unfoldings(level: number): Promise<readonly Unfolding[]> {
    return this.#unfoldings.get(level, async () => {
      const levels = await this.#upTo(level);
      return this.#header.blocks.map(({ name, neurons }, block) =>
        joinParts(
          neurons,
          levels.map(({ parts }) => parts[block]!),
          partForm(this.#header.layout, block),
          `The hierarchy of block ${name} in ${this.#file}`,
        ),
      );
    });
  }

  /** The sections of one tensor, [levels][sections], down to a level. */
  async weightSections(weight: number, level: number): Promise<Uint8Array[][]> {
    const levels = await this.#upTo(level);
    return levels.map(({ weights }) => [...weights[weight]!]);
  }

  #upTo(level: number): Promise<LevelContent[]> {
    return Promise.all(Array.from({ length: level + 1 }, (_, index) => this.#level(index)));
  }

  #level(level: number): Promise<LevelContent> {
    return this.#levels.get(level, async () => {
      const { blocks, layout } = this.#header;
      const subject = `Level ${level} of ${this.#file}`;
      const counts = layout.weights.map(weightSectionCount);
      const forms = blocks.map((_, block) => partForm(layout, block));
      const total = [...counts, ...forms.map(partArrays)].reduce((sum, count) => sum + count, 0);
      const sections = splitSections(await this.#chunks.load(this.#chunkOf[level]!), total, subject);
      const parts: HierarchyPart[] = [];
      for (const [block, form] of forms.entries()) {
        parts.push(await this.#part(sections.splice(0, partArrays(form)), form, block, level, subject));
      }
      return { parts, weights: counts.map((count) => sections.splice(0, count)) };
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
