import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { weightPrior } from '../../lib/analysis/weight_prior.ts';
import { openHerm } from '../../lib/file/read.ts';
import { certifyWidths } from '../../lib/herm/certificate.ts';
import { compress } from '../../lib/herm/compress.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { Random } from '../format/support/random.ts';
import { modelBehindNorm } from './oracle/behind_norm.ts';
import { blockOf } from './oracle/block.ts';

const [M, N, P] = [40, 6, 5];
const random = new Random(7);
const rows = (count: number, length: number) =>
  Array.from({ length: count }, () => Array.from({ length }, () => random.gauss()));
// Inputs 0 and 1 are read alike, and nothing reads the last one.
const w = rows(M, N).map(([a = 0, x = 0, ...rest]) => [a, a + 0.3 * x, ...rest.slice(0, 3), 0]);
const [v, [b = []]] = [rows(M, P), rows(1, M)];
const gamma = [0.3, -2, 1, 0.1, 1.5, 0.7];
const beta = [1, -0.5, 0, 2, 0.3, -1];
const norm = { deviation: Float64Array.from(gamma), mean: Float64Array.from(beta) };

/** (I + corr(Σ WᵀW))/2 */
function correlations(...matrices: (readonly (readonly number[])[])[]): number[][] {
  const all = matrices.flat();
  const product = (c: number, d: number) => all.reduce((sum, row) => sum + row[c]! * row[d]!, 0);
  const inputs = [...all[0]!.keys()];
  return inputs.map((c) =>
    inputs.map((d) => (c === d ? 1 : (0.5 * product(c, d)) / (Math.sqrt(product(c, c) * product(d, d)) || 1))),
  );
}

const productOf = (factor: Float64Array, n: number) => (c: number, d: number) => {
  let sum = 0;
  for (let k = 0; k < n; k++) sum += factor[c * n + k]! * factor[d * n + k]!;
  return sum;
};

function checkFactor(factor: Float64Array, expected: readonly (readonly number[])[]): void {
  const n = expected.length;
  const found = productOf(factor, n);
  for (let c = 0; c < n; c++) {
    for (let d = 0; d < n; d++) expect(found(c, d)).toBeCloseTo(expected[c]![d]!, 6);
    for (let d = c + 1; d < n; d++) expect(factor[c * n + d]).toBe(0);
  }
}

describe('the prior of the weights', () => {
  it('correlates inputs as the columns of the weights, half as much', async () => {
    const { block, weights } = blockOf('relu', w, v, b);
    const prior = await weightPrior(block, weights);
    checkFactor(prior.factor!, correlations(w));
    expect([...prior.deviation]).toEqual(gamma.map(() => 1));
    expect(prior.mean).toBeUndefined();
  });

  it('goes by gates and values together', async () => {
    const [g, u] = [rows(M, N), rows(M, N)];
    const { block, weights } = blockOf('silu', u, v);
    const gate = blockOf('silu', g, v).weights.input;
    checkFactor((await weightPrior(block, { ...weights, gate })).factor!, correlations(g, u));
  });

  it('does not depend on the scale of an input, nor on threads', async () => {
    const big = Array.from({ length: 300 }, () => Array.from({ length: 600 }, () => random.gauss()));
    const { block, weights } = blockOf('relu', big, rows(300, 2), undefined);
    const one = await weightPrior(block, weights, { threads: 1 });
    expect(await weightPrior(block, weights, { threads: 2 })).toEqual(one);
    const spread = w.map((row) => row.map((x, c) => x * 2 ** (60 * c - 150)));
    const scaled = blockOf('relu', spread, v, b);
    checkFactor((await weightPrior(scaled.block, scaled.weights)).factor!, correlations(w));
  });

  it('takes means and deviations from a norm', async () => {
    const { block, weights } = blockOf('relu', w, v, b);
    const prior = await weightPrior(block, weights, { prior: norm });
    expect(prior.mean).toEqual(norm.mean);
    expect([...prior.deviation]).toEqual(gamma.map(Math.abs));
  });
});

describe('a prior with a factor', () => {
  it.each(['relu', 'tanh', 'gelu'] as const)('%s: is N(0, I) on weights times it', async (activation) => {
    const { block, weights } = blockOf(activation, w, v, b);
    const prior = await weightPrior(block, weights);
    const times = (row: readonly number[]) =>
      row.map((_, d) => row.reduce((sum, x, c) => sum + x * prior.factor![c * N + d]!, 0));
    const plain = blockOf(activation, w.map(times), v, b);
    const { kernel } = await interactionOf(plain.block, plain.weights);
    const found = await interactionOf(block, weights, { prior });
    for (const [at, value] of found.kernel.entries()) expect(value).toBeCloseTo(kernel[at]!, 6);
    const [tree, other] = [await buildTree(block, weights, { prior }), await buildTree(plain.block, plain.weights)];
    expect(tree.pairs).toEqual(other.pairs);
    const errors = await certifyWidths(block, weights, tree, [20, 10, 3], { prior });
    const others = await certifyWidths(plain.block, plain.weights, other, [20, 10, 3]);
    for (const [at, error] of errors.entries()) expect(error).toBeCloseTo(others[at]!, 3);
  });

  it.each([
    [new Float64Array(N), '36 finite numbers as its factor'],
    [new Float64Array(N * N).fill(Number.NaN), 'finite'],
  ])('is refused where it does not fit, %#', async (factor, why) => {
    const { block, weights } = blockOf('relu', w, v, b);
    await expect(buildTree(block, weights, { prior: { ...norm, factor } })).rejects.toMatchObject({
      code: 'PRIOR',
      message: expect.stringContaining(why),
    });
  });
});

describe('compressing by what the weights say', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hermkit-prior-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const model = modelBehindNorm(w, b, v, gamma, beta);

  it('predicts the errors that such inputs meet, behind a norm and without', { timeout: 60_000 }, async () => {
    const { block, weights } = blockOf('relu', w, v, b);
    const { factor } = await weightPrior(block, weights);
    for (const norms of [[], ['fc1=ln.weight,ln.bias']]) {
      const path = join(folder, 'net.herm');
      const report = await compress(bufferSource(model, 'model.safetensors'), path, { prior: 'weights', norms });
      const file = await openHerm(await fileSource(path));
      expect(file.prior).toBe('weights');
      const samples = 40_000;
      const x = new Float64Array(samples * N);
      for (let s = 0; s < samples; s++) {
        const z = Array.from({ length: N }, () => random.gauss());
        for (let c = 0; c < N; c++) {
          const value = z.reduce((sum, each, d) => sum + factor![c * N + d]! * each, 0);
          x[s * N + c] = norms.length > 0 ? beta[c]! + Math.abs(gamma[c]!) * value : value;
        }
      }
      const outputs = async (width: number | 'full') =>
        forward(mlpLayers(file.blocks, lookupIn((await file.skeleton(width)).tensors)), x, samples);
      const full = await outputs('full');
      const squares = full.reduce((sum, y) => sum + y * y, 0);
      for (const [level, [width]] of file.ladder.entries()) {
        const served = await outputs(width! / M);
        const error = Math.sqrt(served.reduce((sum, y, at) => sum + (y - full[at]!) ** 2, 0) / squares);
        expect(Math.abs(error - report.errors[0]![level]!), `width ${width}`).toBeLessThan(0.02);
      }
      await file.close();
    }
  });
});
