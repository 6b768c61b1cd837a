import { expect, it } from 'vitest';
import { openHerm } from '../../lib/decode/index.ts';
import { HermError } from '../../lib/errors.ts';
import { openHerm as openNative } from '../../lib/file/read.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { MUTATIONS } from '../format/support/mutate.ts';
import { Random } from '../format/support/random.ts';
import { CASE_NAMES, testFile } from './support/files.ts';

const COUNT = 400;
const { changeChunk: forge } = MUTATIONS;

/** The bytes of all tensors, or undefined where they are refused. */
async function bytesOf(read: () => Promise<readonly { readonly data: Uint8Array }[]>): Promise<Buffer | undefined> {
  try {
    return Buffer.concat((await read()).map(({ data }) => data));
  } catch (error) {
    if (error instanceof HermError && error.code !== 'NATIVE') return undefined;
    throw error;
  }
}

it('both readers read the same into forged chunks, or refuse them', { timeout: 240_000 }, async () => {
  const subjects = await Promise.all(CASE_NAMES.map((name) => testFile(name, 2)));
  const random = new Random(11);
  let readable = 0;
  let stricter = 0;
  for (let n = 0; n < COUNT; n++) {
    const forged = await forge!(random.pick(subjects).herm, random);
    const native = await bytesOf(async () => (await (await openNative(bufferSource(forged))).skeleton('full')).tensors);
    const found = await bytesOf(async () => (await openHerm(forged)).skeleton());
    if (found) {
      readable++;
      expect(native, `mutation ${n}`).toBeDefined();
      expect(Buffer.compare(found, native!), `mutation ${n}`).toBe(0);
    } else if (native) stricter++;
  }
  // One zstd library accepts a few damaged frames that the other one does not.
  expect(stricter).toBeLessThanOrEqual(COUNT / 100);
  expect(readable).toBeGreaterThan(COUNT / 20);
});
