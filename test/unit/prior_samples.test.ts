import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { openHerm } from '../../lib/file/read.ts';
import { blockOutputs, blockValues } from '../../lib/herm/block_samples.ts';
import {
  certifyWidths,
  refitOutput,
  refitSkeleton,
  relativeError,
  skeletonWeights,
} from '../../lib/herm/certificate.ts';
import { chooseBlends, splitSamples } from '../../lib/herm/choose_blend.ts';
import { type CompressOptions, compress } from '../../lib/herm/compress.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { ActivationName } from '../../lib/model/block.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import type { Prior } from '../../lib/model/prior.ts';
import { serializeSafetensors } from '../../lib/model/safetensors_write.ts';
import { readSamples } from '../../lib/model/sample_files.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { fromFloat64 } from '../../lib/model/tensor.ts';
import { blockWeights, lookupIn } from '../../lib/model/weights.ts';
import type { NativeMatrix } from '../../lib/native/binding.ts';
import { randomBlock } from '../binding/support/random_block.ts';
import { makeNetwork } from '../format/support/network.ts';
import { Random } from '../format/support/random.ts';
import { gaussian } from '../format/support/values.ts';
import { npy } from '../support/npy.ts';

const [M, N, P] = [18, 6, 4];
const activations: ActivationName[] = ['relu', 'gelu', 'tanh', 'relu6', 'elu', 'mish'];

/** Inputs near a plane, far from N(0, I). */
function someInputs(count: number, n: number, seed = 5): Float32Array {
  const random = new Random(seed);
  const rows = Array.from({ length: count }, () => {
    const [a, b] = [random.gauss(), random.gauss()];
    return Array.from({ length: n }, (_, c) => 0.4 + a * Math.sin(c + 1) + b * Math.cos(2 * c) + 0.2 * random.gauss());
  });
  return Float32Array.from(rows.flat());
}

const numbers = ({ data }: NativeMatrix) => new Float64Array(data.slice().buffer);

describe('merging on samples', () => {
  it.each(activations)('%s: a merge is never dearer than the cheapest absorption of all', async (activation) => {
    const { block, weights } = randomBlock(M, N, P, activation, 3);
    const count = 50;
    const prior = { inputs: someInputs(count, N), blend: 0.3 };
    const tree = await buildTree(block, weights, { prior });
    let scale = 0;
    for (let t = 0; t < M - 1; t++) {
      const { block: now, weights: own } = await skeletonWeights(block, weights, tree, M - t);
      const m = M - t;
      const values = await blockValues(now, own, prior.inputs);
      const { kernel, outputGram } = await interactionOf(now, own);
      const phi = (i: number, j: number) => {
        let sum = 0;
        for (let s = 0; s < count; s++) sum += values[s * m + i]! * values[s * m + j]!;
        return sum / count;
      };
      const traces = (entry: (i: number) => number) =>
        Array.from({ length: m }, (_, i) => entry(i)).reduce((a, b) => a + b);
      if (t === 0) scale = traces((i) => phi(i, i)) / traces((i) => kernel[i * m + i]!);
      const blended = (i: number, j: number) => 0.7 * phi(i, j) + 0.3 * scale * kernel[i * m + j]!;
      let cheapest = Infinity;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < m; j++) {
          if (i === j) continue;
          const left = blended(j, j) - blended(i, j) ** 2 / blended(i, i);
          cheapest = Math.min(cheapest, outputGram[j * m + j]! * Math.max(0, left));
        }
      }
      expect(tree.cost[t]!).toBeLessThanOrEqual(cheapest * 1.001);
    }
  });

  it('depends on the samples, not on the number of threads', async () => {
    const { block, weights } = randomBlock(60, N, P, 'gelu', 4);
    const prior = { inputs: someInputs(40, N), blend: 0.1 };
    const tree = await buildTree(block, weights, { prior, threads: 1 });
    expect(tree).toEqual(await buildTree(block, weights, { prior, threads: 3 }));
    expect(tree.pairs).not.toEqual((await buildTree(block, weights)).pairs);
  });
});

describe('certificates and refits on samples', () => {
  it.each(activations)('%s: with a blend of 0 an error is what the skeleton misses on them', async (activation) => {
    const { block, weights } = randomBlock(M, N, P, activation, 6);
    const inputs = someInputs(3000, N);
    const tree = await buildTree(block, weights);
    const wanted = await blockOutputs(block, weights, inputs);
    const widths = [18, 9, 3];
    const errors = await certifyWidths(block, weights, tree, widths, { prior: { inputs, blend: 0 } });
    for (const [n, width] of widths.entries()) {
      const kept = await skeletonWeights(block, weights, tree, width);
      expect(errors[n]).toBeCloseTo(relativeError(wanted, await blockOutputs(kept.block, kept.weights, inputs)), 9);
    }
  });

  it('the full width misses nothing, but where it should make something else of them', async () => {
    const { block, weights } = randomBlock(M, N, P, 'gelu', 9);
    const inputs = someInputs(300, N);
    const tree = await buildTree(block, weights);
    const targets = (await blockOutputs(block, weights, inputs)).map((y) => 2 * y);
    const error = async (prior: Prior) => (await certifyWidths(block, weights, tree, [M, 3], { prior }))[0];
    expect(await error({ inputs, blend: 0.3 })).toBe(0);
    expect(await error({ inputs, blend: 0, targets })).toBeCloseTo(0.5, 9);
  });

  it.each(activations)('%s: a refit leaves nothing that its neurons could still explain', async (activation) => {
    const { block, weights } = randomBlock(M, N, P, activation, 7);
    const inputs = someInputs(200, N);
    const tree = await buildTree(block, weights);
    const targets = Float64Array.from(await blockOutputs(block, weights, inputs), (y, k) => y + Math.sin(k));
    const refit = await refitSkeleton(block, weights, tree, 5, { prior: { inputs, blend: 0, targets } });
    const { block: kept, weights: own } = await skeletonWeights(block, weights, tree, 5);
    const output = { ...own.output, data: refit.output };
    const values = await blockValues(kept, own, inputs);
    const found = await blockOutputs(kept, { ...own, output }, inputs);
    for (let i = 0; i < 5; i++) {
      for (let c = 0; c < P; c++) {
        let [product, size] = [0, 0];
        for (let t = 0; t < 200; t++) {
          product += values[t * 5 + i]! * (targets[t * P + c]! - found[t * P + c]!);
          size += Math.abs(values[t * 5 + i]! * targets[t * P + c]!);
        }
        expect(Math.abs(product)).toBeLessThan(1e-6 * size);
      }
    }
    expect(refit.error).toBeCloseTo(relativeError(targets, found), 9);
    // The same for neurons that come from nowhere.
    const free = await refitOutput(block, weights, numbers(own.input), own.bias && numbers(own.bias), {
      prior: { inputs, blend: 0, targets },
    });
    free.forEach((v, k) => {
      expect(v).toBeCloseTo(numbers(output)[k]!, 9);
    });
  });

  it('with a blend of 1 they are those of the Gaussian prior', async () => {
    const { block, weights } = randomBlock(M, N, P, 'gelu', 8);
    const tree = await buildTree(block, weights);
    const gaussian = { deviation: Float64Array.of(1, 2, 0.5, 1, 1, 3) };
    const prior = { inputs: someInputs(100, N), blend: 1, gaussian };
    const [errors, others] = [prior, gaussian].map((p) =>
      certifyWidths(block, weights, tree, [18, 9, 3], { prior: p }),
    );
    const wanted = await others!;
    for (const [n, error] of (await errors!).entries()) expect(error).toBeCloseTo(wanted[n]!, 6);
    const [own, other] = [prior, gaussian].map((p) => refitSkeleton(block, weights, tree, 5, { prior: p }));
    expect((await own!).error).toBeCloseTo((await other!).error, 6);
  });

  it('few samples alone fit worse than blended ones, which the choice of a blend finds', async () => {
    const { block, weights } = randomBlock(60, 20, 8, 'relu', 9);
    const random = new Random(4);
    const normal = (count: number) => Float32Array.from({ length: count * 20 }, () => random.gauss());
    const [inputs, heldOut] = [normal(40), normal(2000)];
    const { refit: blend } = await chooseBlends(block, weights, inputs);
    expect(blend).toBeGreaterThanOrEqual(0.2);
    const measured = async (share: number) => {
      const prior = { inputs, blend: share };
      const tree = await buildTree(block, weights, { prior });
      return (await refitSkeleton(block, weights, tree, 30, { prior, heldOut: { inputs: heldOut } })).measured!;
    };
    expect(await measured(blend)).toBeLessThan(0.8 * (await measured(0)));
  });

  it('merging takes as much of the prior as refits, or as the tree they were tried on, whichever is better', async () => {
    const outcomes = new Set<string>();
    for (const [seed, mean, deviation] of [
      [3, 0, 1],
      [6, 1, 0.6],
    ] as const) {
      const { block, weights } = randomBlock(60, 20, 8, 'relu', seed);
      const random = new Random(seed);
      const inputs = Float32Array.from({ length: 30 * 20 }, () => mean + deviation * random.gauss());
      const { refit, merge } = await chooseBlends(block, weights, inputs);
      const { fit, heldOut } = splitSamples(block, inputs);
      const errorAt = async (blend: number) => {
        const tree = await buildTree(block, weights, { prior: { inputs: fit, blend } });
        const known = { prior: { inputs: fit, blend: refit }, heldOut: { inputs: heldOut } };
        const [half, quarter] = [30, 15].map((width) => refitSkeleton(block, weights, tree, width, known));
        return (await half!).measured! * (await quarter!).measured!;
      };
      const other = merge === refit ? Math.min(refit, 0.2) : refit;
      expect(await errorAt(merge)).toBeLessThanOrEqual(await errorAt(other));
      outcomes.add(merge === refit ? 'alike' : 'apart');
    }
    expect(outcomes.size).toBe(2);
  });

  it('every fifth sample is held out', () => {
    const { block } = randomBlock(3, 2, 2);
    const rows = Array.from({ length: 11 }, (_, t) => [t, -t]);
    const { fit, heldOut } = splitSamples(block, Float32Array.from(rows.flat()));
    expect([...heldOut]).toEqual([4, -4, 9, -9]);
    expect([...fit]).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 10].flatMap((t) => [t, -t]));
    expect(() => splitSamples(block, new Float32Array(8))).toThrow(expect.objectContaining({ code: 'PRIOR' }));
  });

  it.each([
    [{ inputs: new Float32Array(7), blend: 0 }, 'rows of 6'],
    [{ inputs: new Float32Array(0), blend: 0 }, 'rows of 6'],
    [{ inputs: new Float32Array(12), blend: 1.5 }, 'blend'],
    [{ inputs: new Float32Array(12), blend: 0, targets: new Float64Array(5) }, 'targets'],
  ])('samples that do not fit are refused, %#', async (prior, why) => {
    const { block, weights } = randomBlock(M, N, P);
    const refused = { code: 'PRIOR', message: expect.stringContaining(why) };
    await expect(buildTree(block, weights, { prior })).rejects.toMatchObject(refused);
    const tree = await buildTree(block, weights);
    await expect(certifyWidths(block, weights, tree, [3], { prior })).rejects.toMatchObject(refused);
  });

  it('what does not fit into memory is refused before it is allocated', async () => {
    const { block, weights } = randomBlock(M, N, P);
    const prior = { inputs: someInputs(50, N), blend: 0 };
    const refused = { code: 'OUT_OF_MEMORY', message: expect.stringContaining('50 samples') };
    await expect(buildTree(block, weights, { prior, memory: 1000 })).rejects.toMatchObject(refused);
  });
});

describe('compressing with samples', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hermkit-samples-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const plain = { sizes: [6, 24, 16, 5], dtypes: ['F32' as const], biases: true, transposed: false, values: gaussian };
  const { tensors } = makeNetwork(new Random(2), plain);
  const model = serializeSafetensors(tensors, new Map([['activation', 'relu']]));
  const inputs = someInputs(400, 6);
  const run = (options: CompressOptions) =>
    compress(bufferSource(model, 'model.safetensors'), join(folder, 'net.herm'), options);

  it.each([true, false])('goes along the chain, sequential: %s', async (sequential) => {
    const report = await run({ samples: { fc0: inputs }, refit: [0.5, 0.25], sequential });
    const file = await openHerm(await fileSource(join(folder, 'net.herm')));
    expect(file.prior).toBe('samples');
    expect(file.measured).toEqual(report.measured);
    expect(file.measured!.map((levels) => levels.length)).toEqual(file.errors.map((levels) => levels.length));
    expect(file.refits.map(({ measured }) => measured!.length)).toEqual([2, 2]);
    // The first block's errors are those of its skeletons on the samples that were held out.
    const { heldOut } = splitSamples(file.blocks[0]!, inputs);
    const layers = async (widths: 'full' | Record<string, number>) =>
      mlpLayers(file.blocks, lookupIn((await file.skeleton(widths)).tensors))
        .slice(0, 2)
        .map((layer, l) => (l === 0 ? layer : { ...layer, bias: undefined }));
    const outputs = async (widths: 'full' | Record<string, number>) =>
      forward(await layers(widths), Float64Array.from(heldOut), heldOut.length / 6);
    const full = await outputs('full');
    for (const [level, [width]] of file.ladder.entries()) {
      const error = relativeError(full, await outputs({ fc0: width! }));
      expect(file.measured![0]![level]).toBeCloseTo(error, 5);
    }
    await file.close();
  });

  it('merges with the blend that is chosen for it; one that is given is for merging, too', async () => {
    const few = inputs.slice(0, 20 * 6);
    const treeIn = async (options: CompressOptions) => {
      await run({ samples: { fc0: few }, ...options });
      const file = await openHerm(await fileSource(join(folder, 'net.herm')));
      const [block] = file.blocks;
      const { pairs } = await file.tree('fc0');
      await file.close();
      return { block: block!, pairs };
    };
    const { block, pairs } = await treeIn({});
    const weights = blockWeights(block, lookupIn(tensors));
    const { fit } = splitSamples(block, few);
    const pairsAt = async (blend: number) => (await buildTree(block, weights, { prior: { inputs: fit, blend } })).pairs;
    const { merge } = await chooseBlends(block, weights, fit);
    expect(pairs).toEqual(await pairsAt(merge));
    expect((await treeIn({ blend: 0.9 })).pairs).toEqual(await pairsAt(0.9));
    expect(pairs).not.toEqual(await pairsAt(0.9));
  });

  it('a sequential refit is measured on what narrower blocks before it produce, against the whole original', async () => {
    for (const sequential of [true, false]) {
      const report = await run({ samples: { fc0: inputs }, refit: [0.25], sequential });
      const file = await openHerm(await fileSource(join(folder, 'net.herm')));
      const { heldOut } = splitSamples(file.blocks[0]!, inputs);
      const outputs = async (width: number | 'full') => {
        const layers = mlpLayers(file.blocks, lookupIn((await file.skeleton(width)).tensors));
        const free = layers.map((layer, l) => (l === 2 ? { ...layer, bias: undefined } : layer));
        return forward(free, Float64Array.from(heldOut), heldOut.length / 6);
      };
      const error = relativeError(await outputs('full'), await outputs(0.25));
      const off = Math.abs(report.refits[0]!.measured![1]! - error);
      if (sequential) expect(off).toBeLessThan(1e-4);
      else expect(off).toBeGreaterThan(1e-3);
      await file.close();
    }
  });

  it.each<[CompressOptions, string, string]>([
    [{ samples: { fc9: inputs } }, 'PRIOR', 'fc9'],
    [{ samples: { fc0: new Float32Array(7) } }, 'PRIOR', 'rows of 6'],
    [{ samples: { fc0: inputs }, blend: 2 }, 'PRIOR', 'blend'],
    [{ blend: 0.5 }, 'BAD_ARGUMENT', 'needs samples'],
    [{ sequential: true }, 'BAD_ARGUMENT', 'refit'],
  ])('refuses what makes no sense, %#', async (options, code, why) => {
    await expect(run(options)).rejects.toMatchObject({ code, message: expect.stringContaining(why) });
  });

  it('reads samples of safetensors and NumPy files', async () => {
    const report = await run({});
    const path = (name: string) => join(folder, name);
    const matrix = (name: string, n: number) =>
      fromFloat64(
        Float64Array.from({ length: 4 * n }, (_, k) => k / 8),
        'F32',
        name,
        [2, 2, n],
      );
    await writeFile(path('all.safetensors'), serializeSafetensors([matrix('fc0', 6), matrix('fc1', 24)], new Map()));
    await writeFile(
      path('one.npy'),
      npy(
        '<f8',
        '(3, 6)',
        Float64Array.from({ length: 18 }, (_, k) => k),
      ),
    );
    await writeFile(path('bad.npy'), npy('<i8', '(3, 6)', new Float64Array(18)));
    await writeFile(path('short.npy'), npy('<f8', '(4, 6)', new Float64Array(18)));
    const read = (...descriptions: string[]) => readSamples(report.blocks, descriptions);
    const { fc1, ...others } = await read(path('all.safetensors'));
    const all = { ...others, fc1 };
    expect(Object.entries(all).map(([name, x]) => [name, x!.length])).toEqual([
      ['fc0', 24],
      ['fc1', 96],
    ]);
    expect(fc1!.subarray(0, 3)).toEqual(Float32Array.of(0, 1 / 8, 2 / 8));
    expect(await read(path('one.npy'))).toEqual({ fc0: Float32Array.from({ length: 18 }, (_, k) => k) });
    expect(Object.keys(await read(`fc0=${path('one.npy')}`))).toEqual(['fc0']);
    await writeFile(path('net.herm'), Uint8Array.of(0x89, 0x48, 0x45, 0x52, 0x4d, 0x0d, 0x0a, 0x1a, 1));
    for (const [description, why] of [
      [path('net.herm'), 'net.herm holds no samples: it is a .herm file. Give them as a .npy file'],
      [`fc1=${path('one.npy')}`, '24 inputs'],
      [`fc7=${path('one.npy')}`, 'no such block'],
      [path('bad.npy'), 'float32'],
      [path('short.npy'), 'cut off'],
    ] as const) {
      await expect(read(description)).rejects.toMatchObject({ code: 'PRIOR', message: expect.stringContaining(why) });
    }
  });
});
