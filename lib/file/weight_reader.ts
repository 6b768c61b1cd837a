import { quoteName } from '../model/messages.ts';
import { threadsOf } from '../native/call.ts';
import { allocating } from './allocating.ts';
import type { ChunkIndex } from './chunk_index.ts';
import type { CodecOptions } from './codec.ts';
import type { CheckedHeader } from './header.ts';
import { weightSectionCount } from './lane_levels.ts';
import { isShared, type WeightLayout } from './layout.ts';
import type { LevelReader } from './level_reader.ts';
import { decodeShared } from './shared_decode.ts';
import { type DecodedWeight, decodeWhole, type HeldWeight, type PieceBuffers, tensorPieces } from './weight_decode.ts';
import type { Workspace } from './workspace.ts';

/** A strip is decoded by one thread; some are longer than others. */
const STRIPS_A_THREAD = 2;

/** Decodes the weight tensors of a file, by their numbers in its layout. */
export class WeightReader {
  readonly #header: CheckedHeader;
  readonly #levels: LevelReader;
  readonly #index: ChunkIndex;
  readonly #file: string;
  readonly #workspace: Workspace | undefined;
  /** Of a pass, what is decoded and comes next. */
  readonly #decoded = new Map<number, DecodedWeight>();

  constructor(
    header: CheckedHeader,
    levels: LevelReader,
    index: ChunkIndex,
    file: string,
    workspace: Workspace | undefined,
  ) {
    this.#header = header;
    this.#levels = levels;
    this.#index = index;
    this.#file = file;
    this.#workspace = workspace;
  }

  /** @throws HermError `HERM_CORRUPT`, `HERM_CHECKSUM`, `HERM_TRUNCATED`, `OUT_OF_MEMORY`, `IO`. */
  async decode(weight: number, widths: readonly number[], options: CodecOptions): Promise<DecodedWeight> {
    const held = await this.#held(weight, widths);
    return allocating(held.subject, async () => {
      if (isShared(held.weight)) return decodeShared(held, widths, options);
      return (await decodeWhole([held], widths, options))[0]!;
    });
  }

  /**
   * The bytes of a tensor in a pass over several ones. Where it alone does not keep all threads busy, those that follow of
   * its group are decoded side by side with it; but not those between two hidden layers, whose groups may be as large as
   * the model.
   *
   * @param ahead weights from this one on, in the order of the pass.
   */
  async *pieces(
    ahead: readonly number[],
    widths: readonly number[],
    buffers: PieceBuffers,
    options: CodecOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const [weight] = ahead;
    if (!this.#decoded.has(weight!)) await this.#decodeRun(ahead, widths, options);
    const decoded = this.#decoded.get(weight!)!;
    this.#decoded.delete(weight!);
    yield* tensorPieces(decoded, buffers, options);
    this.#workspace?.give(decoded.matrix.words);
  }

  async #decodeRun(ahead: readonly number[], widths: readonly number[], options: CodecOptions): Promise<void> {
    const [first] = ahead;
    if (isShared(this.#layout(first!))) {
      this.#decoded.set(first!, await this.decode(first!, widths, options));
      return;
    }
    const threads = threadsOf(options);
    const run = this.#runFrom(ahead, threads === 1 ? 1 : STRIPS_A_THREAD * threads);
    const held: HeldWeight[] = [];
    for (const weight of run) held.push(await this.#held(weight, widths));
    const found = await allocating(held[0]!.subject, () => decodeWhole(held, widths, options));
    for (const [n, weight] of run.entries()) this.#decoded.set(weight, found[n]!);
  }

  /** Weights that are decoded at once: until there are as many strips, or the group ends. */
  #runFrom(ahead: readonly number[], strips: number): number[] {
    const run: number[] = [];
    let found = 0;
    for (const weight of ahead) {
      const layout = this.#layout(weight);
      if (found >= strips || isShared(layout) || this.#group(weight) !== this.#group(ahead[0]!)) break;
      run.push(weight);
      found += weightSectionCount(layout) / 2;
    }
    return run;
  }

  #layout(weight: number): WeightLayout {
    return this.#header.layout.weights[weight]!;
  }

  #group(weight: number): number {
    const { rowAxis, colAxis } = this.#layout(weight);
    return this.#index.groupOf((rowAxis ?? colAxis)!.block);
  }

  /** What is held of a tensor, as much as these widths need. */
  async #held(index: number, widths: readonly number[]): Promise<HeldWeight> {
    const { json, shifts } = this.#header;
    const weight = this.#layout(index);
    const level = firstLevel(json.ladder, weight, widths);
    const group = this.#group(index);
    return {
      weight,
      shift: shifts[index]!,
      unfoldings: await this.#levels.unfoldings(group, level),
      coded: await this.#levels.weightSections(group, index, level),
      ladder: this.#levels.levelsOf(group, level).map((at) => json.ladder[at]!),
      subject: `Tensor ${quoteName(weight.name)} in ${this.#file}`,
      workspace: this.#workspace,
    };
  }
}

/** The first level that reaches the widths of the blocks along both axes of a tensor. */
function firstLevel(ladder: readonly (readonly number[])[], weight: WeightLayout, widths: readonly number[]): number {
  const blocks = [weight.rowAxis, weight.colAxis].flatMap((axis) => (axis === undefined ? [] : [axis.block]));
  return ladder.findIndex((level) => blocks.every((block) => level[block]! >= widths[block]!));
}
