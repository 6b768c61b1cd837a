import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HermDecoder, openHerm } from '../../lib/decode/index.ts';
import { openHerm as openNative } from '../../lib/file/read.ts';
import { compress } from '../../lib/index.ts';
import { Random } from '../format/support/random.ts';
import { writeSharded } from '../format/support/sharded.ts';
import { CASE_NAMES, testFile } from './support/files.ts';

async function original(decoder: HermDecoder, file?: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of decoder.recover({ file })) parts.push(part);
  return Buffer.concat(parts);
}

/** Widths of all blocks: those of the ladder, and some in between. */
function someWidths({ header }: HermDecoder, count: number): Record<string, number>[] {
  const random = new Random(3);
  const named = (widths: readonly number[]) =>
    Object.fromEntries(header.blocks.map(({ name }, block) => [name, widths[block]!]));
  const between = Array.from({ length: count }, () =>
    header.blocks.map(({ neurons, merges }) => neurons - merges + random.below(merges + 1)),
  );
  return [...header.ladder, ...header.refits.map(({ widths }) => widths), ...between].map(named);
}

async function expectAlike(herm: Uint8Array, count: number): Promise<void> {
  const [decoder, native] = [await openHerm(herm), await openNative(herm)];
  for (const widths of someWidths(decoder, count)) {
    for (const refit of [true, false]) {
      const expected = await native.skeleton(widths, { refit });
      const found = await decoder.skeleton(widths, { refit });
      expect(found.length).toBe(expected.tensors.length);
      for (const [at, { name, dtype, shape, data }] of expected.tensors.entries()) {
        expect(found[at]).toMatchObject({ name, dtype, shape });
        expect(Buffer.compare(found[at]!.data, data), `${name} at ${JSON.stringify(widths)}`).toBe(0);
      }
    }
  }
}

describe.each(CASE_NAMES)('a file of %s', (name) => {
  it('gives the same networks as the native reader, and the original', async () => {
    const made = await testFile(name);
    await expectAlike(made.herm, 3);
    expect(Buffer.compare(await original(await openHerm(made.herm)), made.original)).toBe(0);
  });
});

describe('a file by slices, or its beginning', () => {
  it('serves the widths that it holds', async () => {
    const { herm } = await testFile('three layers');
    const whole = await openNative(herm);
    for (const bytes of whole.prefixBytes) {
      const prefix = herm.slice(0, bytes);
      const decoder = await openHerm({
        byteLength: bytes,
        slice: async (start: number, end: number) => prefix.slice(start, end).buffer,
      });
      expect(decoder.widthsAvailable).toEqual((await openNative(prefix)).widthsAvailable());
      const tensors = await decoder.skeleton(decoder.widthsAvailable);
      const expected = await whole.skeleton(decoder.widthsAvailable);
      for (const [at, { data }] of expected.tensors.entries()) expect(tensors[at]!.data).toEqual(new Uint8Array(data));
    }
  });

  it('is read from a Blob', async () => {
    const { herm, original: expected } = await testFile('three layers');
    const file = await openHerm(new Blob([new Uint8Array(herm)]));
    expect(file.complete).toBe(true);
    expect(Buffer.compare(await original(file), expected)).toBe(0);
  });

  it('refuses widths and originals that it does not hold', async () => {
    const { herm } = await testFile('three layers');
    const prefix = await openHerm(herm.subarray(0, -1));
    expect(prefix.complete).toBe(false);
    await expect(prefix.skeleton()).rejects.toMatchObject({ code: 'WIDTH' });
    await expect(prefix.skeleton({ nobody: 1 })).rejects.toMatchObject({ code: 'WIDTH' });
    await expect(original(prefix)).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
  });
});

describe('files on disk', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hermkit-decode-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('of several files give back each of them by name', async () => {
    const [model, path] = [join(folder, 'Test-1B'), join(folder, 'files.herm')];
    writeSharded(model);
    await compress(model, path, { refit: [0.5] });
    const herm = new Uint8Array(await readFile(path));
    await expectAlike(herm, 1);
    const file = await openHerm(herm);
    for (const { name } of file.files) {
      expect(Buffer.compare(await original(file, name), await readFile(join(model, name))), name).toBe(0);
    }
    expect((await readdir(model)).sort()).toEqual(file.files.map(({ name }) => name).sort());
    await expect(original(file)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('of the LeNet are the same as by the native reader, and come back', { timeout: 180_000 }, async () => {
    const path = 'test/fixtures/lenet/relu.safetensors';
    await compress(path, join(folder, 'lenet.herm'), { refit: [0.5] });
    const herm = new Uint8Array(await readFile(join(folder, 'lenet.herm')));
    const [decoder, native] = [await openHerm(herm), await openNative(herm)];
    for (const widths of someWidths(decoder, 1).slice(-2)) {
      const expected = await native.skeleton(widths);
      const found = await decoder.skeleton(widths);
      for (const [at, { name, data }] of expected.tensors.entries()) {
        expect(Buffer.compare(found[at]!.data, data), name).toBe(0);
      }
    }
    expect(Buffer.compare(await original(decoder), await readFile(path))).toBe(0);
  });
});
