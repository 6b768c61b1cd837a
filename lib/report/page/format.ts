/** Three significant digits, and no exponent where none is needed. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return power(value.toExponential(2));
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}

/** `1.5e-7` as people write it. */
function power(text: string): string {
  const [digits, exponent = ''] = text.split('e');
  const raised = exponent
    .replace('+', '')
    .replace('-', '⁻')
    .replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]!);
  return digits === '1' ? `10${raised}` : `${digits}·10${raised}`;
}

/** An axis' number: whole ones as they are, powers of ten as such. */
export function tick(value: number): string {
  if (value === 0) return '0';
  if (Number.isInteger(value) && value < 1e6) return value.toLocaleString('en');
  return value < 1e-2 || value >= 1e6 ? power(value.toExponential(0)) : String(Number(value.toPrecision(3)));
}

export const percent = (share: number): string => (Number.isFinite(share) ? `${number(100 * share)}%` : '–');

export const degrees = (radians: number): string =>
  Number.isFinite(radians) ? `${((radians * 180) / Math.PI).toFixed(1)}°` : '–';

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(count, 1)) / 10));
  return power === 0 ? `${count} B` : `${(count / 1024 ** power).toPrecision(3)} ${units[power]}`;
}

/** Values, and how many there are of them where these are not all. */
export function someOf(values: readonly (number | string)[], count = values.length): string {
  return count > values.length ? `${values.join(', ')}, … (${count.toLocaleString('en')})` : values.join(', ');
}
