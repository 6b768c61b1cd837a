import { requireArguments } from '../arguments.ts';
import { type HermParts, type OpenOptions, openParts } from '../file/open.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import type { CallOptions } from '../native/call.ts';
import type { SourceInput } from '../source/input.ts';
import { range } from './exact_matrix.ts';
import { resolveWidths, type WidthRequest } from './skeleton.ts';

/** What the beginning of a file that was written holds. */
export interface TruncateReport {
  /** Bytes of the file that it is the beginning of, as far as that was there. */
  readonly bytesBefore: number;
  /** Bytes written. */
  readonly bytes: number;
  /** The largest width of each block, by name, that it serves: at least those asked for. */
  readonly widths: Readonly<Record<string, number>>;
}

/** Writes the beginning of a file that serves the widths [blocks]. @throws HermError as reading it does; `IO`. */
export async function truncateTo(
  { reader, prologue, chunks, content }: HermParts,
  path: string,
  widths: readonly number[],
  options: CallOptions,
): Promise<TruncateReport> {
  requireArguments({ options });
  const count = content.chunksUpTo(widths);
  const kernel = { signal: options.signal, threads: options.threads };
  await atomicWrite(
    path,
    async (file) => {
      await file.write(prologue);
      for await (const read of chunks.scan([...range(count)], kernel)) {
        await file.write(chunks.intact(read));
        options.onProgress?.((read.chunk + 1) / count);
      }
    },
    options.signal === undefined ? {} : { signal: options.signal },
  );
  return {
    bytesBefore: reader.size,
    bytes: chunks.endOf(count),
    widths: content.byName(content.heldWidths(count)),
  };
}

/**
 * Writes the beginning of a .herm file that serves these widths, as a file of its own. {@link upgrade} completes it.
 *
 * @throws HermError as opening and reading it do; `WIDTH`; `IO` when the output cannot be written.
 */
export async function truncate(
  input: SourceInput,
  output: string,
  request: WidthRequest,
  options: OpenOptions & CallOptions = {},
): Promise<TruncateReport> {
  const parts = await openParts(input, options);
  try {
    return await truncateTo(parts, output, resolveWidths(parts.content, request), options);
  } finally {
    await parts.chunks.close();
  }
}
