import type { Unfolding } from '../herm/unfolding.ts';
import { headBytes, sectionBounds } from './bytes.ts';
import type { ChunkIndex } from './chunk_index.ts';
import type { ChunkStore } from './chunk_store.ts';
import type { CheckedHeader } from './header.ts';
import { decodeHierarchy, hierarchyForm } from './hierarchy_code.ts';
import { weightSectionCount } from './lane_levels.ts';
import { Memo } from './memo.ts';
import { WINDOW_BYTES, type Workspace } from './workspace.ts';

/** One level of a group, cut into its sections. */
interface LevelContent {
  /** What it adds to the hierarchies, by block. */
  readonly hierarchies: ReadonlyMap<number, Uint8Array>;
  /** By weight, where its sections begin in the chunk, and where the last one ends. */
  readonly weights: ReadonlyMap<number, readonly number[]>;
  readonly chunk: number;
  /** The chunk, where it is held. */
  readonly bytes: Uint8Array | undefined;
}

/** Of one tensor. */
export interface WeightSections {
  /** [levels][sections] */
  readonly sections: readonly (readonly Uint8Array[])[];
  /** Nobody uses them any more. */
  release(): void;
}

/** The levels of a file. Hierarchies that are decoded are kept: they are small beside the tensors. */
export class LevelReader {
  readonly #header: CheckedHeader;
  readonly #chunks: ChunkStore;
  readonly #file: string;
  readonly #index: ChunkIndex;
  readonly #levels: Memo<LevelContent>[];
  readonly #unfoldings: Memo<readonly Unfolding[]>[];
  readonly #workspace: Workspace | undefined;

  /** Chunks that a pass holds until a group is forgotten. */
  readonly #passing: Uint8Array[][];

  /** @param workspace of a pass that keeps no group longer than it needs it. */
  constructor(
    header: CheckedHeader,
    chunks: ChunkStore,
    index: ChunkIndex,
    file: string,
    workspace: Workspace | undefined,
  ) {
    this.#header = header;
    this.#chunks = chunks;
    this.#index = index;
    this.#file = file;
    this.#workspace = workspace;
    this.#passing = header.layout.groups.map(() => []);
    this.#levels = header.layout.groups.map(() => new Memo());
    this.#unfoldings = header.layout.groups.map(() => new Memo());
  }

  /** Lets go of what is decoded of a group. */
  forget(group: number): void {
    for (const bytes of this.#passing[group]!.splice(0)) this.#workspace?.give(bytes);
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
      const contents = await this.#contents(group, level);
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
  async weightSections(group: number, weight: number, level: number): Promise<WeightSections> {
    const contents = await this.#contents(group, level);
    const extents = contents.map(({ weights }) => weights.get(weight)!);
    const lengths = extents.map((bounds) => bounds.at(-1)! - bounds[0]!);
    const unheld = contents.some(({ bytes }) => bytes === undefined);
    const buffer = unheld ? this.#workspace?.take(lengths.reduce((sum, length) => sum + length, 0)) : undefined;
    const sections: Uint8Array[][] = [];
    let at = 0;
    for (const [n, { chunk, bytes }] of contents.entries()) {
      const bounds = extents[n]!;
      const own = bytes?.subarray(bounds[0]!, bounds.at(-1)!) ?? buffer!.subarray(at, at + lengths[n]!);
      if (bytes === undefined) await this.#chunks.readPart(chunk, bounds[0]!, own, undefined);
      sections.push(bounds.slice(1).map((end, k) => own.subarray(bounds[k]! - bounds[0]!, end - bounds[0]!)));
      at += lengths[n]!;
    }
    return { sections, release: () => buffer && this.#workspace?.give(buffer) };
  }

  async #contents(group: number, level: number): Promise<LevelContent[]> {
    const levels = this.levelsOf(group, level);
    const together = this.#workspace === undefined || this.#holds(group);
    if (together) return Promise.all(levels.map((index) => this.#level(group, index)));
    const contents: LevelContent[] = [];
    for (const index of levels) contents.push(await this.#level(group, index));
    return contents;
  }

  #level(group: number, level: number): Promise<LevelContent> {
    return this.#levels[group]!.get(level, async () => {
      const { layout } = this.#header;
      const subject = `Level ${level} of ${this.#file}`;
      const { blocks, weights } = layout.groups[group]!;
      const counts = weights.map((weight) => weightSectionCount(layout.weights[weight]!));
      const total = counts.reduce((sum, count) => sum + count, blocks.length);
      const chunk = this.#index.levels[group]!.get(level)!;
      const { bytes, bounds } = await this.#bounds(group, chunk, total, subject);
      const head = bytes ?? (await this.#part(chunk, bounds[blocks.length]!));
      const hierarchies = new Map(blocks.map((block, n) => [block, head.subarray(bounds[n], bounds[n + 1])]));
      const rest = bounds.slice(blocks.length);
      const boundsOf = (n: number) => [...rest.splice(0, counts[n]!), rest[0]!];
      return { hierarchies, weights: new Map(weights.map((weight, n) => [weight, boundsOf(n)])), chunk, bytes };
    });
  }

  /** Where the sections of a chunk lie; and the chunk, where it is held. */
  async #bounds(
    group: number,
    chunk: number,
    count: number,
    subject: string,
  ): Promise<{ bytes?: Uint8Array; bounds: number[] }> {
    if (this.#workspace === undefined || this.#holds(group)) {
      const bytes = await (this.#workspace ? this.#pass(group, chunk) : this.#chunks.load(chunk, undefined));
      return { bytes, bounds: sectionBounds(bytes, bytes.byteLength, count, subject) };
    }
    const window = this.#workspace.take(WINDOW_BYTES);
    await this.#chunks.check(chunk, window, {});
    this.#workspace.give(window);
    return { bounds: sectionBounds(await this.#part(chunk, headBytes(count)), this.#length(chunk), count, subject) };
  }

  /** Whether a pass holds the chunks of a group, and so reads them once: of one block they are less than its weights. */
  #holds(group: number): boolean {
    if (this.#header.layout.groups[group]!.blocks.length === 1) return true;
    const chunks = [...this.#index.levels[group]!.values()];
    return chunks.reduce((sum, chunk) => sum + this.#length(chunk), 0) <= WINDOW_BYTES;
  }

  async #pass(group: number, chunk: number): Promise<Uint8Array> {
    const kept = this.#chunks.peek(chunk);
    if (kept !== undefined) return kept;
    const bytes = this.#workspace!.take(this.#length(chunk));
    this.#passing[group]!.push(bytes);
    await this.#chunks.check(chunk, bytes, {});
    return bytes;
  }

  /** The first bytes of a chunk, at most `length` of them. */
  async #part(chunk: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, this.#length(chunk)));
    await this.#chunks.readPart(chunk, 0, bytes, undefined);
    return bytes;
  }

  #length(chunk: number): number {
    return this.#header.json.chunks[chunk]!.length;
  }
}
