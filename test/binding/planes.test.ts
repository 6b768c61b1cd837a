import { describe, expect, it } from 'vitest';
import { NATIVE_DTYPES } from '../../lib/native/binding.ts';
import { callNative } from '../../lib/native/call.ts';

const range = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i);
const FLOATS = { wordBytes: 4, shift: 0, rotate: true } as const;

/** [rows×cols] floats as bytes that start at an odd offset of their buffer. */
function waves(rows: number, cols: number): Uint8Array {
  const floats = Float32Array.from({ length: rows * cols }, (_, k) => Math.sin(k * k) / 30);
  const bytes = new Uint8Array(floats.byteLength + 1).subarray(1);
  bytes.set(new Uint8Array(floats.buffer));
  return bytes;
}

describe('words to bytes and back', () => {
  it('fills only the rows and columns of a rectangle, and says how far it read', async () => {
    const [rows, cols] = [12, 10];
    const words = waves(rows, cols);
    const shape = { ...FLOATS, rows, cols, rowList: Uint32Array.of(0, 11, 5), colList: Uint32Array.of(9, 2) };
    const classes = { rowClass: Uint8Array.of(0, 1, 2), colClass: undefined };
    const back = new Uint8Array(words.length);
    const result = await callNative(undefined, async (addon, job) => {
      const out = new Uint8Array(addon.encodedBound(6, 4) + 50).fill(0xff);
      const size = await addon.encodeRectangle({ ...shape, ...classes, words, out }, job);
      const read = await addon.decodeRectangle({ ...shape, ...classes, data: out, words: back }, job);
      return { size, read };
    });
    expect(result.read).toBe(result.size);
    for (let at = 0; at < rows * cols; at++) {
      const inside = [0, 11, 5].includes(Math.floor(at / cols)) && [9, 2].includes(at % cols);
      const word = words.slice(at * 4, at * 4 + 4);
      expect(back.slice(at * 4, at * 4 + 4)).toEqual(inside ? word : new Uint8Array(4));
    }
  });

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

  it('refuses lists beyond the matrix and sizes that do not fit', async () => {
    const words = waves(3, 3);
    const shape = { ...FLOATS, rows: 3, cols: 3, rowList: range(3), colList: range(3) };
    const args = { ...shape, rowClass: undefined, colClass: undefined, words, out: new Uint8Array(100) };
    const call = (changed: Partial<typeof args>) =>
      callNative(undefined, (addon, job) => addon.encodeRectangle({ ...args, ...changed }, job));
    await expect(call({ rowList: Uint32Array.of(3) })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ cols: 4 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ out: new Uint8Array(5) })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({})).resolves.toBeGreaterThan(0);
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
