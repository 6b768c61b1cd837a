// Files of version 1 that must decode for ever, to the same bytes: test/golden/README.md.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CASE_NAMES } from './support/files.ts';
import { DIGESTS, digests, GOLDEN, type GoldenDigests, goldenName } from './support/golden.ts';

const expected: Readonly<Record<string, GoldenDigests>> = JSON.parse(readFileSync(DIGESTS, 'utf8'));

describe.each(Object.keys(expected))('the golden file %s', (name) => {
  it.each(['native', 'typescript'] as const)('decodes to the same bytes as ever, %s', async (reader) => {
    const herm = new Uint8Array(readFileSync(new URL(name, GOLDEN)));
    expect(await digests(herm, reader)).toEqual(expected[name]);
  });
});

describe('golden files', () => {
  it('are all known, and every kind of test file has one', () => {
    const files = readdirSync(GOLDEN).filter((name) => name.endsWith('.herm'));
    expect(files.sort()).toEqual(Object.keys(expected).sort());
    expect(files).toEqual(expect.arrayContaining(CASE_NAMES.map(goldenName)));
  });
});
