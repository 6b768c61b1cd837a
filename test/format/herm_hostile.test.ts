import { describe, expect, it } from 'vitest';
import { xxh64 } from '../../lib/file/codec.ts';
import { readPrologue, wrapHeader } from '../../lib/file/prologue.ts';
import { openHerm } from '../../lib/file/read.ts';
import { type HermHeader, LIMITS } from '../../lib/file/schema.ts';
import { concat } from '../../lib/model/concat.ts';
import { readSafetensorsHeader, serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { makeCase } from './support/case.ts';
import { withHeaderText } from './support/header.ts';
import { compress, recover } from './support/herm.ts';

/** Names that mean something to JavaScript's objects, and nothing to a model. */
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', ''];

const text = (json: string) => new TextEncoder().encode(json);

async function makeFile(): Promise<Uint8Array> {
  const made = makeCase({ sizes: [3, 8, 4] });
  return compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
}

describe('names that mean something to JavaScript', () => {
  it('stay data: metadata, tensors and blocks', async () => {
    const made = makeCase({ sizes: [3, 8, 4], biases: false });
    const extra = NAMES.map((name, at) => ({ name, dtype: 'U8', shape: [1], data: Uint8Array.of(at) }));
    const metadata = new Map(NAMES.map((name) => [name, `value of ${name}`]));
    const original = serializeSafetensors([...made.tensors, ...extra], metadata);
    const blocks = made.blocks.map((block) => ({ ...block, name: '__proto__' }));
    const herm = await compress(original, blocks, made.trees);
    expect(Buffer.compare(await recover(herm), original)).toBe(0);

    const file = await openHerm(herm);
    expect(file.metadata).toEqual(metadata);
    expect(Object.keys(file.widthsAvailable())).toEqual(['__proto__']);
    const small = await file.skeleton(JSON.parse('{"__proto__":3}'));
    expect(Object.entries(small.widths)).toEqual([['__proto__', 3]]);
    const written = await readSafetensorsHeader(bufferSource(serializeSafetensors(small.tensors, small.metadata)));
    expect(written.metadata).toEqual(metadata);
    expect(written.tensors.map(({ name }) => name)).toEqual(expect.arrayContaining(NAMES));
    await expect(file.skeleton({ constructor: 3 } as never)).rejects.toMatchObject({ code: 'WIDTH' });
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('are no members of a header', async () => {
    const herm = await makeFile();
    const polluted = await withHeaderText(herm, (header) => {
      const json = JSON.stringify(header);
      return `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${json.slice(1)}`;
    });
    await expect((await openHerm(polluted)).verify()).resolves.toBeDefined();
    expect({}).not.toHaveProperty('polluted');
    const inherited = await withHeaderText(herm, (header) => `{"__proto__":${JSON.stringify(header)}}`);
    await expect(openHerm(inherited)).rejects.toMatchObject({ code: 'HERM_HEADER' });
  });
});

describe('a header beyond the limits', () => {
  const open = async (json: string) => openHerm(await wrapHeader(text(json), {}));
  const refusal = { code: 'HERM_LIMIT' };

  it('is refused while it is still text: depth, items, ratio', async () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    await expect(open(nested(LIMITS.headerDepth))).rejects.toMatchObject({ code: 'HERM_HEADER' });
    await expect(open(nested(LIMITS.headerDepth + 1))).rejects.toMatchObject(refusal);
    // What stands in texts does not count.
    await expect(open(`"${'['.repeat(100)}\\"${'['.repeat(100)}"`)).rejects.toMatchObject({ code: 'HERM_HEADER' });
    await expect(open(`[${'[],'.repeat(LIMITS.headerItems - 2)}[]]`)).rejects.toMatchObject({ code: 'HERM_HEADER' });
    await expect(open(`[${'[],'.repeat(2 * LIMITS.headerItems)}[]]`)).rejects.toMatchObject(refusal);
    await expect(open(`${' '.repeat(2 ** 20)}{}`)).rejects.toMatchObject({ code: 'HERM_HEADER' });
    await expect(open(`${' '.repeat(2 ** 21)}{}`)).rejects.toMatchObject(refusal);
  });

  it.each<[string, (header: HermHeader) => unknown]>([
    ['levels', (h) => (h.ladder = new Array(LIMITS.levels + 1).fill([1]))],
    ['refits', (h) => (h.refits = new Array(LIMITS.refits + 1).fill({ widths: [1], errors: [1] }))],
    ['metadata pairs', (h) => (h.files[0]!.metadata = new Array(LIMITS.metadata + 1).fill(['a', '']))],
    ['files', (h) => (h.files = new Array(LIMITS.files + 1).fill(h.files[0]))],
    [
      'files beside them',
      (h) => (h.extras = new Array(LIMITS.extras + 1).fill({ name: 'a', size: 0, sha256: h.files[0]!.sha256 })),
    ],
    ['blocks', (h) => (h.blocks = new Array(LIMITS.blocks + 1).fill(h.blocks[0]))],
    ['widths in a level', (h) => (h.ladder[0] = new Array(LIMITS.blocks + 1).fill(1))],
    ['certificates of a block', (h) => (h.errors[0] = new Array(LIMITS.levels + 1).fill(1))],
    ['dimensions', (h) => (h.tensors[0]!.shape = new Array(LIMITS.rank + 1).fill(1))],
  ])('is refused for more %s than there may be', async (_, edit) => {
    const file = await withHeaderText(await makeFile(), (header) => {
      edit(header);
      return JSON.stringify(header);
    });
    await expect(openHerm(file)).rejects.toMatchObject(refusal);
  });

  it('says where the first mistake of a list is', async () => {
    const file = await withHeaderText(await makeFile(), (header) => {
      Object.assign(header.tensors[1]!, { dtype: 3 });
      return JSON.stringify(header);
    });
    await expect(openHerm(file)).rejects.toMatchObject({
      code: 'HERM_HEADER',
      message: expect.stringContaining('tensors.1.dtype of its header'),
    });
  });
});

describe('a file that says it is enormous', () => {
  it('is refused with a code when what it declares does not fit', async () => {
    const herm = await makeFile();
    const { value, end } = await readPrologue(bufferSource(herm), {});
    const header = structuredClone(value) as HermHeader;
    // A tensor of 64 TiB from eight bytes, which is plausible where the last chunk claims 16 TiB.
    const added = 2 ** 46;
    const chunk = new Uint8Array(8).fill(1);
    const last = header.tensors.at(-1)!;
    header.tensors.push({ name: 'vast', dtype: 'U8', shape: [added], begin: last.end, end: last.end + added, file: 0 });
    header.files[0]!.size += added;
    const split = header.chunks.findIndex(({ kind }) => kind === 'level');
    const { offset } = header.chunks[split]!;
    for (const entry of header.chunks.slice(split)) entry.offset += chunk.byteLength;
    const index = header.tensors.length - 1;
    header.chunks.splice(split, 0, { kind: 'flat', index, offset, length: 8, xxh64: await xxh64(chunk, {}) });
    header.chunks.at(-1)!.length = 2 ** 44;
    const start = await wrapHeader(text(JSON.stringify(header)), {});
    const bytes = concat([start, herm.subarray(end, end + offset), chunk, herm.subarray(end + offset)]);
    const file = await openHerm({
      byteLength: start.byteLength + header.chunks.at(-1)!.offset + 2 ** 44,
      slice: async (from: number, to: number) => {
        if (to - from > 2 ** 30) throw new RangeError('too long');
        return concat([bytes.subarray(from, to), new Uint8Array(to - Math.max(from, Math.min(to, bytes.byteLength)))]);
      },
    });
    await expect(file.skeleton(0.3)).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    await expect(file.skeleton('full')).rejects.toMatchObject({ code: 'IO' });
  });
});
