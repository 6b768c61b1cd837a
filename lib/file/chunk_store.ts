import { HermError } from '../errors.ts';
import type { RangeReader } from '../source/range_reader.ts';
import { Shared, waitForAll } from '../source/shared.ts';
import { Checksum, type CodecOptions, xxh64 } from './codec.ts';
import { chunkPart, type Damage, describePart } from './damage.ts';
import type { CheckedHeader } from './header.ts';
import { type ChunkRange, planRanges } from './ranges.ts';
import type { ChunkEntry } from './schema.ts';

/** A chunk as it was read, and whether its checksum holds. */
export interface ReadChunk {
  readonly chunk: number;
  readonly bytes: Uint8Array;
  readonly intact: boolean;
}

/** So much is read ahead of chunks that are passed on one after the other. */
const SCAN_BYTES = 2 ** 22;

/**
 * The chunks of a file, or of a prefix of one. Each is read once, when it is first asked for, and checked; concurrent
 * calls share one read, and chunks that lie near each other come by one.
 */
export class ChunkStore {
  readonly entries: readonly ChunkEntry[];
  /** Where the first chunk starts. */
  readonly start: number;
  /** Chunks from the first on that lie in the source as a whole. */
  readonly present: number;
  readonly #reader: RangeReader;
  /** Chunks that have been read and checked. */
  readonly #ready = new Map<number, Uint8Array>();
  /** The reads that will make chunks ready. */
  readonly #pending = new Map<number, Shared<void>>();
  /** Chunks that have come along between others, not checked yet. */
  readonly #spare = new Map<number, Uint8Array>();
  readonly #header: CheckedHeader;
  #damaged: ReadonlySet<number> | undefined;

  constructor(reader: RangeReader, header: CheckedHeader, start: number) {
    this.#reader = reader;
    this.#header = header;
    this.entries = header.json.chunks;
    this.start = start;
    const missing = this.entries.findIndex((_, chunk) => this.endOf(chunk + 1) > reader.size);
    this.present = missing < 0 ? this.entries.length : missing;
  }

  /** Bytes of chunks that are kept for later calls. */
  get kept(): number {
    const chunks = [...this.#ready.keys(), ...this.#spare.keys()];
    return chunks.reduce((sum, chunk) => sum + this.entries[chunk]!.length, 0);
  }

  /** Whether one read costs no more than its bytes. */
  get local(): boolean {
    return this.#reader.slack === 0;
  }

  /** Bytes of the file that hold the first `count` chunks. */
  endOf(count: number): number {
    const last = this.entries[count - 1];
    return this.start + (last === undefined ? 0 : last.offset + last.length);
  }

  /** Whether the chunk lies in the source, and is not known to be damaged. */
  holds(chunk: number): boolean {
    return chunk < this.present && !this.#damaged?.has(chunk);
  }

  /** Reads everything and checks it; from now on damaged chunks count as not held. */
  async salvage(options: CodecOptions): Promise<readonly Damage[]> {
    const damaged = await this.findDamaged(options);
    this.#damaged = new Set(damaged);
    return damaged.map((chunk) => this.damageAt(chunk));
  }

  /** Whether {@link salvage} has been called. */
  get salvaging(): boolean {
    return this.#damaged !== undefined;
  }

  /**
   * The bytes of a chunk, kept for later calls.
   *
   * @throws HermError `HERM_TRUNCATED` when this prefix does not hold it, `HERM_CHECKSUM` when it is damaged, `ABORTED`,
   * or as the source does.
   */
  async load(chunk: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const [bytes] = await this.loadAll([chunk], signal);
    return bytes!;
  }

  /** The bytes of a chunk that is kept. */
  peek(chunk: number): Uint8Array | undefined {
    return this.#ready.get(chunk);
  }

  /**
   * Compares the checksum of a chunk that is not kept, window by window: {@link readPart} then reads what is intact.
   * A window as long as the chunk holds it afterwards.
   *
   * @throws HermError as {@link load}
   */
  async check(chunk: number, window: Uint8Array, options: CodecOptions): Promise<void> {
    if (this.#ready.has(chunk)) return;
    this.#requirePresent(chunk);
    const { length, xxh64: expected } = this.entries[chunk]!;
    if (length <= window.byteLength) {
      const whole = window.subarray(0, length);
      await this.readPart(chunk, 0, whole, options.signal);
      if (!(await this.#isIntact(chunk, whole, options))) throw this.#damage(chunk);
      return;
    }
    const checksum = new Checksum();
    let found = await checksum.add(window.subarray(0, 0), options);
    for (let at = 0; at < length; at += window.byteLength) {
      const part = window.subarray(0, length - at);
      await this.readPart(chunk, at, part, options.signal);
      found = await checksum.add(part, options);
    }
    if (found !== expected) throw this.#damage(chunk);
  }

  /** Fills `out` with the bytes of a chunk from `from` on. @throws HermError as the source does. */
  async readPart(chunk: number, from: number, out: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const known = this.#ready.get(chunk);
    if (known !== undefined) out.set(known.subarray(from, from + out.byteLength));
    else await this.#reader.readInto(this.start + this.entries[chunk]!.offset + from, out, signal);
  }

  /** {@link load} for many chunks, in their order. */
  async loadAll(chunks: readonly number[], signal: AbortSignal | undefined): Promise<Uint8Array[]> {
    for (const chunk of chunks) this.#requirePresent(chunk);
    const isNew = (chunk: number) => !this.#ready.has(chunk) && (this.#pending.get(chunk)?.abandoned ?? true);
    const missing = [...new Set(chunks)].filter(isNew).sort((a, b) => a - b);
    for (const chunk of missing.filter((each) => this.#spare.has(each))) this.#useSpare(chunk);
    for (const range of planRanges(this.entries, missing.filter(isNew), this.#reader.slack)) this.#startRead(range);
    const reads = new Set(chunks.flatMap((chunk) => this.#pending.get(chunk) ?? []));
    if (reads.size > 0) await waitForAll([...reads], signal);
    return chunks.map((chunk) => {
      const bytes = this.#ready.get(chunk);
      if (bytes !== undefined) return bytes;
      throw this.#damage(chunk);
    });
  }

  #useSpare(chunk: number): void {
    const bytes = this.#spare.get(chunk)!;
    this.#spare.delete(chunk);
    this.#start([chunk], (signal) => this.#admit(chunk, bytes, signal));
  }

  #startRead({ offset, length, chunks }: ChunkRange): void {
    this.#start(chunks, async (signal) => {
      const bytes = await this.#reader.read(this.start + offset, length, signal);
      const wanted = new Set(chunks);
      for (let chunk = chunks[0]!; chunk <= chunks.at(-1)!; chunk++) {
        const own = this.#cut(bytes, offset, chunk);
        if (wanted.has(chunk)) await this.#admit(chunk, own, signal);
        else if (!this.#ready.has(chunk)) this.#spare.set(chunk, own);
      }
    });
  }

  /** A damaged chunk never becomes ready, and is read again by whoever asks next. */
  async #admit(chunk: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (await this.#isIntact(chunk, bytes, { signal })) this.#ready.set(chunk, bytes);
  }

  #start(chunks: readonly number[], work: (signal: AbortSignal) => Promise<void>): void {
    const shared = new Shared(work);
    for (const chunk of chunks) this.#pending.set(chunk, shared);
    const forget = () => {
      for (const chunk of chunks) if (this.#pending.get(chunk) === shared) this.#pending.delete(chunk);
    };
    shared.result.then(forget, forget);
  }

  #cut(bytes: Uint8Array, from: number, chunk: number): Uint8Array {
    const { offset, length } = this.entries[chunk]!;
    return bytes.subarray(offset - from, offset - from + length);
  }

  /**
   * Passes over chunks in ascending order and keeps none. What is kept already is used, unless `fresh` asks for what the
   * source holds now.
   *
   * @throws HermError `HERM_TRUNCATED`, `ABORTED`, or as the source does. Damage is the caller's to judge.
   */
  async *scan(
    chunks: readonly number[],
    options: CodecOptions,
    { fresh = false } = {},
  ): AsyncGenerator<ReadChunk, void, undefined> {
    for (const { offset, length, chunks: together } of planRanges(this.entries, chunks, 0, SCAN_BYTES)) {
      for (const chunk of together) this.#requirePresent(chunk);
      if (!fresh && together.every((chunk) => this.#ready.has(chunk))) {
        for (const chunk of together) yield { chunk, bytes: this.#ready.get(chunk)!, intact: true };
        continue;
      }
      const bytes = await this.#reader.read(this.start + offset, length, options.signal);
      for (const chunk of together) {
        const own = this.#cut(bytes, offset, chunk);
        yield { chunk, bytes: own, intact: await this.#isIntact(chunk, own, options) };
      }
    }
  }

  async #isIntact(chunk: number, bytes: Uint8Array, options: CodecOptions): Promise<boolean> {
    return (await xxh64(bytes, options)) === this.entries[chunk]!.xxh64;
  }

  /** @throws HermError `HERM_TRUNCATED` */
  #requirePresent(chunk: number): void {
    if (chunk < this.present) return;
    const { name, size } = this.#reader;
    const end = this.endOf(chunk + 1);
    const why = `${name} ends before its ${describePart(chunkPart(this.#header, chunk))}: it has ${size} bytes, and ${end} are needed. Download more of it.`;
    throw new HermError('HERM_TRUNCATED', why, { file: name, size, needed: end });
  }

  /** The bytes of a chunk that was read. @throws HermError `HERM_CHECKSUM` when it is damaged. */
  intact({ chunk, bytes, intact }: ReadChunk): Uint8Array {
    if (intact) return bytes;
    throw this.#damage(chunk);
  }

  /** Reads all that is present afresh. @returns the chunks whose checksums do not hold. */
  async findDamaged(options: CodecOptions): Promise<number[]> {
    const damaged: number[] = [];
    const present = [...this.entries.keys()].slice(0, this.present);
    for await (const { chunk, intact } of this.scan(present, options, { fresh: true })) {
      if (!intact) damaged.push(chunk);
    }
    return damaged;
  }

  damageAt(chunk: number): Damage {
    return { ...chunkPart(this.#header, chunk), begin: this.endOf(chunk), end: this.endOf(chunk + 1) };
  }

  #damage(chunk: number): HermError {
    const { name } = this.#reader;
    const damage = this.damageAt(chunk);
    const why = `The ${describePart(damage)} of ${name} is damaged: its checksum is wrong. Download it again, or replace the part with "herm upgrade".`;
    return new HermError('HERM_CHECKSUM', why, { file: name, ...damage });
  }

  /** Ends reads under way and lets go of everything that is kept. */
  async close(): Promise<void> {
    for (const shared of this.#pending.values()) shared.abort();
    this.#ready.clear();
    this.#spare.clear();
    await this.#reader.close();
  }
}
