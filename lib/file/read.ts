import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { type Adapter, makeAdapter } from '../herm/elastic/adapter.ts';
import { type LiftOptions, type LiftReport, liftPieces, liftTensors, liftTo } from '../herm/elastic/lift.ts';
import type { TunedInput } from '../herm/elastic/tuned.ts';
import { isDirectoryOutput, type WrittenSkeleton, writeSkeleton } from '../herm/expand.ts';
import { type FitOptions, fitWidths } from '../herm/loader_widths.ts';
import { onnxModel } from '../herm/onnx_skeleton.ts';
import { readTensors } from '../herm/read_tensors.ts';
import {
  checkOriginal,
  type RecoveredPiece,
  type RecoverOptions,
  recoverAll,
  recoverBytes,
  recoverTo,
} from '../herm/recover.ts';
import {
  buildSkeleton,
  resolveWidths,
  type Skeleton,
  type SkeletonOptions,
  type WidthRequest,
} from '../herm/skeleton.ts';
import type { MergeTree } from '../herm/tree.ts';
import { type TruncateReport, truncateTo } from '../herm/truncate.ts';
import type { Block } from '../model/block.ts';
import { quoteName } from '../model/messages.ts';
import { type ModelTensor, mergeMetadata } from '../model/model.ts';
import type { Tensor } from '../model/tensor.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import { type WidthCost, widthCost } from '../plan/cost.ts';
import { type PlanRequest, planWidths, type WidthPlan } from '../plan/plan_widths.ts';
import type { SourceInput } from '../source/input.ts';
import type { Traffic } from '../source/range_reader.ts';
import type { HermContent } from './content.ts';
import { type Damage, describePart } from './damage.ts';
import { levelEnds } from './header.ts';
import { wholeTensors } from './joined.ts';
import { type HermParts, type OpenOptions, openParts } from './open.ts';
import { type Original, originalOf } from './original.ts';
import type { HermHeader } from './schema.ts';

/** What a file that is not damaged is. */
export interface VerifyReport {
  /** All of it is here, and gives back the original. */
  readonly complete: boolean;
  /** Parts that are here, each with a checksum that holds. */
  readonly chunks: number;
}

/** Refitted output weights in a file. */
export interface StoredRefit {
  /** [blocks] */
  readonly widths: readonly number[];
  /** [blocks] relative errors with these weights; null where not known. */
  readonly errors: readonly (number | null)[];
  /** [blocks] the same on samples that were held out; undefined: there were none. */
  readonly measured?: readonly (number | null)[] | undefined;
}

/**
 * An open .herm file, or a prefix of one: every width whose levels are held can be had, and a complete file gives back
 * the original bit for bit. Chunks are read when they are first needed, and kept; all calls may run concurrently.
 */
export class HermFile {
  readonly blocks: readonly Block[];
  /** [levels][blocks] the widths at which the file can be cut. */
  readonly ladder: readonly (readonly number[])[];
  /** [blocks][levels] relative error of each block's function at each level's width; null where it is not known. */
  readonly errors: readonly (readonly (number | null)[])[];
  /** [blocks][levels] the same on samples that were held out; undefined: there were none. */
  readonly measured: readonly (readonly (number | null)[])[] | undefined;
  /**
   * What inputs the errors are for: `isotropic` is x ~ N(0, I), `norm` what the norm before each block leaves, `samples`
   * samples blended with one of these.
   */
  readonly prior: HermHeader['prior'];
  /** Widths for which there are refitted output weights, and the relative errors [blocks] that those leave. */
  readonly refits: readonly StoredRefit[];
  /** [levels] bytes of the shortest beginning of the file that serves each level's widths (without their refits). */
  readonly prefixBytes: readonly number[];
  /** The original's metadata, of all its files. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The original's tensors, file after file in the order of their data. */
  readonly tensors: readonly ModelTensor[];
  readonly original: Original;
  /** What messages call the file: its path, or its address without login and query. */
  readonly name: string;
  /** Bytes of the file, or of the part of it that is here. */
  readonly size: number;
  readonly #parts: HermParts;
  readonly #content: HermContent;

  /** Use {@link openHerm}. */
  constructor(parts: HermParts) {
    const { reader, chunks, content } = parts;
    const { blocks, json } = content.header;
    this.name = reader.name;
    this.size = reader.size;
    this.#parts = parts;
    this.#content = content;
    this.blocks = blocks;
    this.ladder = json.ladder;
    this.errors = json.errors;
    this.measured = json.measured;
    this.refits = json.refits;
    this.prior = json.prior;
    this.prefixBytes = levelEnds(json).map((end) => {
      const { offset, length } = json.chunks[end - 1]!;
      return chunks.start + offset + length;
    });
    this.metadata = mergeMetadata(json.files.map((file) => file.metadata));
    this.tensors = wholeTensors(json).map(({ parts: _, ...info }) => info);
    this.original = originalOf(json);
  }

  /** Whether all of the file is here. */
  get complete(): boolean {
    return this.#content.complete;
  }

  /** Parts with a checksum each that are here as a whole. */
  get chunks(): number {
    return this.#parts.chunks.present;
  }

  /** What was read of the source so far, its header included. */
  get traffic(): Traffic {
    return this.#parts.reader.traffic;
  }

  /** Bytes of the file that are kept for later calls. */
  get kept(): number {
    return this.#parts.chunks.kept;
  }

  /** The largest width of each block, by name, that the held part serves; 0 where it serves none. */
  widthsAvailable(): Record<string, number> {
    return this.#content.byName(this.#content.heldWidths());
  }

  /**
   * The network at smaller widths. The same widths give the same bytes from a prefix and from the whole file, on every
   * machine.
   *
   * @throws HermError `WIDTH` for widths that a block does not have or this prefix does not hold; `HERM_CHECKSUM`,
   * `HERM_CORRUPT`, `HERM_TRUNCATED` (refits that this prefix does not hold), `ABORTED`, `IO`.
   */
  async skeleton(request: WidthRequest, options: SkeletonOptions = {}): Promise<Skeleton> {
    return buildSkeleton(this.#content, resolveWidths(this.#content, request), options);
  }

  /**
   * The widths by block name that a request stands for, raised so that loaders take them: one width for all blocks that
   * share a setting of config.json (`uniform`), multiples of a number (`roundTo`).
   *
   * @throws HermError as {@link skeleton}; `BAD_ARGUMENT` for a number that is not whole and positive, `CONFIG`.
   */
  async fitWidths(request: WidthRequest, options: FitOptions & Pick<CallOptions, 'signal'> = {}) {
    requireArguments({ options });
    const { uniform, roundTo = 1, signal } = options;
    throwIfAborted(signal);
    if (!Number.isSafeInteger(roundTo) || roundTo < 1) {
      throw new HermError('BAD_ARGUMENT', `roundTo must be a whole number above 0, not ${roundTo}.`, { roundTo });
    }
    const widths = resolveWidths(this.#content, request);
    return this.#content.byName(await fitWidths(this.#content, widths, { uniform, roundTo }, { signal }));
  }

  /**
   * The widths of the least predicted error within a budget, or of the least cost within an error; {@link skeleton} takes its
   * `widths`.
   *
   * @throws HermError `BAD_ARGUMENT`; `BUDGET` where no widths are within it; `NO_CERTIFICATE`; `WIDTH` where this prefix lacks
   * a block; `TOO_LARGE` where `uniform` ties too much; with `uniform` also `CONFIG`, and as reading does.
   */
  planWidths(request: PlanRequest): Promise<WidthPlan> {
    return planWidths(this.#content, request);
  }

  /** What a network of these widths takes. @throws HermError `WIDTH` as {@link skeleton}. */
  costOf(request: WidthRequest): WidthCost {
    return widthCost(this.#content, resolveWidths(this.#content, request));
  }

  /**
   * Writes a skeleton of this file: as a safetensors file, or as a new directory like the original's, where that is one
   * and `path` does not end in `.safetensors`.
   *
   * @throws HermError `OUTPUT_EXISTS` for a directory that is there and not empty, `ABORTED`, `IO`.
   */
  writeSkeleton(path: string, skeleton: Skeleton, options: CallOptions = {}): Promise<WrittenSkeleton> {
    return writeSkeleton(this.#content, path, skeleton, options);
  }

  /**
   * The bytes of an ONNX model with the tensors of a skeleton of this file, external data put into it.
   *
   * @throws HermError `MODEL_FORMAT` where the original is no ONNX model; `TOO_LARGE`, `ONNX_EXTERNAL`, or as reading does.
   */
  async onnxModel(skeleton: Skeleton, options: Pick<CallOptions, 'signal' | 'threads'> = {}): Promise<Uint8Array> {
    requireArguments({ skeleton, options });
    return onnxModel(this.#content, skeleton.tensors, { signal: options.signal, threads: options.threads });
  }

  /** Whether {@link writeSkeleton} makes a directory of this path. */
  isDirectoryOutput(path: string): boolean {
    return isDirectoryOutput(this.#content, path);
  }

  /**
   * The bytes of the original file, in order; of a directory those of the file that `options.file` names. Its digest is
   * compared at the end: the last step throws if it differs.
   *
   * @throws HermError `BAD_ARGUMENT` for a file that there is not, `HERM_TRUNCATED` for a prefix, `DIGEST_MISMATCH`, `HERM_CHECKSUM`, `HERM_CORRUPT`, `ABORTED`, `IO`.
   */
  recover(options: RecoverOptions = {}): AsyncIterable<Uint8Array> {
    return recoverBytes(this.#content, options);
  }

  /** All files of the original, one after the other, each as {@link recover} gives it. */
  recoverAll(options: CallOptions = {}): AsyncIterable<RecoveredPiece> {
    return recoverAll(this.#content, options);
  }

  /**
   * Writes the original to `path`, all of it and verified, or nothing: a file, or a new directory where it is several.
   *
   * @throws HermError as {@link recover}; `OUTPUT_EXISTS` for a directory that is there and not empty.
   */
  recoverTo(path: string, options: CallOptions = {}): Promise<void> {
    return recoverTo(this.#content, path, options);
  }

  /**
   * The original with the change of a tuned skeleton ({@link skeleton}) lifted to all of its neurons, piece by piece, as
   * {@link recoverAll} gives it; the generator returns what was lifted. Without any change it is the original bit for bit.
   *
   * @param tuned a path to the tuned model, or all of its tensors
   * @throws HermError `TUNED_TENSOR`, `WIDTH`, `BAD_ARGUMENT`, `NON_FINITE`; as opening a model; as {@link recover}.
   */
  lift(tuned: TunedInput, options: LiftOptions = {}): AsyncGenerator<RecoveredPiece, LiftReport, undefined> {
    return liftPieces(this.#content, tuned, options);
  }

  /** Writes what {@link lift} gives as {@link recoverTo} does, all of it or nothing. @throws HermError as both. */
  liftTo(path: string, tuned: TunedInput, options: LiftOptions = {}): Promise<LiftReport> {
    return liftTo(this.#content, path, tuned, options);
  }

  /** All tensors of what {@link lift} gives, in memory. @throws HermError as {@link lift} */
  liftTensors(tuned: TunedInput, options: LiftOptions = {}): Promise<Tensor[]> {
    return liftTensors(this.#content, tuned, options);
  }

  /**
   * The sparse maps of a width, with which the whole network can be tuned through a few numbers; {@link lift} adds what was
   * trained (`delta`).
   *
   * @throws HermError `WIDTH`; `HERM_TRUNCATED` for a prefix, or as reading does.
   */
  adapter(request: WidthRequest, options: Pick<CallOptions, 'signal'> = {}): Promise<Adapter> {
    return makeAdapter(this.#content, request, options);
  }

  /**
   * Writes the beginning of this file that serves these widths, with the refit for exactly them where there is one. All
   * bytes are those of this file, and every checksum is compared.
   *
   * @throws HermError `WIDTH`, or as reading does; `IO` when the file cannot be written.
   */
  truncateTo(path: string, request: WidthRequest, options: CallOptions = {}): Promise<TruncateReport> {
    return truncateTo(this.#parts, path, resolveWidths(this.#content, request), options);
  }

  /**
   * The hierarchy of a block; its costs are rounded to bfloat16 (8 significant bits).
   *
   * @throws HermError `BAD_ARGUMENT` for an unknown block, `HERM_TRUNCATED` for a prefix, or as reading does.
   */
  async tree(block: string): Promise<MergeTree> {
    const index = this.blocks.findIndex(({ name }) => name === block);
    if (index >= 0) return this.#content.tree(index);
    const names = this.blocks.map(({ name }) => quoteName(name)).join(', ');
    throw new HermError('BAD_ARGUMENT', `There is no block ${quoteName(block)}; there are: ${names}.`, { block });
  }

  /**
   * Tensors of the original by name, without recovering the rest; with {@link neuronTensors} the weights of one block.
   *
   * @throws HermError `BAD_ARGUMENT` for a name that there is not, `HERM_TRUNCATED` for a prefix, or as reading does.
   */
  readTensors(names: readonly string[], options: CallOptions = {}): Promise<Tensor[]> {
    return readTensors(this.#content, names, options);
  }

  /** The damaged parts that opening with `salvage` has found; else nothing is known yet. */
  get damage(): readonly Damage[] {
    return this.#parts.damage;
  }

  /**
   * Reads everything that is here afresh. @returns all parts whose checksums do not hold.
   *
   * @throws HermError `ABORTED`, `IO`.
   */
  async findDamage(options: Pick<CallOptions, 'signal' | 'threads'> = {}): Promise<Damage[]> {
    requireArguments({ options });
    const { chunks } = this.#parts;
    const kernel = { signal: options.signal, threads: options.threads };
    return (await chunks.findDamaged(kernel)).map((chunk) => chunks.damageAt(chunk));
  }

  /**
   * Reads everything that is here and checks every checksum; of a complete file also that it gives back the original.
   *
   * @throws HermError `HERM_CHECKSUM` with all damaged parts in `details.damage`, `HERM_CORRUPT`, `DIGEST_MISMATCH`,
   * `ABORTED`, `IO`.
   */
  async verify(options: CallOptions = {}): Promise<VerifyReport> {
    const damage = await this.findDamage(options);
    if (damage.length > 0) {
      const others = damage.length > 1 ? ` So are ${damage.length - 1} other parts.` : '';
      const why = `The ${describePart(damage[0]!)} of ${this.name} is damaged: its checksum is wrong.${others}`;
      const details = { file: this.name, damage };
      throw new HermError('HERM_CHECKSUM', `${why} Download it again, or replace them with "herm upgrade".`, details);
    }
    if (this.complete) await checkOriginal(this.#content, options);
    return { complete: this.complete, chunks: this.chunks };
  }

  /** Ends reads under way, lets go of all that is kept, and closes the source. */
  close(): Promise<void> {
    return this.#parts.chunks.close();
  }
}

/**
 * Opens a .herm file or a prefix of one, and checks all of its header. A source that it opens itself is closed with the
 * file, and also when it is refused; one that was passed in, only with the file.
 *
 * @throws HermError `HERM_MAGIC`, `HERM_VERSION`, `HERM_HEADER`, `HERM_TRUNCATED`, `HERM_CHECKSUM`, `HERM_CORRUPT`,
 * `HERM_LIMIT`, `BAD_ARGUMENT`, `HTTP_RANGES`, `SOURCE_CHANGED`, `ABORTED`, `IO`.
 */
export async function openHerm(input: SourceInput, options: OpenOptions = {}): Promise<HermFile> {
  return new HermFile(await openParts(input, options));
}
