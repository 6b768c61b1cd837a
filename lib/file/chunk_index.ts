import type { CheckedHeader, ChunkName } from './header.ts';

/** A part of a model: some groups of blocks, and some tensors that no block owns. */
export interface Scope {
  readonly groups: ReadonlySet<number>;
  /** By their number in the original. */
  readonly flats: ReadonlySet<number>;
}

/** Which chunk of a file holds what, and which ones a network needs. */
export class ChunkIndex {
  /** [groups] the numbers of its chunks by level, from coarse to fine. */
  readonly levels: readonly ReadonlyMap<number, number>[];
  readonly #header: CheckedHeader;
  /** Chunk numbers by {@link keyOf}. */
  readonly #chunkOf: ReadonlyMap<string, number>;
  readonly #groupOf: ReadonlyMap<number, number>;

  constructor(header: CheckedHeader) {
    const { json, layout } = header;
    this.#header = header;
    this.#chunkOf = new Map(json.chunks.map((entry, chunk) => [keyOf(entry), chunk]));
    this.#groupOf = new Map(
      layout.groups.flatMap(({ blocks }, group) => blocks.map((block): [number, number] => [block, group])),
    );
    const levels = layout.groups.map(() => new Map<number, number>());
    for (const [chunk, { kind, index, group }] of json.chunks.entries()) {
      if (kind === 'level') levels[group!]!.set(index, chunk);
    }
    this.levels = levels;
  }

  /** The number of a chunk that the header must list. */
  chunk(name: ChunkName): number {
    return this.#chunkOf.get(keyOf(name))!;
  }

  groupOf(block: number): number {
    return this.#groupOf.get(block)!;
  }

  /** The chunks, ascending, of tensors that no hierarchy merges. */
  get flats(): number[] {
    return this.#all(({ kind }) => kind === 'flat');
  }

  /** The refit that the file has for exactly these widths [blocks], or for those of a part; undefined: none. */
  refitAt(widths: readonly number[], scope?: Scope): number | undefined {
    const { refits } = this.#header.json;
    const index = refits.findIndex((refit) =>
      refit.widths.every((width, block) => width === widths[block] || scope?.groups.has(this.groupOf(block)) === false),
    );
    return index < 0 ? undefined : index;
  }

  refitChunks(refit: number): number[] {
    return this.#all(({ kind, index }) => kind === 'refit' && index === refit);
  }

  /**
   * The chunks, ascending, that a network of these widths [blocks] is made of, or a part of it: each group's down to its own
   * level.
   */
  neededFor(widths: readonly number[], refit: number | undefined, scope?: Scope): number[] {
    const { ladder } = this.#header.json;
    const reached = this.#header.layout.groups.map(({ blocks }) =>
      ladder.findIndex((level) => blocks.every((block) => level[block]! >= widths[block]!)),
    );
    return this.#all(({ kind, index, group }) => {
      if (scope && !(kind === 'flat' ? scope.flats.has(index) : scope.groups.has(group!))) return false;
      if (kind === 'level') return index <= reached[group!]!;
      return kind === 'flat' || (kind === 'refit' && index === refit);
    });
  }

  #all(isWanted: (name: ChunkName) => boolean): number[] {
    return this.#header.json.chunks.flatMap((entry, chunk) => (isWanted(entry) ? [chunk] : []));
  }

  /** [blocks] the largest widths of which everything is held; 0 of the blocks of a group of which nothing is. */
  heldWidths(holds: (chunk: number) => boolean): number[] {
    const { ladder } = this.#header.json;
    const missing = this.levels.map((chunks) => {
      const first = [...chunks].find(([, chunk]) => !holds(chunk));
      return first === undefined ? ladder.length : first[0];
    });
    return this.#header.blocks.map((_, block) => ladder[missing[this.groupOf(block)]! - 1]?.[block] ?? 0);
  }
}

function keyOf({ kind, index, group }: ChunkName): string {
  return `${kind} ${index} ${group ?? ''}`;
}
