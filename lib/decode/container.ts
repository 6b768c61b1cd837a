import { HermError } from '../errors.ts';
import { type CheckedHeader, type ChunkName, checkHeader, checkPlausible } from '../file/header.ts';
import { guardJson } from '../file/json_guard.ts';
import { type ChunkEntry, LIMITS } from '../file/schema.ts';
import type { ByteReader } from './byte_reader.ts';
import { corrupt } from './corrupt.ts';
import { decodeWords } from './planes.ts';
import { readLeb128 } from './rans.ts';
import { xxh64 } from './xxh64.ts';

const MAGIC = [0x89, 0x48, 0x45, 0x52, 0x4d, 0x0d, 0x0a, 0x1a];
const MAJOR = 1;
/** Magic, versions, both lengths, checksum. */
const PROLOGUE_BYTES = 28;
/** What messages call the file, which has no name here. */
const FILE = 'The file';

/** A .herm file or a beginning of one, as its header and chunks: FORMAT.md, sections 1, 2 and 4. */
export class Container {
  readonly header: CheckedHeader;
  readonly #reader: ByteReader;
  /** Where chunks start. */
  readonly #start: number;

  private constructor(reader: ByteReader, header: CheckedHeader, start: number) {
    this.#reader = reader;
    this.header = header;
    this.#start = start;
  }

  /**
   * @throws HermError `HERM_MAGIC`, `HERM_VERSION`, `HERM_TRUNCATED`, `HERM_CHECKSUM`, `HERM_LIMIT`, `HERM_CORRUPT`,
   * `HERM_HEADER`, `IO`.
   */
  static async open(reader: ByteReader): Promise<Container> {
    const { json, end } = await readHeader(reader);
    const header = checkHeader(json, FILE);
    if (reader.size > end + header.chunkBytes) {
      throw new HermError('HERM_HEADER', `${FILE} is longer than its header says.`);
    }
    const container = new Container(reader, header, end);
    const held = header.json.chunks.findIndex((entry) => !container.#holds(entry));
    checkPlausible(header, held < 0 ? header.json.chunks.length : held, reader.size, FILE);
    return container;
  }

  /** Whether all of the file is here. */
  get complete(): boolean {
    return this.#reader.size === this.#start + this.header.chunkBytes;
  }

  holds(name: ChunkName): boolean {
    return this.#holds(this.#entry(name));
  }

  /** @throws HermError `HERM_TRUNCATED`, `HERM_CHECKSUM`, `IO`. */
  async chunk(name: ChunkName): Promise<Uint8Array> {
    const { offset, length, xxh64: expected } = this.#entry(name);
    const bytes = await this.#reader.read(this.#start + offset, length);
    if ((await xxh64(bytes)) === expected) return bytes;
    throw new HermError('HERM_CHECKSUM', `A part of the file (${name.kind} ${name.index}) is damaged.`);
  }

  /** The sections of a chunk. @throws HermError as {@link chunk}, `HERM_CORRUPT` unless there are `count`. */
  async sections(name: ChunkName, count: number): Promise<Uint8Array[]> {
    return cutSections(await this.chunk(name), count);
  }

  #holds({ offset, length }: ChunkEntry): boolean {
    return this.#start + offset + length <= this.#reader.size;
  }

  /** The header has been checked to have it. */
  #entry({ kind, index, group }: ChunkName): ChunkEntry {
    return this.header.json.chunks.find(
      (entry) => entry.kind === kind && entry.index === index && entry.group === group,
    )!;
  }
}

async function readHeader(reader: ByteReader): Promise<{ json: unknown; end: number }> {
  const start = await reader.read(0, Math.min(PROLOGUE_BYTES, reader.size));
  const isHerm = start.length > 0 && MAGIC.every((byte, at) => at >= start.length || start[at] === byte);
  if (!isHerm) throw new HermError('HERM_MAGIC', `${FILE} is not a .herm file.`);
  if (start.length < PROLOGUE_BYTES) throw new HermError('HERM_TRUNCATED', `${FILE} ends inside its header.`);
  const fixed = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const major = fixed.getUint16(8, true);
  if (major !== MAJOR) {
    const why = `${FILE} has version ${major} of the .herm format; this decoder reads version ${MAJOR}.`;
    throw new HermError('HERM_VERSION', why, { version: major });
  }
  const [stored, length] = [fixed.getUint32(12, true), fixed.getUint32(16, true)];
  if (length > LIMITS.headerBytes || length > 2 ** 20 + LIMITS.headerRatio * stored) {
    throw new HermError('HERM_LIMIT', `The header claims to hold ${length} bytes in ${stored} stored ones.`);
  }
  const bytes = await reader.read(PROLOGUE_BYTES, stored);
  const expected = fixed.getBigUint64(20, true).toString(16).padStart(16, '0');
  if ((await xxh64(bytes)) !== expected) throw new HermError('HERM_CHECKSUM', 'The header is damaged.');
  const text = decodeWords(bytes, length, { wordBytes: 1, float: false });
  guardJson(text, stored, FILE);
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text));
    return { json, end: PROLOGUE_BYTES + stored };
  } catch (cause) {
    throw new HermError('HERM_HEADER', 'The header is not valid JSON.', {}, { cause });
  }
}

/** Sections that follow their lengths and fill a chunk. */
function cutSections(chunk: Uint8Array, count: number): Uint8Array[] {
  const lengths: number[] = [];
  let at = 0;
  while (lengths.length < count) {
    const { value, end } = readLeb128(chunk, at);
    lengths.push(value);
    at = end;
  }
  const sections = lengths.map((length) => {
    if (length > chunk.length - at) throw corrupt('a section is longer than what there is');
    at += length;
    return chunk.subarray(at - length, at);
  });
  if (at !== chunk.length) throw corrupt('bytes are left over after the last section');
  return sections;
}
