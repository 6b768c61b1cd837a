import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MergeReport } from '../herm/merge.ts';
import { writeAll } from '../model/atomic_write.ts';
import { ioError } from '../model/messages.ts';
import { fileSource } from '../model/source.ts';
import { holdTemporary, releaseTemporary } from '../model/temporary.ts';
import { type CodecOptions, xxh64 } from './codec.ts';
import type { WrittenGroup } from './make_header.ts';
import type { ChunkEntry } from './schema.ts';

/** Where bytes lie in a file of a spool. */
export type Extent = Pick<ChunkEntry, 'offset' | 'length'>;

/** A chunk in a file of a spool. */
export type SpooledChunk = Extent & Pick<ChunkEntry, 'xxh64'>;

/** Copying goes in pieces of this size. */
const PIECE_BYTES = 2 ** 24;

/** A file that grows at its end and can be read anywhere. */
export class SpoolFile {
  readonly #folder: string;
  readonly #path: string;
  #size = 0;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#path = join(folder, name);
  }

  /** Another file beside this one. */
  sibling(name: string): SpoolFile {
    return new SpoolFile(this.#folder, name);
  }

  /** The first one makes the file, empty before. @returns where each part lies. @throws HermError `IO` */
  async append(parts: readonly Uint8Array[]): Promise<Extent[]> {
    const extents: Extent[] = [];
    try {
      const handle = await open(this.#path, this.#size === 0 ? 'w' : 'a');
      try {
        for (const part of parts) {
          await writeAll(handle, part);
          extents.push({ offset: this.#size, length: part.byteLength });
          this.#size += part.byteLength;
        }
      } finally {
        await handle.close();
      }
    } catch (cause) {
      throw ioError('write', this.#path, cause);
    }
    return extents;
  }

  /** The bytes of each extent. @throws HermError `IO` */
  async read(extents: readonly Extent[]): Promise<Uint8Array[]> {
    const source = await fileSource(this.#path);
    try {
      const parts: Uint8Array[] = [];
      for (const { offset, length } of extents) parts.push(await source.read(offset, length));
      return parts;
    } finally {
      await source.close();
    }
  }

  /** The bytes of an extent in pieces that are small, however long it is. @throws HermError `IO` */
  async *pieces({ offset, length }: Extent): AsyncGenerator<Uint8Array> {
    const source = await fileSource(this.#path);
    try {
      for (let done = 0; done < length; done += PIECE_BYTES) {
        yield await source.read(offset + done, Math.min(PIECE_BYTES, length - done));
      }
    } finally {
      await source.close();
    }
  }

  async remove(): Promise<void> {
    this.#size = 0;
    await rm(this.#path, { force: true });
  }
}

export async function appendChunk(file: SpoolFile, chunk: Uint8Array, options: CodecOptions): Promise<SpooledChunk> {
  const checksum = await xxh64(chunk, options);
  const [extent] = await file.append([chunk]);
  return { ...extent!, xxh64: checksum };
}

/** A directory for coded bytes on their way into a file, so that they need not stay in memory. */
export interface Spool {
  file(name: string): SpoolFile;
  /** A group that an interrupted run has finished, if its bytes are as they were. */
  saved(group: number): Promise<SavedGroup | undefined>;
  /** Notes a group as finished. */
  save(group: number, saved: SavedGroup): Promise<void>;
  /** Ends the work; `done`: nothing of it is needed any more. */
  close(done: boolean): Promise<void>;
}

/** The file of a spool that holds a group's chunks. */
export function groupFile(group: number): string {
  return `group-${group}`;
}

/** What is known of a group besides its coded bytes. */
export interface SavedGroup {
  readonly written: WrittenGroup;
  /** [blocks] */
  readonly merges: readonly MergeReport[];
}

/** A spool that is gone when it is closed, and also if a signal ends the process. @throws HermError `IO` */
export async function temporarySpool(folder: string): Promise<Spool> {
  holdTemporary(folder);
  try {
    await mkdir(folder);
  } catch (cause) {
    releaseTemporary(folder);
    throw ioError('write', folder, cause);
  }
  return {
    file: (name) => new SpoolFile(folder, name),
    saved: async () => undefined,
    save: async () => {},
    async close() {
      await rm(folder, { recursive: true, force: true });
      releaseTemporary(folder);
    },
  };
}
