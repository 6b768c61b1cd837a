import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { openHerm } from '../../lib/file/read.ts';
import { certifyWidths, refitSkeleton } from '../../lib/herm/certificate.ts';
import { type CompressOptions, compress } from '../../lib/herm/compress.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { ActivationName } from '../../lib/model/block.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { Random } from '../format/support/random.ts';
import { modelBehindNorm } from './oracle/behind_norm.ts';
import { blockOf } from './oracle/block.ts';

const [M, N, P] = [40, 6, 5];
const random = new Random(3);
const rows = (count: number, length: number) =>
  Array.from({ length: count }, () => Array.from({ length }, () => random.gauss()));
const [w, v, [b = []]] = [rows(M, N), rows(M, P), rows(1, M)];
const gamma = [0.3, 2, -1, 0.1, 1.5, 0.7];
const beta = [1, -0.5, 0, 2, 0.3, -1];
const deviation = Float64Array.from(gamma);
const scaled = w.map((row) => row.map((x, c) => x * gamma[c]!));
const activations: ActivationName[] = ['relu', 'tanh', 'gelu', 'leaky_relu'];

describe('the prior of a norm', () => {
  it.each(activations)('%s: without mean it is N(0, I) on weights times γ', async (activation) => {
    const { block, weights } = blockOf(activation, w, v, b);
    const plain = blockOf(activation, scaled, v, b);
    const prior = { deviation };
    const tree = await buildTree(block, weights, { prior });
    expect(tree).toEqual(await buildTree(plain.block, plain.weights));
    expect(tree).not.toEqual(await buildTree(block, weights));
    const { kernel } = await interactionOf(block, weights, { prior });
    expect(kernel).toEqual((await interactionOf(plain.block, plain.weights)).kernel);
  });

  it.each(activations)(
    '%s: with the mean in the biases, errors and refits are those of N(0, I)',
    async (activation) => {
      const { block, weights } = blockOf(activation, w, v, b);
      const prior = { deviation, mean: Float64Array.from(beta) };
      const tree = await buildTree(block, weights, { prior });
      const shifted = b.map((bias, i) => w[i]!.reduce((sum, x, c) => sum + x * beta[c]!, bias));
      const plain = blockOf(activation, scaled, v, shifted);
      const { kernel } = await interactionOf(plain.block, plain.weights);
      (await interactionOf(block, weights, { prior })).kernel.forEach((value, at) => {
        expect(value).toBeCloseTo(kernel[at]!, 9);
      });
      const widths = [40, 20, 10, 3];
      const errors = await certifyWidths(block, weights, tree, widths, { prior });
      // The tree of the shifted weights differs in nothing but how its parents' biases are rounded.
      const others = await certifyWidths(
        plain.block,
        plain.weights,
        await buildTree(plain.block, plain.weights),
        widths,
      );
      for (const [at, error] of errors.entries()) expect(Math.abs(error - others[at]!)).toBeLessThan(0.03);
      expect((await refitSkeleton(block, weights, tree, 10, { prior })).error).toBeLessThanOrEqual(errors[2]! + 1e-4);
    },
  );

  it.each([
    [{ deviation: new Float64Array(5) }, 'deviation'],
    [{ deviation, mean: new Float64Array(7) }, 'mean'],
    [{ deviation: Float64Array.from([1, 1, 1, 1, 1, Number.NaN]) }, 'finite'],
  ])('is refused where it does not fit, %#', async (prior, why) => {
    const { block, weights } = blockOf('relu', w, v, b);
    const refused = { code: 'PRIOR', message: expect.stringContaining(why), details: { block: 'fc' } };
    await expect(buildTree(block, weights, { prior })).rejects.toMatchObject(refused);
    await expect(certifyWidths(block, weights, await buildTree(block, weights), [3], { prior })).rejects.toMatchObject(
      refused,
    );
  });
});

describe('compressing behind norms', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hermkit-prior-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const model = modelBehindNorm(w, b, v, gamma, beta);
  const run = (options: CompressOptions, name = 'net.herm') =>
    compress(bufferSource(model, 'model.safetensors'), join(folder, name), options);

  it('predicts the errors that inputs of that distribution meet, also of refits', { timeout: 60_000 }, async () => {
    const report = await run({ norms: ['fc1=ln.weight,ln.bias'], refit: [0.25] });
    const file = await openHerm(await fileSource(join(folder, 'net.herm')));
    expect(file.prior).toBe('norm');
    const samples = 40_000;
    const x = Float64Array.from({ length: samples * N }, (_, at) => beta[at % N]! + gamma[at % N]! * random.gauss());
    const outputs = async (width: number | 'full', refit = false) =>
      forward(mlpLayers(file.blocks, lookupIn((await file.skeleton(width, { refit })).tensors)), x, samples);
    const full = await outputs('full');
    const squares = full.reduce((sum, y) => sum + y * y, 0);
    const measured = (served: Float64Array) =>
      Math.sqrt(served.reduce((sum, y, at) => sum + (y - full[at]!) ** 2, 0) / squares);
    for (const [level, [width]] of file.ladder.entries()) {
      const error = measured(await outputs(width! / M));
      expect(Math.abs(error - report.errors[0]![level]!), `width ${width}`).toBeLessThan(0.02);
    }
    expect(Math.abs(measured(await outputs(0.25, true)) - report.refits[0]!.errors[0]!)).toBeLessThan(0.02);
    await file.close();
  });

  it('1+ and * say the same; a * fits every block', async () => {
    const plain = await run({ norms: ['fc1=ln.weight'] });
    expect((await run({ norms: ['fc*=1+ln*.zero'], prior: 'norm' })).errors[0]!.map((e) => e.toFixed(4))).toEqual(
      plain.errors[0]!.map((e) => e.toFixed(4)),
    );
    expect(plain.errors).not.toEqual((await run({})).errors);
  });

  it.each<[CompressOptions, string, string]>([
    [{ prior: 'norm' }, 'PRIOR', 'not known'],
    [{ norms: ['fc2=ln.weight'] }, 'PRIOR', 'of no block'],
    [{ norms: ['ln.weight'] }, 'PRIOR', 'describes no norm'],
    [{ norms: ['fc1=gone'] }, 'PRIOR', 'not in the model'],
    [{ norms: ['fc1=fc1.bias'] }, 'PRIOR', '[40]'],
    [{ norms: ['fc1=ln.weight'], prior: 'isotropic' }, 'BAD_ARGUMENT', 'of no use'],
  ])('refuses %j', async (options, code, why) => {
    await expect(run(options, 'refused.herm')).rejects.toMatchObject({ code, message: expect.stringContaining(why) });
  });
});
