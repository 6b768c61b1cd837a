import { errorText, percent, table } from './render.ts';

/** A block at one width. */
export interface BlockRow {
  readonly name: string;
  readonly width: number;
  readonly neurons: number;
  /** Relative error of the weights at that width; null where the file does not say. */
  readonly error: number | null;
}

/** Blocks and their widths, one line a block. */
export function blockTable(blocks: readonly BlockRow[]): string {
  const rows = blocks.map(({ name, width, neurons, error }) => [
    name,
    String(width),
    String(neurons),
    percent(width / neurons),
    errorText(error),
  ]);
  const columns = [
    { title: 'block' },
    { title: 'width', align: 'right' },
    { title: 'of', align: 'right' },
    { title: 'kept', align: 'right' },
    { title: 'error', align: 'right' },
  ] as const;
  return table(columns, rows);
}
