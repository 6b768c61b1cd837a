import { concat } from '../model/concat.ts';
import type { ByteSource } from '../model/source.ts';
import { throwIfAborted } from '../native/call.ts';
import { Gate } from './gate.ts';

/** What was read of a source so far. */
export interface Traffic {
  /** Reads; of an address requests, those made again not counted. */
  readonly reads: number;
  readonly bytes: number;
}

/** Reads of one source that run at the same time. */
const PARALLEL_READS = 4;

/** Reads a source, counts what it reads, and keeps its first bytes, which it never reads twice. */
export class RangeReader {
  readonly name: string;
  readonly size: number;
  readonly slack: number;
  readonly #source: ByteSource;
  readonly #gate = new Gate(PARALLEL_READS);
  #head: Uint8Array;
  #reads = 0;
  #bytes = 0;

  private constructor(source: ByteSource) {
    this.#source = source;
    this.name = source.name;
    this.size = source.size;
    this.slack = source.slack ?? 0;
    this.#head = source.head ?? new Uint8Array(0);
    if (source.head !== undefined) this.#count(source.head);
  }

  /** @param least how many of the first bytes are needed at once, where the source has as many. */
  static async open(source: ByteSource, least: number, signal: AbortSignal | undefined): Promise<RangeReader> {
    const reader = new RangeReader(source);
    const wanted = Math.min(reader.size, Math.max(least, reader.slack));
    if (reader.#head.byteLength < wanted) reader.#head = await reader.read(0, wanted, signal);
    return reader;
  }

  get traffic(): Traffic {
    return { reads: this.#reads, bytes: this.#bytes };
  }

  /** Bytes from `offset` on that are here and need not be read. */
  ahead(offset: number): number {
    return Math.max(0, this.#head.byteLength - offset);
  }

  /** As a source reads; what it gives may be a view of kept bytes. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const known = this.#head.subarray(offset, offset + length);
    if (known.byteLength === length) return known;
    const bytes = await this.#gate.run(async () => {
      throwIfAborted(signal);
      return this.#source.read(offset + known.byteLength, length - known.byteLength, signal);
    });
    this.#count(bytes);
    return known.byteLength === 0 ? bytes : concat([known, bytes]);
  }

  #count({ byteLength }: Uint8Array): void {
    this.#reads++;
    this.#bytes += byteLength;
  }

  async close(): Promise<void> {
    this.#head = new Uint8Array(0);
    await this.#source.close();
  }
}
