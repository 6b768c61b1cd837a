import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { CodecOptions } from '../file/codec.ts';
import { type HermParts, type OpenOptions, openParts } from '../file/open.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import type { CallOptions } from '../native/call.ts';
import type { SourceInput } from '../source/input.ts';
import { range } from './exact_matrix.ts';
import { resolveWidths, type WidthRequest } from './skeleton.ts';

export interface UpgradeOptions extends OpenOptions, CallOptions {
  /** Widths that the file shall serve afterwards; by default it becomes complete. */
  readonly width?: WidthRequest | undefined;
}

/** What `upgrade` read and wrote. */
export interface UpgradeReport {
  /** Bytes of the file before. */
  readonly bytesBefore: number;
  /** Bytes of the file now. */
  readonly bytes: number;
  /** Bytes read of the other file, its header included. */
  readonly fetched: number;
  /** Damaged chunks of the file that were replaced. */
  readonly repaired: number;
  /** Whether the file is all of it now. */
  readonly complete: boolean;
  /** The largest width of each block, by name, that it serves. */
  readonly widths: Readonly<Record<string, number>>;
}

/**
 * Completes the beginning of a .herm file from the whole one, as far as `width` says: reads there what is missing here,
 * and what is damaged here. The file keeps its name and is replaced when everything is there and every checksum holds;
 * else it stays as it was.
 *
 * @throws HermError `HERM_DIFFERENT` when the headers are not the same; `WIDTH`, `HERM_TRUNCATED` when the other file has
 * not enough; as opening and reading do; `IO` when the file cannot be written.
 */
export async function upgrade(path: string, from: SourceInput, options: UpgradeOptions = {}): Promise<UpgradeReport> {
  requireArguments({ options });
  const { signal, width } = options;
  const own = await openParts(path, { signal });
  try {
    const other = await openParts(from, options);
    try {
      requireSame(own, other);
      const wanted = width === undefined ? Infinity : other.content.chunksUpTo(resolveWidths(other.content, width));
      // What is here already stays.
      const count = Math.max(Math.min(wanted, own.chunks.entries.length), own.chunks.present);
      return await complete(path, own, other, count, options);
    } finally {
      await other.chunks.close();
    }
  } finally {
    await own.chunks.close();
  }
}

function requireSame(own: HermParts, other: HermParts): void {
  if (Buffer.compare(own.prologue, other.prologue) === 0) return;
  const [file, from] = [own.reader.name, other.reader.name];
  const why = `${file} is not the beginning of ${from}: their headers differ. Name the file that it was made from.`;
  throw new HermError('HERM_DIFFERENT', why, { file, from });
}

/** Makes the file hold its first `count` chunks. */
async function complete(
  path: string,
  own: HermParts,
  other: HermParts,
  count: number,
  options: UpgradeOptions,
): Promise<UpgradeReport> {
  const kernel = { signal: options.signal, threads: options.threads };
  const damaged = await own.chunks.findDamaged(kernel);
  const isMissing = (chunk: number) => chunk >= own.chunks.present || damaged.includes(chunk);
  const all = [...range(count)];
  const missing = all.filter(isMissing);
  if (missing.length > 0) {
    const here = intactChunks(
      own,
      all.filter((chunk) => !isMissing(chunk)),
      kernel,
    );
    const there = fetchMissing(own, other, missing, kernel);
    await atomicWrite(
      path,
      async (file) => {
        await file.write(own.prologue);
        for (const chunk of all) {
          await file.write((await (isMissing(chunk) ? there : here).next()).value!);
          options.onProgress?.((chunk + 1) / count);
        }
      },
      options.signal === undefined ? {} : { signal: options.signal },
    );
  }
  return {
    bytesBefore: own.reader.size,
    bytes: own.chunks.endOf(count),
    fetched: other.reader.traffic.bytes,
    repaired: damaged.length,
    complete: count === own.chunks.entries.length,
    widths: own.content.byName(own.content.heldWidths(count)),
  };
}

async function* intactChunks({ chunks }: HermParts, wanted: readonly number[], kernel: CodecOptions) {
  for await (const read of chunks.scan(wanted, kernel)) yield chunks.intact(read);
}

/**
 * The chunks that are missing. Of the one that the file ends in, the bytes that are here are not read again, unless they
 * turn out to be damaged.
 */
async function* fetchMissing(
  own: HermParts,
  other: HermParts,
  missing: readonly number[],
  kernel: CodecOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const last = own.chunks.present;
  const begin = own.chunks.endOf(last);
  const length = own.reader.size - begin;
  if (length > 0) other.reader.know(begin, await own.reader.read(begin, length, kernel.signal));
  for await (const read of other.chunks.scan(missing, kernel)) {
    if (read.intact || read.chunk !== last || length === 0) yield other.chunks.intact(read);
    else {
      other.reader.forget();
      yield* intactChunks(other, [last], kernel);
    }
  }
}
