import { beforeAll, describe, expect, it } from 'vitest';
import { xxh64 } from '../../lib/file/codec.ts';
import { readPrologue, wrapHeader } from '../../lib/file/prologue.ts';
import { openHerm } from '../../lib/file/read.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { concat } from '../../lib/model/concat.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { makeCase } from './support/case.ts';
import { withHeader } from './support/header.ts';
import { compress } from './support/herm.ts';

let herm: Uint8Array;
beforeAll(async () => {
  const made = makeCase({ sizes: [3, 8, 6, 2] });
  herm = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
});

const open = (bytes: Uint8Array) => openHerm(bufferSource(bytes, 'model.herm'));

function patched(at: number, ...bytes: number[]): Uint8Array {
  const copy = herm.slice();
  copy.set(bytes, at);
  return copy;
}

describe('opening a .herm file', () => {
  it('says so when it is something else', async () => {
    const text = new TextEncoder().encode('{"not": "a .herm file, but long enough to be one"}');
    await expect(open(text)).rejects.toMatchObject({ code: 'HERM_MAGIC' });
  });

  it('refuses other major versions, and says what to do', async () => {
    await expect(open(patched(8, 2, 0))).rejects.toMatchObject({
      code: 'HERM_VERSION',
      message: expect.stringMatching(/version 2 .* reads version 1\. Update hermkit\./),
    });
    await expect(open(patched(8, 0, 0))).rejects.toMatchObject({
      code: 'HERM_VERSION',
      message: expect.stringMatching(/version 0 .* Compress the model again\./),
    });
  });

  it('takes newer minor versions, with members and optional chunks that it does not know', async () => {
    const newer = await withHeader(herm, (header) => {
      Object.assign(header, { added: { later: true } });
    });
    newer[10] = 7;
    await expect(open(newer)).resolves.toBeDefined();

    const [at, bytes] = [2, Uint8Array.of(1, 2, 3)];
    const added = { kind: 'thumbnail', index: 0, length: bytes.byteLength, xxh64: await xxh64(bytes, {}) };
    const insert = (optional: boolean) =>
      withHeader(herm, (header) => {
        const { offset } = header.chunks[at]!;
        for (const later of header.chunks.slice(at)) later.offset += bytes.byteLength;
        header.chunks.splice(at, 0, { ...added, offset, ...(optional && { optional }) });
      });
    const { end, value } = await readPrologue(bufferSource(await insert(true)), {});
    const start = end + (value as HermHeader).chunks[at]!.offset;
    const withChunk = async (optional: boolean) => {
      const file = await insert(optional);
      const shift = (await readPrologue(bufferSource(file), {})).end - end;
      return concat([file.subarray(0, start + shift), bytes, file.subarray(start + shift)]);
    };
    const file = await open(await withChunk(true));
    await expect(file.verify()).resolves.toMatchObject({ complete: true });
    await expect(open(await withChunk(false))).rejects.toMatchObject({ code: 'HERM_HEADER' });
  });

  it('refuses bytes after the end', async () => {
    await expect(open(concat([herm, new Uint8Array(1)]))).rejects.toMatchObject({ code: 'HERM_HEADER' });
  });

  it('refuses a header whose size cannot be true before it is allocated', async () => {
    await expect(open(patched(16, 0xff, 0xff, 0xff, 0xff))).rejects.toMatchObject({ code: 'HERM_LIMIT' });
    await expect(open(patched(16, 0, 0, 0x80, 1))).rejects.toMatchObject({ code: 'HERM_LIMIT' });
  });

  it('refuses text that is no JSON, or no UTF-8', async () => {
    for (const bytes of [new TextEncoder().encode('{"tool":'), Uint8Array.of(0x22, 0xff, 0x22)]) {
      await expect(open(await wrapHeader(bytes, {}))).rejects.toMatchObject({ code: 'HERM_HEADER' });
    }
  });

  it('refuses more data than the file can plausibly hold', async () => {
    // A scalar more a column: 2^29 columns of a flat F32 tensor would take 2 GiB.
    const bomb = await withHeader(herm, (header) => {
      const last = header.tensors.at(-1)!;
      const added = {
        name: 'zeros',
        dtype: 'F32',
        shape: [2 ** 29],
        begin: last.end,
        end: last.end + 2 ** 31,
        file: 0,
      };
      header.tensors.push(added);
      header.files[0]!.size += 2 ** 31;
      const at = header.chunks.findIndex(({ kind }) => kind === 'level');
      const { offset, xxh64 } = header.chunks[at]!;
      header.chunks.splice(at, 0, { kind: 'flat', index: header.tensors.length - 1, offset, length: 0, xxh64 });
    });
    await expect(open(bomb)).rejects.toMatchObject({ code: 'HERM_LIMIT' });
  });

  it.each<[string, string, (header: HermHeader) => void]>([
    ['a missing member', 'HERM_HEADER', (h) => delete (h as Partial<HermHeader>).ladder],
    ['a member of another type', 'HERM_HEADER', (h) => Object.assign(h.blocks[0]!, { neurons: '8' })],
    ['a dtype that does not exist', 'HERM_HEADER', (h) => (h.tensors[0]!.dtype = 'F33')],
    ['a shape that overflows', 'HERM_HEADER', (h) => (h.tensors[0]!.shape = [2 ** 40, 2 ** 40])],
    ['a fraction for a size', 'HERM_HEADER', (h) => (h.tensors[0]!.shape = [1.5])],
    ['a shape that does not fit its bytes', 'HERM_HEADER', (h) => (h.tensors[0]!.shape = [9])],
    ['tensors that leave a hole', 'HERM_HEADER', (h) => (h.tensors[1]!.begin += 4)],
    ['two tensors of one name', 'HERM_HEADER', (h) => (h.tensors[1]!.name = h.tensors[0]!.name)],
    ['a rank beyond the limit', 'HERM_LIMIT', (h) => (h.tensors[0]!.shape = new Array(65).fill(1))],
    ['a name beyond the limit', 'HERM_LIMIT', (h) => (h.tensors[0]!.name = 'x'.repeat(5000))],
    ['more neurons than the limit', 'HERM_LIMIT', (h) => (h.blocks[0]!.neurons = 2 ** 25)],
    ['an original of another size', 'HERM_HEADER', (h) => (h.files[0]!.size += 1)],
    ['a block of a tensor that is not there', 'HERM_HEADER', (h) => (h.blocks[0]!.input.tensor = 'nowhere')],
    ['two blocks of one name', 'HERM_HEADER', (h) => (h.blocks[1]!.name = h.blocks[0]!.name)],
    ['tied weights', 'HERM_HEADER', (h) => (h.blocks[1] = { ...h.blocks[0]!, name: 'again' })],
    ['more merges than neurons', 'HERM_HEADER', (h) => (h.blocks[0]!.merges = 8)],
    ['a ladder that goes down', 'HERM_HEADER', (h) => (h.ladder[1] = h.ladder[5]!)],
    ['a ladder that starts too wide', 'HERM_HEADER', (h) => (h.ladder[0] = [2, 1])],
    ['a ladder that ends too early', 'HERM_HEADER', (h) => h.ladder.pop()],
    ['a ladder without levels', 'HERM_HEADER', (h) => (h.ladder = [])],
    ['a ladder of fewer blocks', 'HERM_HEADER', (h) => h.ladder[3]!.pop()],
    ['certificates of fewer levels', 'HERM_HEADER', (h) => h.errors[0]!.pop()],
    ['a refit of widths out of range', 'HERM_HEADER', (h) => h.refits.push({ widths: [9, 1], errors: [0, 0] })],
    ['a refit without errors', 'HERM_HEADER', (h) => h.refits.push({ widths: [1, 1], errors: [0] })],
    ['a shift of a whole number', 'HERM_HEADER', (h) => (h.shifts[0]![1] = 24)],
    ['shifts of other tensors', 'HERM_HEADER', (h) => (h.shifts[0]![0] = 0)],
    ['one shift too many', 'HERM_HEADER', (h) => h.shifts.push([0, 0])],
    ['chunks in another order', 'HERM_HEADER', (h) => h.chunks.reverse()],
    ['chunks that leave a gap', 'HERM_HEADER', (h) => (h.chunks[2]!.offset += 1)],
    ['chunks that overlap', 'HERM_HEADER', (h) => (h.chunks[2]!.length -= 1)],
    ['a chunk of another group', 'HERM_HEADER', (h) => (h.chunks.at(-1)!.group = 1)],
    ['a level without a group', 'HERM_HEADER', (h) => delete h.chunks.at(-1)!.group],
    ['a chunk too few', 'HERM_HEADER', (h) => h.chunks.pop()],
    ['a chunk of negative length', 'HERM_HEADER', (h) => (h.chunks[2]!.length = -1)],
    ['a checksum that is none', 'HERM_HEADER', (h) => (h.chunks[0]!.xxh64 = 'XYZ')],
  ])('refuses %s', async (_, code, edit) => {
    await expect(open(await withHeader(herm, edit))).rejects.toMatchObject({ code });
  });
});

describe('reading a damaged chunk', () => {
  it('names the file and the part', async () => {
    const file = await open(patched(herm.byteLength - 5, herm.at(-5)! ^ 1));
    const last = file.ladder.length - 1;
    const refusal = {
      code: 'HERM_CHECKSUM',
      message: expect.stringMatching(`level ${last} \\(blocks "fc0", "fc1"\\) of model.herm`),
    };
    await expect(file.skeleton('full')).rejects.toMatchObject(refusal);
    await expect(file.verify()).rejects.toMatchObject(refusal);
    await expect(file.recover()[Symbol.asyncIterator]().next()).resolves.toMatchObject({ done: false });
    await expect(file.skeleton(0.2)).resolves.toBeDefined();
  });

  it('finds a digest that is not the original’s', async () => {
    const other = await withHeader(herm, (header) => {
      header.files[0]!.sha256 = '0'.repeat(64);
    });
    await expect((await open(other)).verify()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
