import { beforeAll, describe, expect, it } from 'vitest';
import { readPrologue } from '../../lib/file/prologue.ts';
import { openHerm } from '../../lib/file/read.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import type { Skeleton } from '../../lib/herm/skeleton.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import type { AsyncBuffer } from '../../lib/source/input.ts';
import { makeCases } from './support/case.ts';
import { compress } from './support/herm.ts';

let herm: Uint8Array;
let header: HermHeader;
/** Where the first chunk starts. */
let start: number;

beforeAll(async () => {
  const made = makeCases([
    { sizes: [4, 24, 9, 3], smallest: 2 },
    { sizes: [3, 5, 5], dtypes: ['BF16'], transposed: true },
    { sizes: [5, 40, 4], dtypes: ['F16', 'F64'], gated: true },
  ]);
  const filler = { name: 'filler', dtype: 'U8', shape: [3000], data: noise(3000) };
  herm = await compress(serializeSafetensors([...made.tensors, filler]), made.blocks, made.trees);
  const prologue = await readPrologue(bufferSource(herm), {});
  [header, start] = [prologue.value as HermHeader, prologue.end];
});

function noise(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => (at * at * 31 + (at >> 3)) % 251);
}

const contents = ({ tensors }: Skeleton) =>
  tensors.map(({ name, shape, data }) => [name, shape, Buffer.from(data).toString('hex')]);

/** The file as something that is read in slices, and what was asked of it. */
function sliced() {
  const slices: [number, number][] = [];
  const buffer: AsyncBuffer = {
    byteLength: herm.byteLength,
    slice: async (from, to) => {
      slices.push([from, to]);
      return herm.slice(from, to);
    },
  };
  return { buffer, slices };
}

/** The bytes that a network of these widths needs: header, tensors that do not shrink, each group's levels so far. */
function neededBytes(widths: readonly number[]): number {
  const groups = [[0, 1], [2], [3]];
  const chunks = header.chunks.filter(({ kind, index, group }) => {
    if (kind !== 'level') return kind === 'flat';
    const before = header.ladder[index - 1];
    return before === undefined || groups[group!]!.some((block) => before[block]! < widths[block]!);
  });
  return start + chunks.reduce((sum, { length }) => sum + length, 0);
}

describe('reading what a network needs', () => {
  it('is reading its levels, each block’s to its own width, and no other byte', async () => {
    for (const widths of [
      [2, 2, 1, 1],
      [24, 9, 1, 1],
      [2, 2, 5, 1],
      [3, 2, 1, 40],
      [24, 9, 5, 40],
    ]) {
      const { buffer, slices } = sliced();
      const file = await openHerm(buffer, { slack: 0 });
      await file.skeleton(Object.fromEntries(file.blocks.map(({ name }, at) => [name, widths[at]!])));
      const bytes = slices.reduce((sum, [from, to]) => sum + to - from, 0);
      expect(file.traffic).toEqual({ reads: slices.length, bytes });
      expect(bytes).toBe(neededBytes(widths));
    }
  });

  it('is reading the rest alone when the network grows', async () => {
    const [wide, grown, direct] = await Promise.all([0, 0, 0].map(() => openHerm(sliced().buffer, { slack: 0 })));
    await wide!.skeleton(0.5);
    await grown!.skeleton(0.25);
    const quarter = grown!.traffic.bytes;
    expect(contents(await grown!.skeleton(0.5))).toEqual(contents(await direct!.skeleton(0.5)));
    expect(quarter).toBeLessThan(wide!.traffic.bytes);
    expect(grown!.traffic.bytes).toBe(wide!.traffic.bytes);
    // Again, or smaller: nothing more is read.
    await Promise.all([grown!.skeleton(0.5), grown!.skeleton(0.25), grown!.skeleton(0.3)]);
    expect(grown!.traffic.bytes).toBe(wide!.traffic.bytes);
    expect(grown!.kept).toBe(wide!.traffic.bytes - start);
    await grown!.close();
    expect(grown!.kept).toBe(0);
  });

  it('is reading at once what lies close together at once', async () => {
    const { buffer, slices } = sliced();
    const file = await openHerm(buffer);
    await file.skeleton('full');
    // Smaller than the slack: the whole file came with its header.
    expect(slices).toEqual([[0, herm.byteLength]]);

    const narrow = sliced();
    const other = await openHerm(narrow.buffer, { slack: 100 });
    await other.skeleton({ 'n0.fc0': 2, 'n0.fc1': 2, 'n1.fc0': 5, 'n2.fc0': 1 });
    await other.skeleton('full');
    expect(narrow.slices.length).toBeLessThan(header.chunks.length / 3);
    // Bytes that are here are read again only where that spares a request.
    expect(other.traffic.bytes).toBeLessThan(herm.byteLength + 100 * header.chunks.length);
    expect(contents(await other.skeleton('full'))).toEqual(contents(await file.skeleton('full')));
  });

  it('is shared between calls that are made at the same time', async () => {
    const { buffer, slices } = sliced();
    const file = await openHerm(buffer, { slack: 0 });
    const controller = new AbortController();
    const aborted = file.skeleton(0.5, { signal: controller.signal });
    const others = [file.skeleton(0.5), file.skeleton(0.25), file.skeleton(1)];
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    await Promise.all(others);
    const ranges = slices.toSorted(([a], [b]) => a - b);
    for (const [n, [from]] of ranges.entries()) if (n > 0) expect(from).toBeGreaterThanOrEqual(ranges[n - 1]![1]);
  });

  it('is reading every byte once where it is the original', async () => {
    const file = await openHerm(sliced().buffer, { slack: 0 });
    await file.skeleton(0.5);
    for await (const _ of file.recover());
    expect(file.traffic.bytes).toBe(herm.byteLength);
  });
});

describe('a prefix that ends anywhere', () => {
  it('serves each block as far as the levels of its own group are there', async () => {
    const whole = await openHerm(herm);
    const ends = header.chunks.map(({ offset, length }) => start + offset + length);
    const cuts = new Set([start, ...ends].flatMap((end) => [end - 1, end, end + 1]));
    const seen = new Set<string>();
    for (const cut of [...cuts].filter((bytes) => bytes >= start && bytes <= herm.byteLength)) {
      const held = header.chunks.filter((_, chunk) => ends[chunk]! <= cut);
      // Of each group: the widths of the level before the first one that is missing.
      const groups = [0, 0, 1, 2].map((group) => {
        const isOwn = ({ kind, group: of }: (typeof held)[0]) => kind === 'level' && of === group;
        const missing = header.chunks.filter(isOwn)[held.filter(isOwn).length];
        return missing === undefined ? header.ladder.length - 1 : missing.index - 1;
      });
      const file = await openHerm(herm.subarray(0, cut));
      const widths = Object.fromEntries(
        whole.blocks.map(({ name }, at) => [name, header.ladder[groups[at]!]?.[at] ?? 0]),
      );
      expect(file.widthsAvailable()).toEqual(widths);
      expect(file.complete).toBe(cut === herm.byteLength);
      const key = JSON.stringify(widths);
      if (seen.has(key)) continue;
      seen.add(key);
      if (Object.values(widths).includes(0)) {
        await expect(file.skeleton(0.01)).rejects.toMatchObject({ code: 'WIDTH' });
        continue;
      }
      expect(contents(await file.skeleton(widths))).toEqual(contents(await whole.skeleton(widths)));
      const [first] = file.blocks.filter(({ name, neurons }) => widths[name]! < neurons);
      if (first === undefined) continue;
      const more = { ...widths, [first.name]: widths[first.name]! + 1 };
      await expect(file.skeleton(more)).rejects.toMatchObject({ code: 'WIDTH', details: { block: first.name } });
    }
    expect(seen.size).toBeGreaterThan(header.ladder.length);
  });
});
