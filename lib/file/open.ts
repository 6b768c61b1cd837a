import { HermError } from '../errors.ts';
import type { ByteSource } from '../model/source.ts';
import { isByteSource, openSource, type SourceInput, type SourceOptions } from '../source/input.ts';
import { RangeReader } from '../source/range_reader.ts';
import { ChunkStore } from './chunk_store.ts';
import { HermContent } from './content.ts';
import type { Damage } from './damage.ts';
import { checkHeader, checkPlausible } from './header.ts';
import { PROLOGUE_BYTES, readPrologue } from './prologue.ts';

/** How a .herm file is opened. */
export interface OpenOptions extends SourceOptions {
  /**
   * For a damaged file: reads all of it at once, and then treats parts whose checksums do not hold as not there. Blocks
   * are held to the level before the damage, and widths beyond that are cut down to it.
   */
  readonly salvage?: boolean | undefined;
}

/** An open file and what reads it, from bytes to tensors. */
export interface HermParts {
  readonly reader: RangeReader;
  /** The bytes before the first chunk. */
  readonly prologue: Uint8Array;
  readonly chunks: ChunkStore;
  readonly content: HermContent;
  /** What salvaging found. */
  readonly damage: readonly Damage[];
}

/** Opens a file and checks its header. A source that it opens itself is closed where the file is refused. */
export async function openParts(input: SourceInput, options: OpenOptions): Promise<HermParts> {
  const source = await openSource(input, options);
  try {
    return await readHeader(source, options);
  } catch (cause) {
    if (!isByteSource(input)) await source.close();
    throw cause;
  }
}

async function readHeader(source: ByteSource, { signal, salvage = false }: OpenOptions): Promise<HermParts> {
  const reader = await RangeReader.open(source, PROLOGUE_BYTES, signal);
  const { value, end, bytes } = await readPrologue(reader, { signal });
  const header = checkHeader(value, source.name);
  const size = end + header.chunkBytes;
  if (source.size > size && !salvage) {
    const why = `${source.name} is longer than its header says: ${source.size} bytes, not ${size}. Download or compress it again.`;
    throw new HermError('HERM_HEADER', why, { file: source.name });
  }
  const chunks = new ChunkStore(reader, header, end);
  checkPlausible(header, chunks.present, source.size, source.name);
  const damage = salvage ? [...(await chunks.salvage({ signal }))] : [];
  if (source.size > size) damage.push({ kind: 'excess', blocks: [], begin: size, end: source.size });
  return { reader, prologue: bytes, chunks, content: new HermContent(source.name, header, chunks), damage };
}
