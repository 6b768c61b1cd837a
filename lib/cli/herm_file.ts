import { HermError } from '../errors.ts';
import type { OpenOptions } from '../file/open.ts';
import { type HermFile, openHerm } from '../file/read.ts';
import { widthAt } from '../herm/ladder.ts';
import type { BlockRow } from './block_table.ts';
import type { Width, Widths } from './options.ts';

/** Opens a .herm file at a path or address, hands it to `work`, and closes it again. */
export async function withHerm<T>(
  input: string,
  options: OpenOptions,
  work: (file: HermFile) => Promise<T>,
): Promise<T> {
  const file = await openHerm(input, options);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** What choosing widths needs of a file. */
export type FileWidths = Pick<HermFile, 'blocks' | 'ladder' | 'errors'>;

/** What `--width` asks of a file, as widths by block. Whether a file has them is the file's to say. */
export function widthsOf(file: FileWidths, widths: Widths): Record<string, number> {
  if ('all' in widths) {
    const { all } = widths;
    return Object.fromEntries(file.blocks.map(({ name }, block) => [name, widthOf(file, block, all)]));
  }
  const entries = [...widths.byBlock].map(([name, width]): [string, number] => {
    const block = file.blocks.findIndex((candidate) => candidate.name === name);
    // A name that the file does not have is passed on with any width, to be refused by name.
    return [name, block < 0 ? 1 : widthOf(file, block, width)];
  });
  return Object.fromEntries(entries);
}

function widthOf({ blocks, ladder }: FileWidths, block: number, width: Width): number {
  if ('neurons' in width) return width.neurons;
  return widthAt({ neurons: blocks[block]!.neurons, smallest: ladder[0]![block]! }, width.share);
}

/**
 * For every block the smallest recorded width whose certificate is at most `maxError`.
 *
 * @throws HermError `NO_CERTIFICATE` when a block has none recorded; `WIDTH` when none is small enough.
 */
export function widthsWithin({ blocks, ladder, errors }: FileWidths, maxError: number): Record<string, number> {
  const entries = blocks.map(({ name }, block): [string, number] => {
    const known = errors[block]!.filter((error) => error !== null);
    if (known.length === 0) {
      throw new HermError(
        'NO_CERTIFICATE',
        `The file has no error certificates of block ${name}, so --max-error cannot choose its width. Use --width.`,
        { block: name },
      );
    }
    const level = errors[block]!.findIndex((error) => error !== null && error <= maxError);
    if (level >= 0) return [name, ladder[level]![block]!];
    const smallest = Math.min(...known);
    throw new HermError(
      'WIDTH',
      `No recorded width of block ${name} has an error of at most ${maxError}; the smallest error is ${smallest}.`,
      { block: name, maxError, smallest },
    );
  });
  return Object.fromEntries(entries);
}

/** The certificate of a width, where it is one that the file records. */
export function errorAt({ ladder, errors }: FileWidths, block: number, width: number): number | undefined {
  const level = ladder.findIndex((widths) => widths[block] === width);
  return errors[block]?.[level] ?? undefined;
}

/** Blocks at these widths, with the certificates that the file records. */
export function blockRows(
  file: FileWidths,
  widths: Readonly<Record<string, number>>,
  errorOf = (block: number, width: number) => errorAt(file, block, width),
): BlockRow[] {
  return file.blocks.map(({ name, neurons }, block) => {
    const width = widths[name]!;
    return { name, width, neurons, error: errorOf(block, width) ?? null };
  });
}
