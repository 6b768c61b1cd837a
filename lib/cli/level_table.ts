import type { Block } from '../model/block.ts';
import { type Column, errorText, percent, table } from './render.ts';

/** Beyond so many blocks, a level is told by its share of all neurons and its largest error. */
const MAX_BLOCK_COLUMNS = 4;

export interface LevelRow {
  /** [blocks] */
  readonly widths: readonly number[];
  /** [blocks] relative errors; null where not known. */
  readonly errors: readonly (number | null)[];
  /** [blocks] the same on samples that were held out. */
  readonly measured?: readonly (number | null)[] | undefined;
  /** Cells of the extra columns. */
  readonly extra?: readonly string[];
}

/** Widths and errors of all blocks, one line a level. */
export function levelTable(blocks: readonly Block[], rows: readonly LevelRow[], extra: readonly string[] = []): string {
  const each = blocks.length <= MAX_BLOCK_COLUMNS;
  const held = rows.some(({ measured }) => measured !== undefined);
  const measuredTitle = (title: string) => (held ? [title] : []);
  const titles = each
    ? blocks.flatMap(({ name }) => [name, 'error', ...measuredTitle('measured')])
    : ['kept', 'largest error', ...measuredTitle('largest measured')];
  const neurons = blocks.reduce((sum, block) => sum + block.neurons, 0);
  const cells = rows.map(({ widths, errors, measured = [], extra: more = [] }) => {
    const kept = percent(widths.reduce((sum, width) => sum + width, 0) / neurons);
    const ofHeld = (text: () => string) => (held ? [text()] : []);
    const own = each
      ? widths.flatMap((width, b) => [
          String(width),
          errorText(errors[b]!),
          ...ofHeld(() => errorText(measured[b] ?? null)),
        ])
      : [kept, largest(errors), ...ofHeld(() => largest(measured))];
    return [...own, ...more];
  });
  return table(
    [...titles, ...extra].map((title): Column => ({ title, align: 'right' })),
    cells,
  );
}

function largest(errors: readonly (number | null)[]): string {
  return errorText(errors.includes(null) ? null : Math.max(...errors.map((error) => error ?? 0)));
}
