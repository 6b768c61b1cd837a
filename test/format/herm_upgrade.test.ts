import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPrologue } from '../../lib/file/prologue.ts';
import { openHerm } from '../../lib/file/read.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { truncate } from '../../lib/herm/truncate.ts';
import { upgrade } from '../../lib/herm/upgrade.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { fromFloat64 } from '../../lib/model/tensor.ts';
import { makeCases } from './support/case.ts';
import { compress } from './support/herm.ts';
import { serve } from './support/range_server.ts';

let folder: string;
let herm: Uint8Array;
let header: HermHeader;
/** Where the first chunk starts. */
let start: number;
/** [chunks] bytes of the file up to their ends. */
let ends: number[];

const HALF = { 'n0.fc0': 12, 'n0.fc1': 5, 'n1.fc0': 20 };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-upgrade-'));
  const made = makeCases([
    { sizes: [4, 24, 9, 3], smallest: 2 },
    { sizes: [5, 40, 4], dtypes: ['F16', 'F64'], gated: true },
  ]);
  const widths = Object.values(HALF);
  const outputs = made.blocks.map((block, at) => {
    const { dtype } = made.tensors.find(({ name }) => name === block.output.tensor)!;
    const count = widths[at]! * block.outputs;
    return fromFloat64(new Float64Array(count).fill(1), dtype as 'F32', 'refit', [count]).data;
  });
  const refits = [{ widths, outputs, errors: [0.1, 0.2, 0.3] }];
  herm = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees, { refits });
  const prologue = await readPrologue(bufferSource(herm), {});
  [header, start] = [prologue.value as HermHeader, prologue.end];
  ends = header.chunks.map(({ offset, length }) => start + offset + length);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file of this test and gives its path. */
function put(bytes: Uint8Array, name = 'small.herm'): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function damaged(bytes: Uint8Array, ...places: number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const at of places) copy[at]! ^= 0x10;
  return copy;
}

/** The middle of a chunk that is not empty. */
const middleOf = (chunk: number) => ends[chunk]! - Math.ceil(header.chunks[chunk]!.length / 2);
const chunkAt = (kind: string, index: number) => {
  return header.chunks.findIndex((chunk) => chunk.kind === kind && chunk.index === index);
};

describe('truncating', () => {
  it('gives the beginning of the file that serves the widths, and no byte more', async () => {
    for (const request of [
      0.01,
      0.25,
      0.5,
      'full',
      { 'n1.fc0': 7 },
      { 'n0.fc0': 2, 'n0.fc1': 2, 'n1.fc0': 40 },
    ] as const) {
      const path = join(folder, 'cut.herm');
      const report = await truncate(herm, path, request);
      const small = new Uint8Array(readFileSync(path));
      expect(Buffer.compare(small, herm.subarray(0, small.byteLength))).toBe(0);
      expect(report).toMatchObject({ bytes: small.byteLength, bytesBefore: herm.byteLength });
      const whole = await openHerm(herm);
      const cut = await openHerm(small);
      expect(cut.widthsAvailable()).toEqual(report.widths);
      expect(await cut.skeleton(request)).toEqual(await whole.skeleton(request));
      // One chunk less does not serve them.
      const last = ends.findLastIndex((end) => end < small.byteLength);
      const less = await openHerm(herm.subarray(0, ends[last]));
      await expect(less.skeleton(request)).rejects.toMatchObject({
        code: expect.stringMatching(/^(WIDTH|HERM_TRUNCATED)$/),
      });
    }
  });

  it('takes the refitted weights of these widths along', async () => {
    const path = join(folder, 'half.herm');
    await truncate(herm, path, HALF);
    const { refitted } = await (await openHerm(readFileSync(path))).skeleton(HALF);
    expect(refitted).toBe(true);
  });

  it('refuses widths that are not there, and damage, and then writes nothing', async () => {
    const path = join(folder, 'refused.herm');
    await expect(truncate(herm, path, { 'n1.fc0': 41 })).rejects.toMatchObject({ code: 'WIDTH' });
    const beginning = herm.subarray(0, ends[chunkAt('level', 3)]);
    await expect(truncate(beginning, path, 0.9)).rejects.toMatchObject({ code: 'WIDTH' });
    const broken = damaged(herm, middleOf(chunkAt('level', 2)));
    await expect(truncate(broken, path, 0.9)).rejects.toMatchObject({ code: 'HERM_CHECKSUM' });
    await expect(truncate(broken, path, 0.01)).resolves.toBeDefined();
    rmSync(path);
    await expect(truncate(herm, path, 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(folder).filter((name) => name.includes('refused'))).toEqual([]);
  });
});

describe('upgrading', () => {
  it('from wherever the file ends gives the whole one, and reads what is missing alone', async () => {
    const server = await serve({ bytes: herm, etag: '"1"' });
    const cuts = new Set([start, ...ends].flatMap((end) => [end - 1, end, end + 1]));
    for (const cut of [...cuts].filter((bytes) => bytes >= start && bytes <= herm.byteLength)) {
      const path = put(herm.subarray(0, cut));
      server.seen.length = 0;
      const report = await upgrade(path, server.url, { slack: 0 });
      expect(Buffer.compare(readFileSync(path), herm)).toBe(0);
      const fetched = start + herm.byteLength - cut;
      expect(report).toMatchObject({ bytesBefore: cut, bytes: herm.byteLength, fetched, repaired: 0, complete: true });
      expect(server.bytesSent()).toBe(fetched);
    }
  });

  it('goes as far as it is told, step by step', async () => {
    const path = join(folder, 'steps.herm');
    await truncate(herm, path, 0.1);
    let fetched = readFileSync(path).byteLength;
    for (const width of [0.25, HALF, 0.8] as const) {
      const report = await upgrade(path, herm, { width });
      expect(report.complete).toBe(false);
      const other = join(folder, 'direct.herm');
      await truncate(herm, other, width);
      expect(Buffer.compare(readFileSync(path), readFileSync(other))).toBe(0);
      expect((await openHerm(readFileSync(path))).widthsAvailable()).toEqual(report.widths);
      expect(report.bytes).toBeGreaterThan(report.bytesBefore);
      fetched += report.bytes - report.bytesBefore;
    }
    expect(fetched).toBe(readFileSync(path).byteLength);
    // Less than there is already: it stays.
    const before = readFileSync(path);
    expect(await upgrade(path, herm, { width: 0.1 })).toMatchObject({ bytes: before.byteLength, repaired: 0 });
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
  });

  it('replaces what is damaged', async () => {
    const level = chunkAt('level', 1);
    const cut = middleOf(chunkAt('level', 5)) + 1;
    // A chunk in the middle, and the part of one that the file ends in.
    const path = put(damaged(herm.subarray(0, cut), middleOf(level), cut - 1));
    const report = await upgrade(path, herm);
    expect(report).toMatchObject({ repaired: 1, complete: true });
    expect(Buffer.compare(readFileSync(path), herm)).toBe(0);
    const other = put(damaged(herm, middleOf(0)));
    expect(await upgrade(other, herm)).toMatchObject({ repaired: 1, bytesBefore: herm.byteLength });
    expect(Buffer.compare(readFileSync(other), herm)).toBe(0);
  });

  it('from another file, a damaged one or one that is too short leaves everything as it was', async () => {
    const small = herm.subarray(0, ends[chunkAt('level', 2)]);
    const path = put(small);
    const last = header.chunks.length - 1;
    const made = makeCases([{ sizes: [4, 24, 9, 3], smallest: 2, seed: 9 }]);
    const stranger = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
    for (const [from, code] of [
      [stranger, 'HERM_DIFFERENT'],
      [damaged(herm, middleOf(last)), 'HERM_CHECKSUM'],
      [herm.subarray(0, herm.byteLength - 1), 'HERM_TRUNCATED'],
      [herm.subarray(0, 9), 'HERM_TRUNCATED'],
      [new Uint8Array(40), 'HERM_MAGIC'],
    ] as const) {
      await expect(upgrade(path, from)).rejects.toMatchObject({ code });
    }
    await expect(upgrade(path, herm, { width: 7 })).rejects.toMatchObject({ code: 'WIDTH' });
    await expect(upgrade(path, herm, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    const server = await serve({ bytes: herm, etag: '"1"' }, (_request, _response, count) => {
      if (count === 3) server.file.etag = '"2"';
      return false;
    });
    await expect(upgrade(path, server.url, { slack: 0 })).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(Buffer.compare(readFileSync(path), small)).toBe(0);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('that is aborted half way leaves everything as it was', async () => {
    const small = herm.subarray(0, ends[chunkAt('level', 2)]);
    const path = put(small);
    const controller = new AbortController();
    const onProgress = (done: number) => void (done > 0.7 && controller.abort());
    const call = upgrade(path, herm, { signal: controller.signal, onProgress });
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    expect(Buffer.compare(readFileSync(path), small)).toBe(0);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
