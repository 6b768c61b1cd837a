import { describe, expect, it } from 'vitest';
import { decodeTensor, encodeTensor, numberColumns } from '../../lib/file/number_codec.ts';

/** Floats as bytes that start at an odd offset of their buffer. */
function waves(count: number): Uint8Array {
  const floats = Float32Array.from({ length: count }, (_, k) => Math.sin(k * k) / 30);
  const bytes = new Uint8Array(floats.byteLength + 1).subarray(1);
  bytes.set(new Uint8Array(floats.buffer));
  return bytes;
}

describe('tensors that no hierarchy merges', () => {
  it.each(['F64', 'F32', 'F16', 'BF16', 'C64', 'I64', 'I8', 'BOOL', 'F8_E4M3', 'F6_E2M3'])(
    'come back: %s',
    async (dtype) => {
      const data = waves(6000);
      const form = { dtype, shape: [10, 2400] };
      const coded = await encodeTensor({ ...form, data }, {});
      expect(await decodeTensor(coded, form, data.byteLength, 'it', {})).toEqual(data);
      const cut = decodeTensor(coded.subarray(0, -1), form, data.byteLength, 'it', {});
      await expect(cut).rejects.toMatchObject({
        code: 'HERM_CORRUPT',
        message: expect.stringMatching(/^it is corrupt: /),
      });
    },
  );

  it('may be empty', async () => {
    const form = { dtype: 'F32', shape: [0, 3] };
    const coded = await encodeTensor({ ...form, data: new Uint8Array(0) }, {});
    expect(coded).toHaveLength(0);
    expect(await decodeTensor(coded, form, 0, 'it', {})).toHaveLength(0);
  });

  it('are coded in rows of what the first axis counts, if those are long enough', () => {
    expect(numberColumns([])).toBe(256);
    expect(numberColumns([5000])).toBe(256);
    expect(numberColumns([5000, 768])).toBe(768);
    expect(numberColumns([5000, 100])).toBe(300);
    expect(numberColumns([64, 64, 3, 3])).toBe(576);
    expect(numberColumns([16, 8, 300])).toBe(300);
    expect(numberColumns([4, 100000])).toBe(256);
    expect(numberColumns([4, 0])).toBe(256);
  });
});
