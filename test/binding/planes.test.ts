import { describe, expect, it } from 'vitest';
import { NATIVE_DTYPES } from '../../lib/native/binding.ts';
import { callNative } from '../../lib/native/call.ts';

const range = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i);
const FLOATS = { wordBytes: 4, rotate: true } as const;

/** [rows×cols] floats as bytes that start at an odd offset of their buffer. */
function waves(rows: number, cols: number): Uint8Array {
  const floats = Float32Array.from({ length: rows * cols }, (_, k) => Math.sin(k * k) / 30);
  const bytes = new Uint8Array(floats.byteLength + 1).subarray(1);
  bytes.set(new Uint8Array(floats.buffer));
  return bytes;
}

describe('words to bytes and back', () => {
  it('codes a plain array in fewer bytes and rejects a shortened one with HERM_CORRUPT', async () => {
    const words = waves(100, 100);
    const coded = await callNative(undefined, async (addon, job) => {
      const out = new Uint8Array(addon.encodedBound(10000, 4));
      return out.subarray(0, await addon.encodeWords({ ...FLOATS, words, out }, job));
    });
    expect(coded.length).toBeLessThan(0.9 * words.length);
    const back = new Uint8Array(words.length);
    await callNative(undefined, (addon, job) => addon.decodeWords({ ...FLOATS, data: coded, words: back }, job));
    expect(back).toEqual(words);
    const cut = callNative(undefined, (addon, job) =>
      addon.decodeWords({ ...FLOATS, data: coded.subarray(0, -1), words: back }, job),
    );
    await expect(cut).rejects.toMatchObject({ code: 'HERM_CORRUPT' });
  });

  it('gives XXH64 as hexadecimal', async () => {
    const digest = (text: string) =>
      callNative(undefined, (addon, job) => addon.xxh64({ data: new TextEncoder().encode(text) }, job));
    expect(await digest('')).toBe('ef46db3751d8e999');
    expect(await digest('abc')).toBe('44bc2cf5ad770999');
  });
});

describe('lanes', () => {
  it('are a matrix with neurons as rows; back again it is transposed', async () => {
    const [rows, cols] = [5, 7];
    const source = { data: waves(rows, cols), dtype: NATIVE_DTYPES.F32, rows, cols, transposed: true };
    const lanes = new Uint8Array(source.data.length);
    const out = new Uint8Array(source.data.length);
    await callNative(undefined, (addon, job) => addon.loadLanes({ source, lanes }, job));
    expect(lanes.slice(0, 4)).toEqual(source.data.slice(0, 4));
    expect(lanes.slice(4, 8)).toEqual(source.data.slice(cols * 4, cols * 4 + 4));
    const shape = { lanes, dtype: NATIVE_DTYPES.F32, laneCount: cols, length: rows };
    await callNative(undefined, (addon, job) =>
      addon.storeLanes({ ...shape, slots: range(cols), elements: range(rows), transposed: true, out }, job),
    );
    expect(out).toEqual(new Uint8Array(source.data));
  });

  it('tell how many low bits a tensor leaves at zero, and refuse infinities', async () => {
    const shift = (words: number[]) => {
      const data = new Uint8Array(Uint32Array.from(words).buffer);
      return callNative(undefined, (addon, job) => addon.tensorShift({ data, dtype: NATIVE_DTYPES.F32 }, job));
    };
    expect(await shift([0x3f810000, 0xbf800000])).toBe(16);
    expect(await shift([0, 0x80000000])).toBe(0);
    await expect(shift([0x7f800000])).rejects.toMatchObject({ code: 'NON_FINITE' });
  });
});
