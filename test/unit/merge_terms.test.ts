import { describe, expect, it } from 'vitest';
import { gidPair } from '../../lib/analysis/gid.ts';
import { mergeTerms } from '../../lib/analysis/merge_terms.ts';
import { scaPair } from '../../lib/analysis/sca.ts';
import { skeletonWeights } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { ActivationName } from '../../lib/model/block.ts';
import type { NativeMatrix } from '../../lib/native/binding.ts';
import { randomBlock } from '../binding/support/random_block.ts';
import { blockOf } from './oracle/block.ts';
import { dot, rowsOf } from './oracle/matrix.ts';

const rows = ({ data, cols }: NativeMatrix) => rowsOf(new Float64Array(data.slice().buffer), cols);
const WIDTH = 14;

async function mergedBlock(activation: ActivationName) {
  const made = randomBlock(WIDTH, 5, 4, activation, 7);
  return { ...made, tree: await buildTree(made.block, made.weights) };
}

describe('the terms of merges', () => {
  it.each(['relu', 'tanh', 'gelu'] as const)(
    'are GID and SCA of the two neurons as they merge: %s',
    async (activation) => {
      const { block, weights, tree } = await mergedBlock(activation);
      const terms = await mergeTerms(block, weights, tree);
      const alive = Array.from({ length: WIDTH }, (_, slot) => slot);
      for (let t = 0; t < tree.merges; t++) {
        const now = await skeletonWeights(block, weights, tree, WIDTH - t);
        const places = [0, 1].map((k) => alive.indexOf(tree.pairs[2 * t + k]!)) as [number, number];
        const pair = await gidPair(now.block, now.weights, ...places);
        const [inputs, outputs, biases] = [now.weights.input, now.weights.output, now.weights.bias!].map(rows);
        const [first, second] = places.map((k) => ({
          input: inputs![k]!,
          bias: biases![0]![k]!,
          output: outputs![k]!,
        }));
        const { shares } = await scaPair(first!, second!);
        for (const l of [0, 1]) {
          expect(terms.gates[2 * t + l]).toBeCloseTo(pair.gates[l]!, 9);
          expect(terms.shares[2 * t + l]).toBeCloseTo(shares[l]!, 9);
        }
        expect(terms.parts[t]).toBeCloseTo(pair.inputMixing[0]! * pair.outputMixing[0]!, 8);
        // The mixing where both neurons have ‖φ_k‖ = ‖v_k‖.
        const scales = [0, 3].map((k) => (pair.kernel[k]! / pair.outputGram[k]!) ** 0.25);
        const [x, y] = [0, 1].map((l) => scales.map((scale, k) => scale * pair.inputMixing[2 * l + k]!));
        const cosine = Math.abs(dot(x!, y!)) / Math.sqrt(dot(x!, x!) * dot(y!, y!));
        expect(Math.cos(terms.angles[t]!)).toBeCloseTo(cosine, 7);
        alive.splice(places[1], 1);
      }
    },
  );

  it.each(['relu', 'silu', 'tanh'] as const)('bound what merges cost from below: %s', async (activation) => {
    const { block, weights, tree } = await mergedBlock(activation);
    const { gates } = await mergeTerms(block, weights, tree);
    for (const [t, cost] of tree.cost.entries())
      expect(cost).toBeGreaterThanOrEqual(gates[2 * t + 1]! ** 2 * (1 - 1e-6));
  });

  it('are those of the inputs that a norm leaves', async () => {
    const { block, weights } = randomBlock(6, 3, 4, 'gelu', 3);
    const [deviation, mean] = [Float64Array.of(0.5, 2, 1), Float64Array.of(0.3, -0.2, 0)];
    const tree = await buildTree(block, weights, { prior: { deviation, mean } });
    const { gates } = await mergeTerms(block, weights, tree, { prior: { deviation, mean } });
    const input = rows(weights.input);
    const bias = rows(weights.bias!)[0]!.map((value, i) => value + dot(input[i]!, [...mean]));
    const seen = blockOf('gelu', input.map((row) => row.map((w, c) => w * deviation[c]!)), rows(weights.output), bias); // biome-ignore format: one block
    const pair = await gidPair(seen.block, seen.weights, tree.pairs[0]!, tree.pairs[1]!);
    for (const l of [0, 1]) expect(gates[l]).toBeCloseTo(pair.gates[l]!, 10);
    for (const [t, cost] of tree.cost.entries())
      expect(cost).toBeGreaterThanOrEqual(gates[2 * t + 1]! ** 2 * (1 - 1e-6));
  });

  it('have a right angle where one rotation does, and none where there is one term', async () => {
    // Equal neurons but for the directions of their inputs and outputs; then a copy.
    const crossed = blockOf('identity', [[1, 0], [0.6, 0.8]], [[1, 0], [0.8, 0.6]]); // biome-ignore format: rows
    const tree = await buildTree(crossed.block, crossed.weights);
    expect((await mergeTerms(crossed.block, crossed.weights, tree)).angles[0]).toBeCloseTo(Math.PI / 2, 10);
    const copies = blockOf('relu', [[1, 2], [2, 4]], [[1, 0], [0, 1]]); // biome-ignore format: rows
    const terms = await mergeTerms(copies.block, copies.weights, await buildTree(copies.block, copies.weights));
    expect(terms.angles[0]).toBeNaN();
    expect(terms.gates[1]).toBe(0);
  });

  it('refuse a tree of another block', async () => {
    const { block, weights, tree } = await mergedBlock('relu');
    const pairs = tree.pairs.map((slot) => slot + 1);
    await expect(mergeTerms(block, weights, { ...tree, pairs })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
