import { describe, expect, it } from 'vitest';
import { type HermFile, openHerm } from '../../lib/file/read.ts';
import type { Skeleton } from '../../lib/herm/skeleton.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { type ByteSource, bufferSource } from '../../lib/model/source.ts';
import { fromFloat64 } from '../../lib/model/tensor.ts';
import { makeCase } from './support/case.ts';
import { compress } from './support/herm.ts';

/** A file whose reads are counted. */
function countedSource(bytes: Uint8Array): ByteSource & { readonly reads: [number, number][] } {
  const source = bufferSource(bytes, 'model.herm');
  const reads: [number, number][] = [];
  return {
    ...source,
    reads,
    read(offset, length) {
      reads.push([offset, length]);
      return source.read(offset, length);
    },
  };
}

const open = (bytes: Uint8Array): Promise<HermFile> => openHerm(bufferSource(bytes, 'model.herm'));
const contents = ({ tensors }: Skeleton) =>
  tensors.map(({ name, shape, data }) => [name, shape, Buffer.from(data).toString('hex')]);

async function makeFile(): Promise<Uint8Array> {
  const made = makeCase({ sizes: [4, 13, 21, 6, 3], dtypes: ['F32', 'BF16', 'F32'], smallest: 2 });
  return compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
}

/** Bytes up to the header's end, so to where `source` starts. */
async function chunkStart(herm: Uint8Array): Promise<number> {
  return 28 + new DataView(herm.buffer, herm.byteOffset).getUint32(12, true);
}

describe('a prefix of a .herm file', () => {
  it('serves the widths whose levels it holds, with the same bytes as the whole file, wherever it is cut', async () => {
    const herm = await makeFile();
    const whole = await open(herm);
    const expected = await Promise.all(
      whole.ladder.map(async (widths) =>
        contents(
          await whole.skeleton(Object.fromEntries(whole.blocks.map(({ name }, block) => [name, widths[block]!]))),
        ),
      ),
    );
    const start = await chunkStart(herm);
    const cuts = new Set([start, start + 1, herm.byteLength - 1, herm.byteLength]);
    for (const bytes of whole.prefixBytes) for (const cut of [bytes - 1, bytes, bytes + 1]) cuts.add(cut);
    for (const cut of [...cuts].filter((bytes) => bytes <= herm.byteLength)) {
      const file = await open(herm.subarray(0, cut));
      const level = whole.prefixBytes.filter((bytes) => bytes <= cut).length - 1;
      const widths = Object.fromEntries(
        whole.blocks.map(({ name }, block) => [name, whole.ladder[level]?.[block] ?? 0]),
      );
      expect(file.widthsAvailable()).toEqual(widths);
      expect(file.complete).toBe(cut === herm.byteLength);
      if (level >= 0) expect(contents(await file.skeleton(widths))).toEqual(expected[level]);
      if (level < whole.ladder.length - 1) {
        await expect(file.skeleton('full')).rejects.toMatchObject({ code: 'WIDTH' });
        await expect(file.recover()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
        await expect(file.tree('fc0')).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
        await expect(file.verify()).resolves.toMatchObject({ complete: false });
      }
    }
  });

  it('names block, width and what it holds when it is too short', async () => {
    const herm = await makeFile();
    const { prefixBytes, ladder } = await open(herm);
    const file = await open(herm.subarray(0, prefixBytes[2]));
    await expect(file.skeleton({ fc0: 13, fc1: 2, fc2: 2 })).rejects.toMatchObject({
      code: 'WIDTH',
      message: expect.stringMatching(new RegExp(`"fc0".* 13.* up to ${ladder[2]![0]}`)),
    });
  });

  it('that ends inside the header is refused', async () => {
    const herm = await makeFile();
    const start = await chunkStart(herm);
    for (let size = 0; size < start; size++) {
      const code = size === 0 ? 'HERM_MAGIC' : 'HERM_TRUNCATED';
      await expect(open(herm.subarray(0, size))).rejects.toMatchObject({ code });
    }
  });
});

describe('reading', () => {
  it('fetches a chunk when it is needed and only once, also by concurrent calls', async () => {
    const herm = await makeFile();
    const source = countedSource(herm);
    const file = await openHerm(source);
    const opening = source.reads.length;
    const narrow = await Promise.all([
      file.skeleton(0.2),
      file.skeleton(0.2),
      file.skeleton({ fc0: 3, fc1: 4, fc2: 2 }),
    ]);
    const middle = source.reads.length;
    expect(contents(narrow[0])).toEqual(contents(narrow[1]));
    const reached = Math.max(...source.reads.map(([offset, length]) => offset + length));
    expect(reached).toBeLessThan(herm.byteLength / 2);
    await file.skeleton('full');
    await file.skeleton(0.2);
    const chunks = source.reads.slice(opening).map(([offset]) => offset);
    expect(middle).toBeGreaterThan(opening);
    expect(new Set(chunks).size).toBe(chunks.length);
    // The original's own header is the one thing that no skeleton needs.
    expect(source.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(herm.byteLength);
  });

  it('gives the same from concurrent calls as from one after the other', async () => {
    const herm = await makeFile();
    const one = await open(herm);
    const ratios = [1, 0.3, 0.7, 0.1, 0.5];
    const expected: unknown[] = [];
    for (const ratio of ratios) expected.push(contents(await one.skeleton(ratio)));
    const other = await open(herm);
    const found = await Promise.all(ratios.map(async (ratio) => contents(await other.skeleton(ratio))));
    expect(found).toEqual(expected);
  });

  it('can be aborted without harm to other calls', async () => {
    const file = await open(await makeFile());
    const signal = AbortSignal.abort();
    const [aborted, whole] = await Promise.allSettled([file.skeleton('full', { signal }), file.skeleton('full')]);
    expect(aborted).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED' } });
    expect(whole.status).toBe('fulfilled');
  });

  it('needs a refit that the prefix does not hold only when it is wanted', async () => {
    const made = makeCase({ sizes: [3, 8, 2] });
    const weights = fromFloat64(new Float64Array(4 * 2), 'F32', 'refit', [4, 2]).data;
    const refits = [{ widths: [4], outputs: [weights], errors: [0.5] }];
    const herm = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees, { refits });
    const { prefixBytes, ladder } = await open(herm);
    const level = ladder.findIndex(([width]) => width! >= 4);
    const file = await open(herm.subarray(0, prefixBytes[level]));
    await expect(file.skeleton({ fc0: 4 })).rejects.toMatchObject({ code: 'HERM_TRUNCATED' });
    await expect(file.skeleton({ fc0: 4 }, { refit: false })).resolves.toMatchObject({ refitted: false });
  });
});
