import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  parseGroup,
  parseMaxError,
  parseMemory,
  parsePair,
  parseShares,
  parseThreads,
  parseWidths,
} from '../../lib/cli/options.ts';

describe('options of the command line', () => {
  it.each([
    ['25%', { all: { share: 0.25 } }],
    ['12.5%', { all: { share: 0.125 } }],
    ['100%', { all: { share: 1 } }],
    ['40', { all: { neurons: 40 } }],
    ['fc1=40', { byBlock: new Map([['fc1', { neurons: 40 }]]) }],
    [
      'fc1=40, enc.fc2=25%',
      {
        byBlock: new Map<string, object>([
          ['fc1', { neurons: 40 }],
          ['enc.fc2', { share: 0.25 }],
        ]),
      },
    ],
  ])('reads the widths %s', (text, expected) => {
    expect(parseWidths(text)).toEqual(expected);
  });

  it.each([
    ['4096', 4096],
    ['4096B', 4096],
    ['500MB', 5e8],
    ['500 mb', 5e8],
    ['1.5kB', 1500],
    ['8GiB', 2 ** 33],
    ['2G', 2 ** 31],
    ['0.5T', 2 ** 39],
  ])('reads the memory %s', (text, expected) => {
    expect(parseMemory(text)).toBe(expected);
  });

  it('reads lists of shares, neurons, thread counts and errors', () => {
    expect(parseShares('50%,25%')).toEqual([0.5, 0.25]);
    expect(parsePair('3,17')).toEqual([3, 17]);
    expect(parseGroup('3, 17,20')).toEqual([3, 17, 20]);
    expect(parseThreads('2')).toBe(2);
    expect(parseMaxError('0.05')).toBe(0.05);
    expect(parseMaxError('5e-2')).toBe(0.05);
  });

  it.each<[string, (text: string) => unknown, readonly string[]]>([
    ['widths', parseWidths, ['', '0%', '101%', '-3', '2.5', '25 %', 'fc1=', '=3', 'fc1=3,fc1=4', 'fc1=3,40', 'a%']],
    ['shares', parseShares, ['', '50', '50%,', '0%', '1000%', 'half', '50%,50%']],
    ['pairs', parsePair, ['3', '3,3', '3,17,20', '3;17', '-1,2', '1.5,2']],
    ['groups', parseGroup, ['3', '3,17,3', '']],
    ['threads', parseThreads, ['0', '1025', '2.5', 'all', '']],
    [
      'amounts of memory',
      parseMemory,
      ['', '0', '0.1', '0GB', '-1GB', 'GB', '8GX', '8iB', '1e9', '8 G B', '9999999TB'],
    ],
    ['errors', parseMaxError, ['', '-1', '5%', 'NaN', 'Infinity']],
  ])('refuses what are no %s', (_, parse, texts) => {
    for (const text of texts) expect(() => parse(text), JSON.stringify(text)).toThrow(InvalidArgumentError);
  });
});
