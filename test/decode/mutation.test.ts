import { beforeAll, describe, expect, it } from 'vitest';
import { type HermDecoder, openHerm } from '../../lib/decode/index.ts';
import { HermError } from '../../lib/errors.ts';
import { MUTATIONS } from '../format/support/mutate.ts';
import { Random } from '../format/support/random.ts';
import { type TestFile, testFile } from './support/files.ts';

const COUNT = 120;
/** Mutations that make the checksums fit, so that what they change may be read as if it had been written so. */
const FORGED = ['changeHeader', 'changeChunk'];

let subjects: TestFile[];
beforeAll(async () => {
  const names = ['three layers', 'mixed formats', 'a gate', 'doubles between layers', 'groups and refits'];
  subjects = await Promise.all(names.map((name) => testFile(name)));
});

/** What a call gives, or the code of its refusal; any other error is a failure. */
async function outcome<T>(call: () => Promise<T>): Promise<T | string> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof HermError) return error.code;
    throw error;
  }
}

async function original(file: HermDecoder): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of file.recover()) parts.push(part);
  return Buffer.concat(parts);
}

describe.each(Object.entries(MUTATIONS))('%s', (kind, mutate) => {
  it('is refused with a code, or does no harm', { timeout: 120_000 }, async () => {
    const random = new Random(7);
    const found = new Set<string>();
    for (let n = 0; n < COUNT; n++) {
      const subject = random.pick(subjects);
      const mutated = await mutate(subject.herm, random);
      const file = await outcome(() => openHerm(mutated));
      if (typeof file === 'string') {
        found.add(file);
        continue;
      }
      const network = await outcome(() => file.skeleton(file.widthsAvailable));
      found.add(typeof network === 'string' ? network : 'read');
      const recovered = await outcome(() => original(file));
      if (typeof recovered === 'string') found.add(recovered);
      // Only who forges the digest as well gets anything else.
      else if (!FORGED.includes(kind)) expect(Buffer.compare(recovered, subject.original)).toBe(0);
    }
    expect(found.size).toBeGreaterThan(1);
  });
});
