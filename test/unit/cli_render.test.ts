import { describe, expect, it } from 'vitest';
import { errorText, keyValues, number, percent, printable, table } from '../../lib/cli/render.ts';
import { formatBytes } from '../../lib/native/memory.ts';

describe('text for the terminal', () => {
  it('aligns columns by their widest cell', () => {
    const text = table(
      [{ title: 'block' }, { title: 'm', align: 'right' }, { title: 'note' }],
      [
        ['fc1', '300', ''],
        ['encoder.fc2', '7', 'é'],
      ],
    );
    expect(text.split('\n')).toEqual([
      'block          m  note', //
      'fc1          300',
      'encoder.fc2    7  é',
    ]);
  });

  it('aligns values after keys', () => {
    const pairs = [
      ['file', 'a.herm'],
      ['tensors', '6'],
    ] as const;
    expect(keyValues(pairs)).toBe('file     a.herm\ntensors  6');
  });

  it('lets no control character of a file reach the terminal', () => {
    expect(printable('\u001b[31mred\u0007 \u009b2J')).toBe('\\u001b[31mred\\u0007 \\u009b2J');
    expect(table([{ title: 'name' }], [['\u001b[2J']])).not.toContain('\u001b[2J');
  });

  it.each([
    [0, '0'],
    [0.0471, '0.0471'],
    [0.9996, '1.00'],
    [12.345, '12.3'],
    [1234.5, '1235'],
    [2e-7, '2.00e-7'],
    [Number.NaN, 'NaN'],
  ])('writes %d as %s', (value, expected) => {
    expect(number(value)).toBe(expected);
  });

  it.each([
    [null, '-'],
    [0, '0'],
    [7.61e-17, '0'],
    [8.34e-5, '8.34e-5'],
    [0.0471, '0.0471'],
  ])('writes the error %d as %s', (error, expected) => {
    expect(errorText(error)).toBe(expected);
  });

  it.each([
    [87, '87 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1_088_000, '1.04 MiB'],
    [5 * 2 ** 40, '5.00 TiB'],
  ])('writes %d bytes as %s', (count, expected) => {
    expect(formatBytes(count)).toBe(expected);
  });

  it('writes shares as percentages', () => {
    expect([1, 0.25, 0.125, 0.0625].map(percent)).toEqual(['100%', '25%', '12.5%', '6.3%']);
  });
});
