import { describe, expect, it } from 'vitest';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { certifyWidths, refitOutput, refitSkeleton } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { ActivationName } from '../../lib/model/block.ts';
import { randomBlock } from '../binding/support/random_block.ts';

const activations: ActivationName[] = ['relu', 'tanh', 'gelu', 'hard_swish', 'selu'];

describe('certificates', () => {
  it.each(activations)('%s: any order of widths, 0 at full width, refits never worse', async (activation) => {
    const { block, weights } = randomBlock(30, 6, 5, activation, 9);
    const tree = await buildTree(block, weights);
    const widths = [3, 30, 1, 12, 3];
    const errors = await certifyWidths(block, weights, tree, widths);
    expect(errors[1]).toBe(0);
    expect(errors[4]).toBe(errors[0]);
    for (const [at, width] of widths.entries()) {
      expect(await certifyWidths(block, weights, tree, [width])).toEqual([errors[at]]);
      const refit = await refitSkeleton(block, weights, tree, width);
      expect(refit.output).toHaveLength(width * 5 * 8);
      expect(refit.error).toBeLessThanOrEqual((errors[at] as number) + 1e-4);
    }
    expect(await certifyWidths(block, weights, tree, [])).toEqual([]);
  });

  it.each([0, -1, 31, 1.5, Number.NaN, 2 ** 32 + 5])('width %d is refused', async (width) => {
    const { block, weights } = randomBlock(30, 6, 5);
    const tree = await buildTree(block, weights);
    const refused = { name: 'HermError', code: 'BAD_ARGUMENT', details: { block: 'fc', width } };
    await expect(certifyWidths(block, weights, tree, [30, width])).rejects.toMatchObject(refused);
    await expect(refitSkeleton(block, weights, tree, width)).rejects.toMatchObject(refused);
  });

  it('refitting all neurons gives their own output weights; shapes are checked', async () => {
    const { block, weights } = randomBlock(8, 6, 5, 'tanh');
    const numbers = ({ data }: { data: Uint8Array }) => new Float64Array(data.slice().buffer);
    const bias = weights.bias && numbers(weights.bias);
    const refitted = await refitOutput(block, weights, numbers(weights.input), bias);
    numbers(weights.output).forEach((value, k) => {
      expect(refitted[k]).toBeCloseTo(value, 4);
    });
    const refused = { code: 'BAD_ARGUMENT' };
    await expect(refitOutput(block, weights, new Float64Array(7), undefined)).rejects.toMatchObject(refused);
    await expect(refitOutput(block, weights, new Float64Array(12), new Float64Array(3))).rejects.toMatchObject(refused);
  });
});

describe('interaction', () => {
  it.each(activations)('%s: Φ and H are symmetric to the bit, Γ is their product', async (activation) => {
    const { block, weights } = randomBlock(40, 6, 5, activation, 4);
    const { neurons, kernel, outputGram, interaction } = await interactionOf(block, weights);
    const v = new Float64Array(weights.output.data.slice().buffer);
    expect(neurons).toBe(40);
    for (let i = 0; i < 40; i++) {
      for (let j = 0; j < 40; j++) {
        const [at, mirrored] = [i * 40 + j, j * 40 + i];
        expect(kernel[at]).toBe(kernel[mirrored]);
        expect(outputGram[at]).toBe(outputGram[mirrored]);
        expect(interaction[at]).toBe((kernel[at] as number) * (outputGram[at] as number));
        let dot = 0;
        for (let c = 0; c < 5; c++) dot += (v[i * 5 + c] as number) * (v[j * 5 + c] as number);
        expect(outputGram[at]).toBeCloseTo(dot, 12);
      }
    }
  });

  it('refuses what memory cannot hold, before it allocates', async () => {
    const { block, weights } = randomBlock(4, 3, 2);
    const refused = { name: 'HermError', code: 'OUT_OF_MEMORY' };
    await expect(interactionOf({ ...block, neurons: 1e9 }, weights)).rejects.toMatchObject(refused);
    await expect(buildTree({ ...block, neurons: 1e9 }, weights)).rejects.toMatchObject(refused);
  });
});
