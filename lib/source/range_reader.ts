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

/** Bytes of a source that are here already. */
interface Region {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Reads a source, counts what it reads, and keeps its first bytes, which it never reads twice. */
export class RangeReader {
  readonly name: string;
  readonly size: number;
  readonly slack: number;
  readonly #source: ByteSource;
  readonly #gate = new Gate(PARALLEL_READS);
  readonly #known: Region[] = [];
  #reads = 0;
  #bytes = 0;

  private constructor(source: ByteSource) {
    this.#source = source;
    this.name = source.name;
    this.size = source.size;
    this.slack = source.slack ?? 0;
    if (source.head === undefined) return;
    this.#count(source.head);
    this.know(0, source.head);
  }

  /** @param least how many of the first bytes are needed at once, where the source has as many. */
  static async open(source: ByteSource, least: number, signal: AbortSignal | undefined): Promise<RangeReader> {
    const reader = new RangeReader(source);
    const wanted = Math.min(reader.size, Math.max(least, reader.slack));
    if ((source.head?.byteLength ?? 0) < wanted) reader.know(0, await reader.read(0, wanted, signal));
    return reader;
  }

  get traffic(): Traffic {
    return { reads: this.#reads, bytes: this.#bytes };
  }

  /** From now on, a read that starts in these bytes takes what it can of them. */
  know(offset: number, bytes: Uint8Array): void {
    this.#known.unshift({ offset, bytes });
  }

  /** Forgets what {@link know} told last. */
  forget(): void {
    this.#known.shift();
  }

  /** As a source reads; what it gives may be a view of kept bytes. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const known = this.#knownAt(offset).subarray(0, length);
    if (known.byteLength === length) return known;
    const bytes = await this.#gate.run(async () => {
      throwIfAborted(signal);
      return this.#source.read(offset + known.byteLength, length - known.byteLength, signal);
    });
    this.#count(bytes);
    return known.byteLength === 0 ? bytes : concat([known, bytes]);
  }

  /** {@link read} into bytes that are there. */
  async readInto(offset: number, out: Uint8Array, signal?: AbortSignal): Promise<void> {
    const source = this.#source;
    if (source.readInto === undefined) {
      out.set(await this.read(offset, out.byteLength, signal));
      return;
    }
    const known = this.#knownAt(offset).subarray(0, out.byteLength);
    out.set(known);
    const rest = out.subarray(known.byteLength);
    if (rest.byteLength === 0) return;
    await this.#gate.run(async () => {
      throwIfAborted(signal);
      await source.readInto?.(offset + known.byteLength, rest);
    });
    this.#count(rest);
  }

  #knownAt(offset: number): Uint8Array {
    const holds = (region: Region) => offset >= region.offset && offset < region.offset + region.bytes.byteLength;
    const region = this.#known.find(holds);
    return region?.bytes.subarray(offset - region.offset) ?? new Uint8Array(0);
  }

  #count({ byteLength }: Uint8Array): void {
    this.#reads++;
    this.#bytes += byteLength;
  }

  async close(): Promise<void> {
    this.#known.length = 0;
    await this.#source.close();
  }
}
