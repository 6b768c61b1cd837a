import { beforeAll, describe, expect, it } from 'vitest';
import { readPrologue } from '../../lib/file/prologue.ts';
import { openHerm } from '../../lib/file/read.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { fromFloat64 } from '../../lib/model/tensor.ts';
import { makeCases } from './support/case.ts';
import { compress } from './support/herm.ts';
import { Random } from './support/random.ts';

let herm: Uint8Array;
let original: Uint8Array;
let header: HermHeader;
/** [chunks] bytes of the file up to their ends; the first one starts at `start`. */
let ends: number[];
let start: number;

const GROUPS = [[0, 1], [2]];
const REFIT = [12, 5, 20];

beforeAll(async () => {
  const made = makeCases([
    { sizes: [4, 24, 9, 3], smallest: 2 },
    { sizes: [5, 40, 4], dtypes: ['F16', 'F64'], gated: true },
  ]);
  const outputs = made.blocks.map((block, at) => {
    const { dtype } = made.tensors.find(({ name }) => name === block.output.tensor)!;
    const count = REFIT[at]! * block.outputs;
    return fromFloat64(new Float64Array(count), dtype as 'F32', 'refit', [count]).data;
  });
  original = serializeSafetensors(made.tensors);
  const refits = [{ widths: REFIT, outputs, errors: [0, 0, 0] }];
  herm = await compress(original, made.blocks, made.trees, { refits });
  const prologue = await readPrologue(bufferSource(herm), {});
  [header, start] = [prologue.value as HermHeader, prologue.end];
  ends = header.chunks.map(({ offset, length }) => start + offset + length);
});

const chunkAt = (kind: string, index: number, group?: number) => {
  return header.chunks.findIndex((c) => c.kind === kind && c.index === index && c.group === group);
};

/** Numbers of the chunks of a group's levels, coarse to fine. */
const levelChunks = (group: number) => {
  return [...header.chunks.keys()].filter(
    (at) => header.chunks[at]!.kind === 'level' && header.chunks[at]!.group === group,
  );
};

/** The file with these chunks damaged. */
function damaged(...chunks: number[]): Uint8Array {
  const bytes = herm.slice();
  for (const chunk of chunks) bytes[ends[chunk]! - 1]! ^= 0x40;
  return bytes;
}

const salvage = (bytes: Uint8Array) => openHerm(bytes, { salvage: true });

describe('a damaged file', () => {
  it('says which of its parts are damaged, all of them', async () => {
    const chunks = [0, header.chunks.findIndex(({ kind }) => kind === 'flat'), levelChunks(1)[3]!];
    const [source, flat, level] = chunks.map((chunk) => ({ begin: ends[chunk - 1] ?? start, end: ends[chunk] }));
    const expected = [
      { kind: 'source', file: 'model.safetensors', blocks: [], ...source },
      { kind: 'flat', tensor: header.tensors[header.chunks[chunks[1]!]!.index]!.name, blocks: [], ...flat },
      { kind: 'level', level: header.chunks[chunks[2]!]!.index, blocks: ['n1.fc0'], ...level },
    ];
    const bytes = damaged(...chunks);
    expect((await salvage(bytes)).damage).toEqual(expected);
    const file = await openHerm(bytes);
    expect(file.damage).toEqual([]);
    expect(await file.findDamage()).toEqual(expected);
    await expect(file.verify()).rejects.toMatchObject({ code: 'HERM_CHECKSUM', details: { damage: expected } });
    await expect(file.recover()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'HERM_CHECKSUM' });
  });

  it('that is whole after all has no damage', async () => {
    const file = await salvage(herm);
    expect(file.damage).toEqual([]);
    expect(await file.skeleton('full')).toEqual(await (await openHerm(herm)).skeleton('full'));
    await expect(file.verify()).resolves.toEqual({ complete: true, chunks: header.chunks.length });
  });
});

describe('salvaging', () => {
  it('holds a block to the level before the damage, and others to all they have', async () => {
    const whole = await openHerm(herm);
    const levels = [...header.ladder.keys()].slice(1);
    for (const level of levels) {
      for (const group of GROUPS.keys()) {
        const chunk = chunkAt('level', level, group);
        if (chunk < 0) continue;
        const file = await salvage(damaged(chunk));
        const widths = header.ladder.at(-1)!.map((full, block) => {
          return GROUPS[group]!.includes(block) ? header.ladder[level - 1]![block]! : full;
        });
        const request = Object.fromEntries(file.blocks.map(({ name }, block) => [name, widths[block]!]));
        expect(file.widthsAvailable()).toEqual(request);
        // More is cut down to what is there, and what is there is what it always was.
        const found = await file.skeleton('full');
        expect(found.widths).toEqual(request);
        expect(found).toEqual(await whole.skeleton(request));
        await expect(file.recover()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'HERM_CHECKSUM' });
      }
    }
  });

  it('needs level 0 and all tensors that no block owns, and says which one is damaged', async () => {
    const flat = header.chunks.findIndex(({ kind }) => kind === 'flat');
    const tensor = header.tensors[header.chunks[flat]!.index]!.name;
    const lost = await salvage(damaged(flat));
    await expect(lost.skeleton(0.5)).rejects.toMatchObject({
      code: 'HERM_CHECKSUM',
      details: { tensor, begin: ends[flat - 1], end: ends[flat] },
      message: expect.stringContaining(`tensor "${tensor}"`),
    });
    const rootless = await salvage(damaged(chunkAt('level', 0, 1)));
    expect(rootless.widthsAvailable()).toMatchObject({ 'n0.fc0': 24, 'n1.fc0': 0 });
    await expect(rootless.skeleton(0.5)).rejects.toMatchObject({
      code: 'HERM_CHECKSUM',
      details: { level: 0, blocks: ['n1.fc0'] },
    });
  });

  it('leaves out damaged refits, and recovers the original without them', async () => {
    const request = Object.fromEntries(header.blocks.map(({ name }, block) => [name, REFIT[block]!]));
    expect((await (await openHerm(herm)).skeleton(request)).refitted).toBe(true);
    const file = await salvage(damaged(chunkAt('refit', 0, 1)));
    expect(file.damage).toMatchObject([{ kind: 'refit', refit: 0, blocks: ['n1.fc0'] }]);
    expect((await file.skeleton(request)).refitted).toBe(false);
    const parts: Uint8Array[] = [];
    for await (const part of file.recover()) parts.push(part);
    expect(Buffer.concat(parts).equals(original)).toBe(true);
  });

  it('works on what is left of a file: cut off, or with something after its end', async () => {
    const early = levelChunks(0)[3]!;
    const late = levelChunks(1).find((chunk) => chunk > early)!;
    const cut = await salvage(damaged(early).subarray(0, ends[late]! - 1));
    expect(cut.damage).toMatchObject([{ kind: 'level', blocks: ['n0.fc0', 'n0.fc1'] }]);
    const levelBefore = (chunk: number) => header.ladder[header.chunks[chunk]!.index - 1]!;
    const widths = [levelBefore(early)[0], levelBefore(early)[1], levelBefore(late)[2]];
    expect(Object.values(cut.widthsAvailable())).toEqual(widths);
    expect((await cut.skeleton(0.9)).widths).toEqual(cut.widthsAvailable());

    const longer = await salvage(Buffer.concat([herm, new Uint8Array(7)]));
    expect(longer.damage).toEqual([{ kind: 'excess', blocks: [], begin: herm.byteLength, end: herm.byteLength + 7 }]);
    expect(longer.complete).toBe(true);
    await expect(salvage(herm.subarray(0, start - 1))).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
  });

  it('gives a part of the whole file’s networks, whatever is damaged', async () => {
    const whole = await openHerm(herm);
    const random = new Random(5);
    for (let round = 0; round < 30; round++) {
      const bytes = herm.slice(
        0,
        random.below(4) === 0 ? start + random.below(herm.byteLength - start) : herm.byteLength,
      );
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        bytes[start + random.below(bytes.byteLength - start)]! ^= 1 << random.below(8);
      }
      const file = await salvage(bytes);
      const found = await file.skeleton('full').catch((error) => error);
      if ('code' in found) {
        expect(['HERM_CHECKSUM', 'WIDTH']).toContain(found.code);
        continue;
      }
      expect(found).toEqual(await whole.skeleton(found.widths));
    }
  });
});
