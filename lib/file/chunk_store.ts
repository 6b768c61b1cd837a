import { HermError } from '../errors.ts';
import type { ByteSource } from '../model/source.ts';
import { type CodecOptions, xxh64 } from './codec.ts';
import { Memo } from './memo.ts';
import type { ChunkEntry } from './schema.ts';

/**
 * The chunks of a file, or of a prefix of one. Each is read once, when it is first asked for, and checked; concurrent
 * calls share one read.
 */
export class ChunkStore {
  /** Chunks from the first on that lie in the source as a whole. */
  readonly held: number;
  readonly #source: ByteSource;
  readonly #entries: readonly ChunkEntry[];
  readonly #start: number;
  readonly #loaded = new Memo<Uint8Array>();

  /** @param start where the first chunk starts. */
  constructor(source: ByteSource, entries: readonly ChunkEntry[], start: number) {
    this.#source = source;
    this.#entries = entries;
    this.#start = start;
    const missing = entries.findIndex(({ offset, length }) => start + offset + length > source.size);
    this.held = missing < 0 ? entries.length : missing;
  }

  get count(): number {
    return this.#entries.length;
  }

  /**
   * The bytes of chunk `index`, kept for later calls. No signal stops it, as other calls may wait for the same chunk.
   *
   * @throws HermError `HERM_TRUNCATED` when this prefix does not hold it, `HERM_CHECKSUM` when it is damaged, `IO`.
   */
  load(index: number): Promise<Uint8Array> {
    return this.#loaded.get(index, () => this.read(index, {}));
  }

  /** {@link load} that uses a kept chunk but keeps none. */
  peek(index: number, options: CodecOptions): Promise<Uint8Array> {
    return this.#loaded.peek(index) ?? this.read(index, options);
  }

  /** Reads and checks chunk `index` afresh. */
  async read(index: number, options: CodecOptions): Promise<Uint8Array> {
    const { name, size } = this.#source;
    const entry = this.#entries[index]!;
    const end = this.#start + entry.offset + entry.length;
    if (index >= this.held) {
      const why = `${name} ends before its ${describeChunk(entry)}: it has ${size} bytes, and ${end} are needed. Download more of it.`;
      throw new HermError('HERM_TRUNCATED', why, { file: name, size, needed: end });
    }
    const bytes = await this.#source.read(this.#start + entry.offset, entry.length);
    if ((await xxh64(bytes, options)) !== entry.xxh64) {
      const why = `The ${describeChunk(entry)} of ${name} is damaged: its checksum is wrong. Download it again.`;
      throw new HermError('HERM_CHECKSUM', why, { file: name, chunk: index });
    }
    return bytes;
  }
}

export function describeChunk({ kind, index, group }: Pick<ChunkEntry, 'kind' | 'index' | 'group'>): string {
  switch (kind) {
    case 'source':
      return 'safetensors header';
    case 'flat':
      return `tensor ${index}`;
    default:
      return group === undefined ? `${kind} ${index}` : `group ${group} of ${kind} ${index}`;
  }
}
