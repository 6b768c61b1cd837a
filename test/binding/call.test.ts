import { beforeAll, describe, expect, it } from 'vitest';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { scaLayer } from '../../lib/analysis/sca.ts';
import { symmetriesOf } from '../../lib/analysis/symmetry.ts';
import { certifyWidths, refitSkeleton } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import { forward } from '../../lib/model/forward.ts';
import type { NativeBlock, NativeMatrix } from '../../lib/native/binding.ts';
import { type CallOptions, callNative } from '../../lib/native/call.ts';
import { randomBlock } from './support/random_block.ts';

const small = randomBlock(24, 6, 5);
/** Large enough that its merges are still under way when an abort arrives, even where the machine is busy. */
let large: ReturnType<typeof randomBlock>;
beforeAll(() => {
  large = randomBlock(6000, 16, 16);
});

const aborted = { name: 'HermError', code: 'ABORTED' };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const hash = (text: string, options?: CallOptions) =>
  callNative(options, (addon, job) => addon.xxh64({ data: bytesOf(text) }, job));

describe('abort', () => {
  it('before the start: nothing is run', async () => {
    const signal = AbortSignal.abort('why');
    await expect(buildTree(large.block, large.weights, { signal })).rejects.toMatchObject({ ...aborted, cause: 'why' });
    await expect(hash('', { signal })).rejects.toMatchObject(aborted);
  });

  it('while waiting: rejects before the call ahead of it has settled', async () => {
    const [ahead, waiting] = [new AbortController(), new AbortController()];
    const settled: string[] = [];
    const first = buildTree(large.block, large.weights, { signal: ahead.signal }).catch(() => settled.push('ahead'));
    const second = hash('x', { signal: waiting.signal }).catch((error: unknown) => {
      settled.push('waiting');
      return error;
    });
    const third = hash('').then((digest) => {
      settled.push('behind');
      return digest;
    });
    waiting.abort();
    expect(await second).toMatchObject(aborted);
    ahead.abort();
    await first;
    expect(await third).toBe('ef46db3751d8e999');
    expect(settled).toEqual(['waiting', 'ahead', 'behind']);
  });

  it('during the merges: rejects, and the next call runs', async () => {
    const controller = new AbortController();
    let seen = 0;
    const onProgress = (done: number) => {
      seen = done;
      controller.abort();
    };
    const options = { signal: controller.signal, onProgress };
    await expect(buildTree(large.block, large.weights, options)).rejects.toMatchObject(aborted);
    expect(seen).toBeLessThan(1);
    expect(await hash('')).toBe('ef46db3751d8e999');
  });

  it('after the end: changes nothing', async () => {
    const controller = new AbortController();
    const digest = await hash('', { signal: controller.signal });
    controller.abort();
    expect(digest).toBe('ef46db3751d8e999');
  });
});

describe('progress', () => {
  it('rises from 0 to 1 and is silent after the call has settled', async () => {
    const { block, weights } = randomBlock(2500, 32, 32);
    const seen: number[] = [];
    await buildTree(block, weights, { onProgress: (done) => seen.push(done) });
    const count = seen.length;
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen[0]).toBeGreaterThanOrEqual(0);
    expect(seen.at(-1)).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(seen).toHaveLength(count);
  });

  it('a call too short for reports tells its end; an error or an abort there is heeded', async () => {
    const seen: number[] = [];
    expect(await hash('', { onProgress: (done) => seen.push(done) })).toBe('ef46db3751d8e999');
    expect(seen.at(-1)).toBe(1);
    const mine = new Error('mine');
    const onProgress = () => {
      throw mine;
    };
    await expect(hash('', { onProgress })).rejects.toBe(mine);
    const controller = new AbortController();
    const call = hash('', { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(call).rejects.toMatchObject(aborted);
  });

  it('of several layers is one', async () => {
    const { block, weights } = small;
    const layers = [
      { activation: { name: 'identity', slope: 1 } as const, weight: weights.input, bias: weights.bias },
      { activation: block.activation, weight: { ...weights.output, transposed: true }, bias: undefined },
    ];
    const seen: number[] = [];
    await forward(layers, new Float64Array(3 * block.inputs), 3, { onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen).toContain(0.5);
    expect(seen.at(-1)).toBe(1);
  });

  it('an error of the listener ends the call with that error', async () => {
    const mine = new Error('mine');
    const onProgress = () => {
      throw mine;
    };
    await expect(buildTree(large.block, large.weights, { onProgress })).rejects.toBe(mine);
  });
});

it('calls run in the order in which they were made, each with its own result', async () => {
  const order: number[] = [];
  const digests = await Promise.all(
    ['', 'a', ''].map(async (text, at) => {
      const digest = await hash(text);
      order.push(at);
      return digest;
    }),
  );
  expect(order).toEqual([0, 1, 2]);
  expect(digests[0]).toBe('ef46db3751d8e999');
  expect(digests[1]).toBe('d24ec4f1a98c6e5b');
  expect(digests[2]).toBe(digests[0]);
});

it('a call that fails does not stop the next one', async () => {
  const broken = { ...small.weights, output: { ...small.weights.output, rows: 3 } };
  const [failed, next] = await Promise.allSettled([buildTree(small.block, broken), hash('')]);
  expect(failed).toMatchObject({ status: 'rejected', reason: { name: 'HermError', code: 'BAD_ARGUMENT' } });
  expect(next).toEqual({ status: 'fulfilled', value: 'ef46db3751d8e999' });
});

it.each([0, -1, 1.5, 1025, Number.NaN])('threads: %d is refused', async (threads) => {
  await expect(hash('', { threads })).rejects.toMatchObject({ code: 'BAD_ARGUMENT', details: { threads } });
});

/** What every kind of call makes of a block. */
async function everything({ block, weights }: ReturnType<typeof randomBlock>, options?: CallOptions) {
  const tree = await buildTree(block, weights, options);
  const { input, bias, output } = weights;
  const layers = [
    { activation: { name: 'identity', slope: 1 } as const, weight: input, bias },
    { activation: block.activation, weight: { ...output, transposed: true }, bias: undefined },
  ];
  const x = Float64Array.from({ length: 700 * block.inputs }, (_, k) => Math.sin(k));
  return {
    tree,
    errors: await certifyWidths(block, weights, tree, [block.neurons, 7, 3, 1], options),
    refit: await refitSkeleton(block, weights, tree, 7, options),
    interaction: await interactionOf(block, weights, options),
    sca: await scaLayer(block, weights, options),
    symmetries: await symmetriesOf(block, weights, options),
    outputs: await forward(layers, x, 700, options),
  };
}

function mapWeights({ input, bias, output }: NativeBlock, change: (matrix: NativeMatrix) => NativeMatrix): NativeBlock {
  return { input: change(input), bias: bias && change(bias), output: change(output) };
}

describe('results', () => {
  const medium = randomBlock(150, 24, 20, 'gelu', 5);

  it('are the same to the bit for 1, 2 and 4 threads', { timeout: 120_000 }, async () => {
    const one = await everything(medium, { threads: 1 });
    for (const threads of [2, 4]) expect(await everything(medium, { threads })).toEqual(one);
  });

  it('are the same for weights at odd addresses, and no input is written to', async () => {
    const shifted = mapWeights(small.weights, (matrix) => {
      const data = Buffer.alloc(matrix.data.length + 3).subarray(3);
      data.set(matrix.data);
      return { ...matrix, data };
    });
    const before = structuredClone(shifted);
    expect(await everything({ block: small.block, weights: shifted })).toEqual(await everything(small));
    const plain = (weights: NativeBlock) => mapWeights(weights, (m) => ({ ...m, data: Uint8Array.from(m.data) }));
    expect(plain(shifted)).toEqual(plain(before));
  });
});
