import { describe, expect, it } from 'vitest';
import { countNonFinite } from '../../lib/model/nonfinite.ts';
import { type DType, fromFloat64, type Tensor } from '../../lib/model/tensor.ts';

const LARGEST = { F64: Number.MAX_VALUE, F32: (2 - 2 ** -23) * 2 ** 127, F16: 65504, BF16: (2 - 2 ** -7) * 2 ** 127 };

describe('countNonFinite', () => {
  it.each(['F64', 'F32', 'F16', 'BF16'] as const)(
    'counts infinities and NaN of %s, and nothing else',
    async (dtype) => {
      const values = [0, -0, 1, LARGEST[dtype], -LARGEST[dtype], 2 ** -24];
      const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      expect(await countNonFinite(tensorOf([...values, ...bad, ...values], dtype))).toBe(3);
      expect(await countNonFinite(tensorOf(values, dtype))).toBe(0);
    },
  );

  it('sees every number of a long tensor, wherever it starts', async () => {
    const count = 1_000_003;
    const { data } = tensorOf(
      Array.from({ length: count }, (_, n) => (n % 1000 === 999 ? Number.NaN : n)),
      'F32',
    );
    const shifted = Buffer.concat([Uint8Array.of(1), data]).subarray(1);
    expect(await countNonFinite({ name: 'x', dtype: 'F32', shape: [count], data: shifted })).toBe(1000);
  });

  it('lets other work go on, and can be aborted', async () => {
    const tensor = tensorOf(new Array(2_000_000).fill(0), 'F64');
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await countNonFinite(tensor);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    await expect(countNonFinite(tensor, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('finds none in other dtypes', async () => {
    expect(await countNonFinite({ name: 'x', dtype: 'I32', shape: [1], data: new Uint8Array(4).fill(255) })).toBe(0);
  });
});

function tensorOf(values: readonly number[], dtype: DType): Tensor {
  return fromFloat64(values, dtype, 'x', [values.length]);
}
