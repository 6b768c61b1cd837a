import { describe, expect, it } from 'vitest';
import { errorAt, type FileWidths, widthsOf, widthsWithin } from '../../lib/cli/herm_file.ts';
import { parseWidths } from '../../lib/cli/options.ts';
import { HermError } from '../../lib/errors.ts';

const weight = { tensor: 'w', rows: 1, cols: 1, transposed: false };
const block = (name: string, neurons: number) => ({
  name,
  neurons,
  activation: { name: 'relu' as const, slope: 1 },
  inputs: 1,
  outputs: 1,
  input: weight,
  bias: undefined,
  output: weight,
  outputBias: undefined,
});

/** fc1 can be cut to 1 neuron, fc2 only to 3. */
const FILE: FileWidths = {
  blocks: [block('fc1', 10), block('fc2', 4)],
  ladder: [
    [1, 3],
    [5, 3],
    [8, 4],
    [10, 4],
  ],
  errors: [
    [0.9, 0.4, 0.1, 0],
    [0.3, 0.3, 0, 0],
  ],
};

function failure(work: () => unknown): HermError {
  try {
    work();
  } catch (error) {
    if (error instanceof HermError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

describe('widths of a .herm file', () => {
  it.each([
    ['50%', { fc1: 5, fc2: 3 }],
    ['4', { fc1: 4, fc2: 4 }],
    ['fc1=7', { fc1: 7 }],
    ['fc2=100%,fc1=25%', { fc2: 4, fc1: 3 }],
    ['fc3=7', { fc3: 1 }],
  ])('understands %s', (text, expected) => {
    expect(widthsOf(FILE, parseWidths(text))).toEqual(expected);
  });

  it('chooses for every block the smallest recorded width within an error', () => {
    expect(widthsWithin(FILE, 0.4)).toEqual({ fc1: 5, fc2: 3 });
    expect(widthsWithin(FILE, 0.2)).toEqual({ fc1: 8, fc2: 4 });
    expect(widthsWithin(FILE, 0)).toEqual({ fc1: 10, fc2: 4 });
  });

  it('looks over levels whose error is not recorded', () => {
    expect(widthsWithin({ ...FILE, errors: [[null, null, 0.1, null], FILE.errors[1]!] }, 0.5)).toEqual({
      fc1: 8,
      fc2: 3,
    });
  });

  it('says when there is no such width, or no certificate at all', () => {
    const none = failure(() => widthsWithin({ ...FILE, errors: [[0.9, 0.4, 0.2, null], FILE.errors[1]!] }, 0.1));
    expect(none).toMatchObject({ code: 'WIDTH', details: { block: 'fc1', smallest: 0.2 } });
    const unknown = failure(() => widthsWithin({ ...FILE, errors: [FILE.errors[0]!, [null, null, null, null]] }, 0.1));
    expect(unknown).toMatchObject({ code: 'NO_CERTIFICATE', details: { block: 'fc2' } });
    expect(unknown.message).toContain('--width');
  });

  it('finds the certificate of recorded widths only', () => {
    expect(errorAt(FILE, 0, 5)).toBe(0.4);
    expect(errorAt(FILE, 0, 6)).toBeUndefined();
  });
});
