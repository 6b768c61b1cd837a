import { HermError } from '../errors.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import type { Block } from '../model/block.ts';
import type { ModelDigests } from '../model/digest.ts';
import { type Model, readModelTensor, readSource } from '../model/model.ts';
import { readWhole } from '../model/source.ts';
import type { CallOptions } from '../native/call.ts';
import { encodeWords, plainWords } from './codec.ts';
import { encodeGroup, type GroupToCode } from './encode_group.ts';
import { groupLevels } from './groups.ts';
import { checkHeader, expectedChunks } from './header.ts';
import { type Layout, planLayout } from './layout.ts';
import {
  type FilePlan,
  makeHeader,
  type PlacedChunk,
  planFile,
  type WrittenBlock,
  type WrittenGroup,
} from './make_header.ts';
import { Meter } from './meter.ts';
import { encodeTensor } from './number_codec.ts';
import { encodePrologue } from './prologue.ts';
import { openHerm } from './read.ts';
import type { HermHeader } from './schema.ts';
import { appendChunk, groupFile, type Spool, type SpooledChunk, type SpoolFile } from './spool.ts';

/** A group of the layout, ready to be written. */
export interface GroupToWrite extends Omit<GroupToCode, 'blocks'> {
  /** One a block. */
  readonly written: readonly WrittenBlock[];
}

/** Where the bytes of a written file are. */
export interface WriteReport {
  /** Of the whole file. */
  readonly bytes: number;
  readonly chunks: number;
  readonly headerBytes: number;
  /** What of the original's files no tensor covers: their headers. */
  readonly sourceBytes: number;
  /** Files beside the original's safetensors files. */
  readonly extraBytes: number;
  /** Tensors that no hierarchy merges. */
  readonly flatBytes: number;
  /** [levels] */
  readonly levelBytes: readonly number[];
  /** Of these, hierarchies: everything but the weights. */
  readonly hierarchyBytes: number;
  /** Part of `bytes`, but not needed to get the original back. */
  readonly refitBytes: number;
  /** [levels][blocks] */
  readonly ladder: readonly (readonly number[])[];
  /** [blocks][levels] relative error of each block at each level; null where not known. */
  readonly errors: readonly (readonly (number | null)[])[];
  /** The same on samples that were held out; undefined: there were none. */
  readonly measured: readonly (readonly (number | null)[])[] | undefined;
  readonly refits: HermHeader['refits'];
}

/**
 * Writes a model and its hierarchies as a .herm file (lib/file/FORMAT.md), group by group: every group is coded into a
 * spool, and the file is put together from there. Only what is coded at the moment is in memory.
 */
export class HermWriter {
  readonly layout: Layout;
  readonly #model: Model;
  readonly #blocks: readonly Block[];
  readonly #prior: HermHeader['prior'];
  readonly #spool: Spool;
  readonly #groups: WrittenGroup[] = [];

  /**
   * @param prior what the errors to be written are for
   * @throws HermError `BAD_ARGUMENT`, `SHARED_TENSOR` for blocks that cannot be written.
   */
  constructor(model: Model, blocks: readonly Block[], prior: HermHeader['prior'], spool: Spool) {
    this.layout = planLayout(model.tensors, blocks);
    this.#model = model;
    this.#blocks = blocks;
    this.#prior = prior;
    this.#spool = spool;
  }

  /**
   * Codes the next group of the layout.
   *
   * @throws HermError `BAD_ARGUMENT`, `NON_FINITE`, `ABORTED`, `IO`.
   */
  async addGroup({ trees, refits, written }: GroupToWrite, options: CallOptions = {}): Promise<WrittenGroup> {
    const group = this.#groups.length;
    const { blocks, weights } = this.layout.groups[group]!;
    const names = weights.map((weight) => this.layout.weights[weight]!.name);
    const meter = new Meter(sizeOf(this.#model, names), options);
    const toCode = { blocks: blocks.map((block) => this.#blocks[block]!), trees, refits };
    const file = this.#file(group);
    const coded = await encodeGroup(this.#model, toCode, file, meter.kernel, (bytes) => meter.add(bytes));
    return this.reuseGroup({ ...coded, blocks: written });
  }

  /** The next group is in the spool already. */
  reuseGroup(written: WrittenGroup): WrittenGroup {
    this.#groups.push(written);
    return written;
  }

  /**
   * Puts the file together when all groups are there. Before it takes its place it is opened again, the original is
   * recovered from it, and the digests are compared.
   *
   * @param digests of the model's files
   * @throws HermError `HERM_LIMIT`; `DIGEST_MISMATCH` when the file does not give the original back, or the original
   * changed since its digest was taken; `ABORTED`; `IO`.
   */
  async finish(path: string, digests: ModelDigests, options: CallOptions = {}): Promise<WriteReport> {
    const names = this.layout.flat.map(({ name }) => name);
    const { files, extras } = this.#model;
    const size = [...files.map(({ source }) => source), ...extras].reduce((sum, file) => sum + file.size, 0);
    const meter = new Meter(sizeOf(this.#model, names) + size, options);
    const plan = planFile(this.#blocks, this.layout, this.#groups);
    const placed = await this.#place(plan, meter);
    const shifts = this.#groups.flatMap((group) => group.shifts);
    const header = makeHeader(this.#model, this.#blocks, this.#prior, plan, shifts, placed, digests);
    checkOwn(header, path);
    const prologue = await encodePrologue(header, meter.kernel);
    await atomicWrite(
      path,
      async (file) => {
        await file.write(prologue);
        for (const chunk of placed) for await (const bytes of chunk.file.pieces(chunk.spooled)) await file.write(bytes);
        await compare(file.path, meter);
      },
      options.signal === undefined ? {} : { signal: options.signal },
    );
    meter.finish();
    const hierarchyBytes = this.#groups.reduce((bytes, group) => bytes + group.hierarchyBytes, 0);
    return { ...report(prologue, header), hierarchyBytes };
  }

  #file(group: number): SpoolFile {
    return this.#spool.file(groupFile(group));
  }

  /** All chunks in the order in which the file holds them; what belongs to no group is coded. */
  async #place({ ladder, refits }: FilePlan, meter: Meter): Promise<PlacedChunk[]> {
    const { files, extras, tensors } = this.#model;
    const levels = this.layout.groups.map((group) => groupLevels(ladder, group));
    const others = this.#spool.file('others');
    const placed: PlacedChunk[] = [];
    for (const name of expectedChunks({ files, extras, tensors, ladder, refits }, this.layout)) {
      const { kind, index, group = 0 } = name;
      const file = name.group === undefined ? others : this.#file(group);
      let spooled: SpooledChunk;
      if (kind === 'level') spooled = this.#groups[group]!.levels[levels[group]!.indexOf(index)]!;
      else if (kind === 'refit') spooled = this.#groups[group]!.refits[index]!;
      else if (kind === 'flat') spooled = await this.#spoolFlat(index, others, meter);
      else {
        const whole = kind === 'source' ? await readSource(files[index]!) : await readWhole(extras[index]!.path);
        spooled = await appendChunk(others, await encodeWords(whole, plainWords(1), meter.kernel), meter.kernel);
      }
      placed.push({ name, file, spooled });
    }
    return placed;
  }

  async #spoolFlat(tensor: number, file: SpoolFile, meter: Meter): Promise<SpooledChunk> {
    const read = await readModelTensor(this.#model, this.#model.tensors[tensor]!);
    const chunk = await encodeTensor(read, meter.kernel);
    meter.add(read.data.byteLength);
    return appendChunk(file, chunk, meter.kernel);
  }
}

/** Bytes of the named tensors. */
function sizeOf({ tensors }: Model, names: readonly string[]): number {
  const wanted = new Set(names);
  return tensors.reduce((sum, { name, begin, end }) => (wanted.has(name) ? sum + end - begin : sum), 0);
}

/** A header that no reader would take is refused before anything is written. */
function checkOwn(header: HermHeader, path: string): void {
  try {
    checkHeader(header, 'the new file');
  } catch (cause) {
    if (!(cause instanceof HermError)) throw cause;
    throw new HermError(cause.code, `Cannot write ${path}: ${cause.message}`, { file: path }, { cause });
  }
}

/** The written file must give the original back, as it was when its digest was taken. */
async function compare(path: string, meter: Meter): Promise<void> {
  const file = await openHerm(path, meter.kernel);
  try {
    for await (const { bytes } of file.recoverAll(meter.kernel)) meter.add(bytes.byteLength);
  } catch (cause) {
    if (!(cause instanceof HermError) || cause.code === 'ABORTED') throw cause;
    throw new HermError(
      'DIGEST_MISMATCH',
      `The new file did not give the original back: ${cause.message}`,
      {},
      { cause },
    );
  } finally {
    await file.close();
  }
}

function report(
  prologue: Uint8Array,
  { chunks, ladder, errors, measured, refits }: HermHeader,
): Omit<WriteReport, 'hierarchyBytes'> {
  const sum = (kind?: string, index?: number) =>
    chunks.reduce((bytes, chunk) => {
      const counts = (kind ?? chunk.kind) === chunk.kind && (index ?? chunk.index) === chunk.index;
      return counts ? bytes + chunk.length : bytes;
    }, 0);
  return {
    bytes: prologue.byteLength + sum(),
    chunks: chunks.length,
    headerBytes: prologue.byteLength,
    sourceBytes: sum('source'),
    extraBytes: sum('extra'),
    flatBytes: sum('flat'),
    levelBytes: [...ladder.keys()].map((level) => sum('level', level)),
    refitBytes: sum('refit'),
    ladder,
    errors,
    measured,
    refits,
  };
}
