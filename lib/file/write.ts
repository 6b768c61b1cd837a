import { basename } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { HermError } from '../errors.ts';
import { buildLadder } from '../herm/ladder.ts';
import type { MergeTree } from '../herm/tree.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import type { Block } from '../model/block.ts';
import { Digest } from '../model/digest.ts';
import { readTensor } from '../model/safetensors.ts';
import { type ByteSource, fileSource } from '../model/source.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import { type CodecOptions, encodeWords, flatWords, plainWords, xxh64 } from './codec.ts';
import { type CodedGroup, encodeGroup, type ModelTensors } from './encode_group.ts';
import type { RefitOutputs } from './encode_refit.ts';
import { groupLevels } from './groups.ts';
import { type ChunkName, checkHeader, expectedChunks } from './header.ts';
import { type Layout, planLayout } from './layout.ts';
import { encodePrologue } from './prologue.ts';
import { openHerm } from './read.ts';
import type { HermHeader } from './schema.ts';

/** A chunk before it has a place. */
interface Chunk extends ChunkName {
  readonly bytes: Uint8Array;
}

/** A model and the hierarchies of its blocks. */
export interface HermToWrite extends ModelTensors {
  readonly blocks: readonly Block[];
  /** One a block, in the same order. */
  readonly trees: readonly MergeTree[];
  /** [blocks][levels] relative error of each block at each level of {@link buildLadder}; null where not known. */
  readonly errors: readonly (readonly (number | null)[])[];
  readonly refits?: readonly RefitOutputs[] | undefined;
  readonly options?: CallOptions | undefined;
}

/** Where the bytes of a written file are. */
export interface WriteReport {
  /** Of the whole file. */
  readonly bytes: number;
  readonly chunks: number;
  readonly headerBytes: number;
  /** The original's own header. */
  readonly sourceBytes: number;
  /** Tensors that no hierarchy merges. */
  readonly flatBytes: number;
  /** [levels] */
  readonly levelBytes: readonly number[];
  /** Part of `bytes`, but not needed to get the original back. */
  readonly refitBytes: number;
}

/**
 * Writes a model and its hierarchies as a .herm file (lib/file/FORMAT.md). Before the file takes its place it is opened
 * again, the original is recovered from it, and the digests are compared.
 *
 * @throws HermError `BAD_ARGUMENT`, `SHARED_TENSOR`, `NON_FINITE` for blocks that cannot be written; `HERM_LIMIT`;
 * `DIGEST_MISMATCH` when the file does not give the original back, or the original changed meanwhile; `ABORTED`; `IO`.
 */
export async function writeHerm(path: string, input: HermToWrite): Promise<WriteReport> {
  const { options } = input;
  const kernel = { signal: options?.signal, threads: options?.threads };
  const meter = new Meter(input.source.size, options);
  const sha256 = await digestOf(input.source, meter);
  const coded = await encodeGroups(input, kernel, meter);
  const chunks = await orderChunks(input, coded, kernel, meter);
  meter.finishPass(2);
  const header = await makeHeader(input, coded, chunks, sha256, kernel);
  checkOwn(header, path);
  const prologue = await encodePrologue(header, kernel);
  await atomicWrite(
    path,
    async (file) => {
      await file.write(prologue);
      for (const { bytes } of chunks) await file.write(bytes);
      await compare(file.path, kernel, meter);
    },
    options?.signal === undefined ? {} : { signal: options.signal },
  );
  return report(prologue, chunks, coded.ladder.length);
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

/** Progress over three passes over the original: reading, coding, comparing. */
class Meter {
  readonly #size: number;
  readonly #options: CallOptions | undefined;
  #done = 0;

  constructor(size: number, options: CallOptions | undefined) {
    this.#size = size;
    this.#options = options;
  }

  /** @throws HermError `ABORTED` */
  add(bytes: number): void {
    throwIfAborted(this.#options?.signal);
    this.#done += bytes;
    this.#options?.onProgress?.(Math.min(1, this.#done / (3 * this.#size)));
  }

  /** Coding counts tensors as they are done, and not the header and biases between them. */
  finishPass(pass: number): void {
    this.add(pass * this.#size - this.#done);
  }
}

const READ_BYTES = 2 ** 22;

async function digestOf(source: ByteSource, meter: Meter): Promise<string> {
  const digest = new Digest();
  for (let at = 0; at < source.size; at += READ_BYTES) {
    const bytes = await source.read(at, Math.min(READ_BYTES, source.size - at));
    await digest.update(bytes);
    meter.add(bytes.byteLength);
  }
  return digest.hex();
}

interface CodedModel {
  readonly layout: Layout;
  readonly ladder: readonly (readonly number[])[];
  /** [groups] */
  readonly groups: readonly CodedGroup[];
}

async function encodeGroups(input: HermToWrite, kernel: CodecOptions, meter: Meter): Promise<CodedModel> {
  const { header, blocks, trees, refits = [] } = input;
  if (blocks.length !== trees.length) {
    throw new HermError('BAD_ARGUMENT', `${blocks.length} blocks need as many merge trees, not ${trees.length}.`);
  }
  const layout = planLayout(header.tensors, blocks);
  const groups: CodedGroup[] = [];
  for (const { blocks: members } of layout.groups) {
    const pick = <T>(values: readonly T[]) => members.map((block) => values[block]!);
    const group = {
      blocks: pick(blocks),
      trees: pick(trees),
      refits: refits.map(({ widths, outputs, errors }) => ({
        widths: pick(widths),
        outputs: pick(outputs),
        errors: pick(errors),
      })),
    };
    groups.push(await encodeGroup(input, group, kernel, (bytes) => meter.add(bytes)));
  }
  const ladder = buildLadder(trees.map(({ neurons, merges }) => ({ neurons, smallest: neurons - merges })));
  return { layout, ladder, groups };
}

/** All chunks in the order in which a file holds them. */
async function orderChunks(
  input: HermToWrite,
  { layout, ladder, groups }: CodedModel,
  kernel: CodecOptions,
  meter: Meter,
): Promise<Chunk[]> {
  const { source, header, refits = [] } = input;
  const levels = layout.groups.map((group) => groupLevels(ladder, group));
  const chunks: Chunk[] = [];
  for (const name of expectedChunks({ tensors: header.tensors, ladder, refits }, layout)) {
    const { kind, index, group = 0 } = name;
    if (kind === 'source') chunks.push({ ...name, bytes: await encodeWords(header.raw, plainWords(1), kernel) });
    if (kind === 'flat') {
      const info = header.tensors[index]!;
      const { data } = await readTensor(source, header, info);
      chunks.push({ ...name, bytes: await encodeWords(data, flatWords(info.dtype), kernel) });
      meter.add(data.byteLength);
    }
    if (kind === 'level') chunks.push({ ...name, bytes: groups[group]!.levels[levels[group]!.indexOf(index)]! });
    if (kind === 'refit') chunks.push({ ...name, bytes: groups[group]!.refits[index]! });
  }
  return chunks;
}

async function makeHeader(
  input: HermToWrite,
  { ladder, groups }: CodedModel,
  chunks: readonly Chunk[],
  sha256: string,
  kernel: CodecOptions,
): Promise<HermHeader> {
  const { source, header, blocks, trees } = input;
  const indexOf = new Map(header.tensors.map(({ name }, index) => [name, index]));
  const shifts = groups
    .flatMap((group) => Array.from(group.shifts, ([name, shift]): [number, number] => [indexOf.get(name)!, shift]))
    .sort(([a], [b]) => a - b);
  const entries: HermHeader['chunks'] = [];
  let offset = 0;
  for (const { bytes, ...name } of chunks) {
    entries.push({ ...name, offset, length: bytes.byteLength, xxh64: await xxh64(bytes, kernel) });
    offset += bytes.byteLength;
  }
  return {
    tool: `hermkit ${packageJson.version}`,
    original: { name: basename(source.name), size: source.size, sha256, dataOffset: header.dataOffset },
    tensors: header.tensors.map((info) => ({ ...info, shape: [...info.shape] })),
    shifts,
    metadata: [...header.metadata],
    blocks: blocks.map((block, index) => ({ ...block, merges: trees[index]!.merges })),
    prior: 'isotropic',
    ladder: ladder.map((widths) => [...widths]),
    errors: input.errors.map((levels) => [...levels]),
    refits: (input.refits ?? []).map(({ widths, errors }) => ({ widths: [...widths], errors: [...errors] })),
    chunks: entries,
  };
}

/** The written file must give the original back, as it was when its digest was taken. */
async function compare(path: string, kernel: CodecOptions, meter: Meter): Promise<void> {
  const file = await openHerm(await fileSource(path), kernel);
  try {
    for await (const bytes of file.recover(kernel)) meter.add(bytes.byteLength);
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

function report(prologue: Uint8Array, chunks: readonly Chunk[], levels: number): WriteReport {
  const sizes = (kind: string, index?: number) =>
    chunks.flatMap((c) => (c.kind === kind && c.index === (index ?? c.index) ? [c.bytes.byteLength] : []));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    bytes: prologue.byteLength + sum(chunks.map(({ bytes }) => bytes.byteLength)),
    chunks: chunks.length,
    headerBytes: prologue.byteLength,
    sourceBytes: sum(sizes('source')),
    flatBytes: sum(sizes('flat')),
    levelBytes: Array.from({ length: levels }, (_, level) => sum(sizes('level', level))),
    refitBytes: sum(sizes('refit')),
  };
}
