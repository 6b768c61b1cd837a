import { describe, expect, it } from 'vitest';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { compress, recover } from './support/herm.ts';
import { makeNetwork, randomTree } from './support/network.ts';
import { Random } from './support/random.ts';

describe('a .herm file', () => {
  it('gives back the original', async () => {
    const random = new Random(1);
    const { tensors, blocks } = makeNetwork(random, {
      sizes: [5, 12, 9, 3],
      dtypes: ['F32'],
      biases: true,
      transposed: false,
      values: (r, count) => Array.from({ length: count }, () => r.gauss()),
    });
    const original = serializeSafetensors(tensors);
    const trees = blocks.map(({ neurons }) => randomTree(random, neurons, 1, 'F32'));
    const herm = await compress(original, blocks, trees);
    expect(Buffer.compare(await recover(herm), original)).toBe(0);
  });
});
