/** Rows (objects) as an aligned table; columns are their keys, in the order in which they first appear. */
export function table(rows, { markdown = false } = {}) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  if (markdown) {
    const line = (texts) => `| ${texts.join(' | ')} |`;
    return [line(cells[0]), line(columns.map(() => '---')), ...cells.slice(1).map(line)];
  }
  const numeric = columns.map((column) => rows.some((row) => typeof row[column] === 'number'));
  const widths = columns.map((_, at) => Math.max(...cells.map((texts) => texts[at].length)));
  const pad = (text, at) => (numeric[at] ? text.padStart(widths[at]) : text.padEnd(widths[at]));
  return cells.map((texts) => texts.map(pad).join('  ').trimEnd());
}

/** Goals with whether they hold; a missed one stands out. */
export function barLines(bars) {
  return bars.map(
    ({ name, value, goal, sense, holds }) =>
      `${holds ? 'holds ' : 'MISSED'} ${name}: ${cell(value)} (goal ${sense} ${cell(goal)})`,
  );
}

/** Whole numbers as they are, others with four digits. */
function cell(value) {
  if (value === undefined) return '';
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  const digits = Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}
