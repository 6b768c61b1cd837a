import { stripVTControlCharacters, styleText } from 'node:util';
import type { HermError } from '../errors.ts';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Styled where stdout is a terminal that shows colours (which NO_COLOR denies). */
export function styled(style: Style, text: string): string {
  return colourOn(process.stdout) ? styleText(style, text) : text;
}

function colourOn(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors();
}

/** How a `HermError` stands on stderr. */
export function renderError(error: HermError): string {
  const label = colourOn(process.stderr) ? styleText('red', 'error') : 'error';
  return `${label} ${error.code}: ${printable(error.message)}`;
}

/** Text from a file as a terminal may show it: control characters, which could move the cursor, are escaped. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Columns as wide as their widest cell, two spaces apart, under bold titles. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = columns.map(({ title }, at) =>
    Math.max(...[title, ...cells.map((row) => row[at]!)].map(visibleLength)),
  );
  const line = (row: readonly string[]) => row.map((cell, at) => pad(cell, widths[at]!, columns[at]!.align)).join('  ');
  const titles = columns.map(({ title }) => title);
  return [styled('bold', line(titles).trimEnd()), ...cells.map((row) => line(row).trimEnd())].join('\n');
}

/** `key  value` lines, values aligned. */
export function keyValues(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([key]) => key.length));
  return pairs.map(([key, value]) => `${styled('bold', key.padEnd(width))}  ${printable(value)}`).join('\n');
}

function pad(cell: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(width - visibleLength(cell));
  return align === 'right' ? spaces + cell : cell + spaces;
}

function visibleLength(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Paragraphs with an empty line between; empty ones are left out. */
export function sections(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('\n\n');
}

/** Three significant digits, and no exponent where none is needed. */
export function number(value: number): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6 || magnitude < 1e-4) return value.toExponential(2);
  const rounded = Number(magnitude.toPrecision(3));
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(rounded))));
}

/** Relative errors below this are rounding of the double precision that they were computed in. */
const ROUNDING = 1e-14;

/** A relative error, 0 where nothing but rounding is left of it; `-` where it is not known. */
export function errorText(error: number | null): string {
  return error === null ? '-' : number(error < ROUNDING ? 0 : error);
}

/** A share as `25%` or `12.5%`. */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))}%`;
}
