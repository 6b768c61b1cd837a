import { HermError } from '../errors.ts';
import { foldTree } from '../herm/fold.ts';
import type { MergeTree } from '../herm/tree.ts';
import { ascendingPositions, frontier, type Unfolding } from '../herm/unfolding.ts';
import { quoteName } from '../model/messages.ts';
import { dtypeBytes, type Tensor, toFloat64 } from '../model/tensor.ts';
import { allocating } from './allocating.ts';
import { splitSections } from './bytes.ts';
import { ChunkIndex, type Scope } from './chunk_index.ts';
import type { ChunkStore } from './chunk_store.ts';
import { type CodecOptions, decodeWords, plainWords } from './codec.ts';
import { describePart } from './damage.ts';
import { type CheckedHeader, type ChunkName, smallestWidths } from './header.ts';
import { interleave } from './interleave.ts';
import { type BiasLayout, biasBytes, outputWeight, weightShape } from './layout.ts';
import { LevelReader } from './level_reader.ts';
import { decodePieces, decodeTensor } from './number_codec.ts';
import { PieceBuffers, tensorBytes } from './weight_decode.ts';
import { WeightReader } from './weight_reader.ts';
import { Workspace } from './workspace.ts';

/** What a .herm file, or a prefix of one, holds, decoded on demand. Safe under concurrent calls. */
export class HermContent {
  readonly file: string;
  readonly header: CheckedHeader;
  readonly #chunks: ChunkStore;
  readonly #levels: LevelReader;
  readonly #index: ChunkIndex;
  readonly #weights: WeightReader;
  readonly #workspace: Workspace | undefined;
  readonly #weightOf: ReadonlyMap<string, number>;
  readonly #biasOf: ReadonlyMap<string, BiasLayout>;

  /** `workspace`: for one pass, which keeps nothing for later calls. */
  constructor(file: string, header: CheckedHeader, chunks: ChunkStore, workspace?: Workspace) {
    this.file = file;
    this.header = header;
    this.#chunks = chunks;
    this.#index = new ChunkIndex(header);
    this.#levels = new LevelReader(header, chunks, this.#index, file, workspace);
    this.#weights = new WeightReader(header, this.#levels, this.#index, file, workspace);
    this.#workspace = workspace;
    this.#weightOf = new Map(header.layout.weights.map(({ name }, index) => [name, index]));
    const { biases, gates } = header.layout;
    this.#biasOf = new Map(
      [...biases, ...gates.map((gate) => gate?.bias)].flatMap((bias) =>
        bias === undefined ? [] : [[bias.name, bias]],
      ),
    );
  }

  /**
   * The same content for one pass over everything. Where reading costs nothing but time, no more than what the pass is at
   * stays in memory.
   */
  forOnePass(): HermContent {
    return this.#chunks.local ? new HermContent(this.file, this.header, this.#chunks, new Workspace()) : this;
  }

  get complete(): boolean {
    return this.#chunks.present === this.#chunks.entries.length;
  }

  /** [blocks] the largest widths that are held, or that the first `count` chunks hold; 0 of blocks without level 0. */
  heldWidths(count?: number): readonly number[] {
    return this.#index.heldWidths((chunk) => (count === undefined ? this.#chunks.holds(chunk) : chunk < count));
  }

  /** Values [blocks] by the blocks' names. */
  byName<T>(values: readonly T[]): Record<string, T> {
    return Object.fromEntries(this.header.blocks.map(({ name }, block) => [name, values[block]!]));
  }

  /** How many chunks from the first on serve a network of these widths [blocks], its refit included. */
  chunksUpTo(widths: readonly number[]): number {
    return (this.#index.neededFor(widths, this.refitAt(widths)).at(-1) ?? 0) + 1;
  }

  /** Bytes that a network of these widths [blocks] is read from, without refits, and of the beginning that holds them. */
  bytesFor(widths: readonly number[]): { readonly bytes: number; readonly prefixBytes: number } {
    const needed = this.#index.neededFor(widths, undefined);
    const { entries, start } = this.#chunks;
    return {
      bytes: needed.reduce((sum, chunk) => sum + entries[chunk]!.length, start),
      prefixBytes: this.#chunks.endOf((needed.at(-1) ?? -1) + 1),
    };
  }

  /** The refit for exactly these widths [blocks], or undefined; where damage is passed over, only if it is whole. */
  refitAt(widths: readonly number[], scope?: Scope): number | undefined {
    const refit = this.#index.refitAt(widths, scope);
    if (refit === undefined || !this.salvaging) return refit;
    return this.#index.refitChunks(refit).every((chunk) => this.#chunks.holds(chunk)) ? refit : undefined;
  }

  /** Whether damaged parts are passed over. */
  get salvaging(): boolean {
    return this.#chunks.salvaging;
  }

  /** @throws HermError `HERM_CHECKSUM` when a part is damaged that every network needs. */
  requireBase(): void {
    const base = this.#index.neededFor(smallestWidths(this.header.json.blocks), undefined);
    const damaged = base.find((chunk) => chunk < this.#chunks.present && !this.#chunks.holds(chunk));
    if (damaged === undefined) return;
    const damage = this.#chunks.damageAt(damaged);
    const where = `bytes ${damage.begin} to ${damage.end}`;
    const why = `The ${describePart(damage)} of ${this.file} is damaged (${where}), and every network needs it. Replace it from a whole copy with "herm upgrade".`;
    throw new HermError('HERM_CHECKSUM', why, { file: this.file, ...damage });
  }

  /**
   * Reads what a network of these widths [blocks] is made of, all that lies together at once; {@link tensor} then reads
   * nothing any more.
   *
   * @throws HermError `HERM_TRUNCATED`, `HERM_CHECKSUM`, `ABORTED`, `IO`.
   */
  async fetch(
    widths: readonly number[],
    refit: number | undefined,
    signal: AbortSignal | undefined,
    scope?: Scope,
  ): Promise<void> {
    await this.#chunks.loadAll(this.#index.neededFor(widths, refit, scope), signal);
  }

  /** What these tensors, by their numbers in the original, are part of. */
  scopeOf(tensors: readonly number[]): Scope {
    const groups = tensors.map((tensor) => this.#groupOf(tensor));
    return {
      groups: new Set(groups.filter((group) => group !== undefined)),
      flats: new Set(tensors.filter((_, at) => groups[at] === undefined)),
    };
  }

  /** @throws HermError `HERM_TRUNCATED` unless everything but refits is there, `HERM_CHECKSUM` if it is damaged. */
  requireComplete(what: string): void {
    const isNeeded = (chunk: number) => ESSENTIAL.includes(this.header.json.chunks[chunk]!.kind);
    const missing = [...this.header.json.chunks.keys()].find((chunk) => isNeeded(chunk) && !this.#chunks.holds(chunk));
    if (missing === undefined) return;
    if (missing < this.#chunks.present) {
      const damage = this.#chunks.damageAt(missing);
      const why = `The ${describePart(damage)} of ${this.file} is damaged; ${what} needs all of it. Replace it from a whole copy with "herm upgrade".`;
      throw new HermError('HERM_CHECKSUM', why, { file: this.file, ...damage });
    }
    const why = `${this.file} is only the beginning of a .herm file; ${what} needs all of it. Download the rest.`;
    throw new HermError('HERM_TRUNCATED', why, { file: this.file });
  }

  /**
   * A tensor (by its number in the original) of the skeleton of the given widths [blocks], neurons in ascending order
   * of their slots.
   *
   * @throws HermError `HERM_CORRUPT`, `HERM_CHECKSUM`, `HERM_TRUNCATED`, `IO`.
   */
  async tensor(index: number, widths: readonly number[], options: CodecOptions): Promise<Tensor> {
    const { json, layout } = this.header;
    const { name, dtype, shape } = json.tensors[index]!;
    const weight = this.#weightOf.get(name);
    if (weight !== undefined) {
      const decoded = await this.#weights.decode(weight, widths, options);
      const data = await allocating(this.#subject(name), () => tensorBytes(decoded, options));
      return { name, dtype, shape: weightShape(layout.weights[weight]!, widths), data };
    }
    const bias = this.#biasOf.get(name);
    if (bias === undefined) return { name, dtype, shape, data: await this.#flat(index, options) };
    const width = widths[bias.block]!;
    return { name, dtype, shape: [width], data: await this.#biases(bias, width) };
  }

  async #biases(bias: BiasLayout, width: number): Promise<Uint8Array> {
    const { block } = bias;
    const level = this.header.json.ladder.findIndex((widths) => widths[block]! >= width);
    const unfolding = await this.#unfolding(block, level);
    const biases = biasesOf(unfolding, bias);
    const bytes = biasBytes(bias);
    const { nodes } = frontier(unfolding, width);
    const out = new Uint8Array(width * bytes);
    for (const [neuron, position] of ascendingPositions(unfolding, width).entries()) {
      const node = nodes[position]!;
      out.set(biases.subarray(node * bytes, (node + 1) * bytes), neuron * bytes);
    }
    return out;
  }

  async #unfolding(block: number, level: number): Promise<Unfolding> {
    return (await this.#levels.unfoldings(this.#index.groupOf(block), level))[block]!;
  }

  async #flat(tensor: number, options: CodecOptions): Promise<Uint8Array> {
    return this.#decodeFlat(tensor, await this.#chunk({ kind: 'flat', index: tensor }, options), options);
  }

  #decodeFlat(tensor: number, data: Uint8Array, options: CodecOptions): Promise<Uint8Array> {
    const info = this.header.json.tensors[tensor]!;
    const subject = this.#subject(info.name);
    return allocating(subject, () => decodeTensor(data, info, info.end - info.begin, subject, options));
  }

  #subject(tensor: string): string {
    return `Tensor ${quoteName(tensor)} in ${this.file}`;
  }

  /** The bytes of the tensors of one of the original's files, in order and in pieces, none of which is of two. */
  async *#originalTensors(
    file: number,
    reuse: boolean,
    options: CodecOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { json, blocks } = this.header;
    const full = blocks.map(({ neurons }) => neurons);
    const own = [...json.tensors.keys()].filter((index) => json.tensors[index]!.file === file);
    const groups = new Set(own.map((index) => this.#groupOf(index)));
    const isOwnLevel = ({ kind, group }: ChunkName) => kind === 'level' && groups.has(group);
    const levels = this.#index.neededFor(full, undefined).filter((chunk) => isOwnLevel(json.chunks[chunk]!));
    if (this.#workspace === undefined) await this.#chunks.loadAll(levels, options.signal);
    const isFlat = new Set(own.filter((index) => this.#groupOf(index) === undefined));
    const flats = this.#index.flats.filter((chunk) => isFlat.has(json.chunks[chunk]!.index));
    const lastOf = this.#lastTensors();
    const stored = this.#chunks.scan(flats, options);
    const buffers = new PieceBuffers(reuse ? this.#workspace : undefined);
    const weights = own.flatMap((index) => this.#weightOf.get(json.tensors[index]!.name) ?? []);
    for (const index of own) {
      const info = json.tensors[index]!;
      if (isFlat.has(index)) {
        const data = this.#chunks.intact((await stored.next()).value!);
        yield* decodePieces(data, info, info.end - info.begin, this.#subject(info.name), buffers, options);
      } else if (this.#weightOf.has(info.name)) {
        yield* this.#weights.pieces(weights, full, buffers, options);
        weights.shift();
      } else {
        yield (await this.tensor(index, full, options)).data;
      }
      const finished = lastOf.get(index);
      if (this.#workspace !== undefined && finished !== undefined) this.#levels.forget(finished);
    }
  }

  /** The group whose blocks a tensor belongs to; undefined where it is stored as it is. */
  #groupOf(tensor: number): number | undefined {
    const { name } = this.header.json.tensors[tensor]!;
    const weight = this.header.layout.weights[this.#weightOf.get(name) ?? -1];
    const block = (weight?.rowAxis ?? weight?.colAxis ?? this.#biasOf.get(name))?.block;
    return block === undefined ? undefined : this.#index.groupOf(block);
  }

  /** The groups by their last tensors. */
  #lastTensors(): ReadonlyMap<number, number> {
    const last = new Map<number, number>();
    for (const index of this.header.json.tensors.keys()) {
      const group = this.#groupOf(index);
      if (group !== undefined) last.set(group, index);
    }
    return new Map(Array.from(last, ([group, index]) => [index, group]));
  }

  /** The hierarchy of a block. Costs are those of the search, rounded to bfloat16. */
  async tree(block: number): Promise<MergeTree> {
    this.requireComplete('its hierarchy');
    const unfolding = await this.#unfolding(block, this.header.json.ladder.length - 1);
    const shape = [unfolding.leaf.length];
    const values = (bias: BiasLayout | undefined) => {
      if (bias === undefined) return new Float64Array(0);
      return toFloat64({ name: bias.name, dtype: bias.dtype, shape, data: biasesOf(unfolding, bias) });
    };
    const { biases, gates } = this.header.layout;
    return foldTree(unfolding, values(biases[block]), values(gates[block]?.bias));
  }

  /**
   * [blocks] refitted output weights, raw words of the skeleton's shapes; those of a part alone.
   *
   * @throws HermError `HERM_TRUNCATED` when this prefix ends before them.
   */
  async refit(index: number, options: CodecOptions, scope?: Scope): Promise<Uint8Array[]> {
    const { layout, json } = this.header;
    const subject = `Refit ${index} of ${this.file}`;
    const outputs: Uint8Array[] = [];
    for (const [group, { blocks }] of layout.groups.entries()) {
      if (scope?.groups.has(group) === false) continue;
      const chunk = await this.#chunk({ kind: 'refit', index, group }, options);
      for (const [n, section] of splitSections(chunk, blocks.length, subject).entries()) {
        const weight = outputWeight(layout, blocks[n]!);
        const shape = weightShape(weight, json.refits[index]!.widths);
        const bytes = shape[0] * shape[1] * dtypeBytes(weight.dtype);
        const form = { dtype: weight.dtype, shape };
        outputs[blocks[n]!] = await decodeTensor(section, form, bytes, subject, options);
      }
    }
    return outputs;
  }

  /** What of one of the original's files no tensor covers, one piece after the other. */
  async source(file: number, options: CodecOptions): Promise<Uint8Array> {
    const data = await this.#chunk({ kind: 'source', index: file }, options);
    const { json, sourceBytes } = this.header;
    const subject = `What is no tensor of ${quoteName(json.files[file]!.name)} in ${this.file}`;
    return decodeWords(data, sourceBytes[file]!, plainWords(1), subject, options);
  }

  /**
   * One of the original's files, in pieces of some megabytes. Keeps the levels for later calls, but no tensors that are
   * stored as they are; for {@link forOnePass one pass} neither.
   *
   * @param reuse a piece is no longer needed when the second next one is asked for.
   */
  async *originalFile(
    file: number,
    reuse: boolean,
    options: CodecOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const source = await this.source(file, options);
    yield* interleave(this.header.json, file, source, this.#originalTensors(file, reuse, options));
  }

  /** A file that lies beside the tensors. */
  async extra(index: number, options: CodecOptions): Promise<Uint8Array> {
    const data = await this.#chunk({ kind: 'extra', index }, options);
    const { name, size } = this.header.json.extras[index]!;
    return decodeWords(data, size, plainWords(1), `The file ${quoteName(name)} in ${this.file}`, options);
  }

  #chunk(name: ChunkName, options: CodecOptions): Promise<Uint8Array> {
    return this.#chunks.load(this.#index.chunk(name), options.signal);
  }
}

/** What the original is made of. */
const ESSENTIAL: readonly string[] = ['source', 'extra', 'flat', 'level'];

/** Biases of all nodes, raw. */
function biasesOf({ biases, gateBiases }: Unfolding, { side }: BiasLayout): Uint8Array {
  return side === 'gate' ? gateBiases : biases;
}
