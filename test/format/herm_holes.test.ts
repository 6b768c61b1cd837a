import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHerm as openSlowly } from '../../lib/decode/index.ts';
import { openHerm } from '../../lib/file/read.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { concat } from '../../lib/model/concat.ts';
import { type Model, openedModel } from '../../lib/model/model.ts';
import { bufferSource, readWhole } from '../../lib/model/source.ts';
import type { Tensor } from '../../lib/model/tensor.ts';
import { makeCase } from './support/case.ts';
import { withHeader } from './support/header.ts';
import { writeModel } from './support/herm.ts';

/** Bytes before each tensor and after the last one. */
type Holes = readonly number[];

/** A file of tensors with bytes of its own between them. */
function fileWithHoles(tensors: readonly Tensor[], holes: Holes) {
  const parts: Uint8Array[] = [];
  let at = 0;
  const add = (bytes: Uint8Array) => {
    parts.push(bytes);
    at += bytes.byteLength;
  };
  const infos = tensors.map(({ name, dtype, shape, data }, n) => {
    add(randomBytes(holes[n]!));
    const begin = at;
    add(data);
    return { name, dtype, shape, begin, end: at };
  });
  add(randomBytes(holes[tensors.length]!));
  return { bytes: concat(parts), infos };
}

function modelOf(files: readonly { bytes: Uint8Array; infos: Model['files'][number]['header']['tensors'] }[]): Model {
  return openedModel(
    'model',
    files.map(({ bytes, infos }, n) => ({
      name: `part${n}`,
      source: bufferSource(bytes, `part${n}`),
      header: { format: 'data', tensors: infos, metadata: new Map(), dataOffset: 0 },
    })),
  );
}

let path: string;
beforeEach(() => {
  path = join(tmpdir(), `hermkit-holes-${randomBytes(8).toString('hex')}.herm`);
});
afterEach(() => rmSync(path, { force: true }));

const made = makeCase({ sizes: [3, 8, 6, 2] });
const { blocks, trees } = made;
/** A number for every tensor, and one more. */
const holes = (of: (n: number) => number): Holes => Array.from({ length: made.tensors.length + 1 }, (_, n) => of(n));

/** Ten bytes everywhere. */
const withTens = () =>
  fileWithHoles(
    made.tensors,
    holes(() => 10),
  );

async function write(files: readonly ReturnType<typeof fileWithHoles>[]): Promise<Uint8Array> {
  await writeModel(path, { model: modelOf(files), blocks, trees });
  return readWhole(path);
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
}

describe('files whose tensors leave holes', () => {
  it.each<[string, Holes]>([
    ['everywhere', holes((n) => 5 + n)],
    ['here and there', holes((n) => (n % 2) * 300)],
    ['at the end alone', holes((n) => (n === made.tensors.length ? 9 : 0))],
    ['nowhere', holes(() => 0)],
  ])('come back, with holes %s', async (_, sizes) => {
    const original = fileWithHoles(made.tensors, sizes);
    const herm = await write([original]);
    const file = await openHerm(bufferSource(herm));
    await expect(file.verify()).resolves.toMatchObject({ complete: true });
    expect(Buffer.compare(await joined(file.recover()), original.bytes)).toBe(0);
    expect(Buffer.compare(await joined((await openSlowly(herm)).recover()), original.bytes)).toBe(0);
  });

  it('come back where they are several, one of them without tensors', async () => {
    const half = made.tensors.length >> 1;
    const originals = [
      fileWithHoles(
        made.tensors.slice(0, half),
        holes((n) => n),
      ),
      fileWithHoles([], [77]),
      fileWithHoles(
        made.tensors.slice(half),
        holes((n) => 3 * n),
      ),
    ];
    const herm = await write(originals);
    const file = await openHerm(bufferSource(herm));
    const slow = await openSlowly(herm);
    for (const [n, { bytes }] of originals.entries()) {
      expect(Buffer.compare(await joined(file.recover({ file: `part${n}` })), bytes)).toBe(0);
      expect(Buffer.compare(await joined(slow.recover({ file: `part${n}` })), bytes)).toBe(0);
    }
  });

  it.each<[string, string, (header: HermHeader) => void]>([
    ['a tensor over the one before it', 'HERM_HEADER', (h) => shift(h, 1, -11)],
    ['tensors in another order', 'HERM_HEADER', (h) => h.tensors.reverse()],
    ['a tensor beyond the end', 'HERM_HEADER', (h) => shift(h, -1, 11)],
    ['a tensor of a negative place', 'HERM_HEADER', (h) => shift(h, 0, -11)],
    ['a tensor in no file', 'HERM_HEADER', (h) => (h.tensors.at(-1)!.file = 1)],
    ['a format that does not exist', 'HERM_HEADER', (h) => Object.assign(h.files[0]!, { format: 'pickle' })],
    ['no format', 'HERM_HEADER', (h) => delete (h.files[0] as { format?: string }).format],
    ['holes in a safetensors file', 'HERM_HEADER', (h) => (h.files[0]!.format = 'safetensors')],
    ['offsets counted from behind the data', 'HERM_HEADER', (h) => (h.files[0]!.dataOffset = 11)],
    ['a hole of a terabyte', 'HERM_LIMIT', (h) => (h.files[0]!.size += 2 ** 40)],
    ['a hole beyond all numbers', 'HERM_LIMIT', (h) => (h.files[0]!.size = 2 ** 53)],
  ])('are refused with %s', async (_, code, edit) => {
    const herm = await write([withTens()]);
    const changed = await withHeader(herm, edit);
    await expect(openHerm(bufferSource(changed))).rejects.toMatchObject({ code });
    await expect(openSlowly(changed)).rejects.toMatchObject({ code });
  });

  it('are damaged where their holes have another size', async () => {
    const herm = await write([withTens()]);
    const changed = await withHeader(herm, (header) => (header.files[0]!.size += 1));
    const file = await openHerm(bufferSource(changed));
    await expect(joined(file.recover())).rejects.toMatchObject({ code: 'HERM_CORRUPT' });
    await expect(joined((await openSlowly(changed)).recover())).rejects.toMatchObject({ code: 'HERM_CORRUPT' });
  });

  it('move their tensors to another place only with another digest', async () => {
    const herm = await write([withTens()]);
    const changed = await withHeader(herm, (header) => shift(header, 0, -1));
    const refusal = { code: 'DIGEST_MISMATCH' };
    await expect((await openHerm(bufferSource(changed))).verify()).rejects.toMatchObject(refusal);
    await expect(joined((await openSlowly(changed)).recover())).rejects.toMatchObject(refusal);
  });
});

function shift({ tensors }: HermHeader, at: number, by: number): void {
  const tensor = tensors.at(at)!;
  tensor.begin += by;
  tensor.end += by;
}
