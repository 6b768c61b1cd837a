import { beforeAll, describe, expect, it } from 'vitest';
import { buildTree, buildTreePlain, type MergeReport } from '../../lib/herm/merge.ts';
import { type MergeMode, mergeMemory } from '../../lib/herm/merge_memory.ts';
import type { MergeTree } from '../../lib/herm/tree.ts';
import type { Block } from '../../lib/model/block.ts';
import { findBlocks } from '../../lib/model/blocks.ts';
import { readSafetensorsHeader, readTensor } from '../../lib/model/safetensors.ts';
import { fileSource } from '../../lib/model/source.ts';
import { blockWeights, lookupIn } from '../../lib/model/weights.ts';
import type { NativeBlock } from '../../lib/native/binding.ts';
import { randomBlock } from '../binding/support/random_block.ts';

type Layer = { readonly block: Block; readonly weights: NativeBlock };

/** LeNet's two hidden layers. */
async function lenet(activation: 'relu' | 'tanh' | 'gelu'): Promise<readonly [Layer, Layer]> {
  const source = await fileSource(`test/fixtures/lenet/${activation}.safetensors`);
  try {
    const header = await readSafetensorsHeader(source);
    const tensors = await Promise.all(header.tensors.map((info) => readTensor(source, header, info)));
    const layers = findBlocks(header).map((block) => ({ block, weights: blockWeights(block, lookupIn(tensors)) }));
    expect(layers.map(({ block }) => block.neurons)).toEqual([300, 100]);
    return [layers[0] as Layer, layers[1] as Layer];
  } finally {
    await source.close();
  }
}

async function built({ block, weights }: Layer, memory: number): Promise<{ tree: MergeTree; mode: MergeMode }> {
  const reports: MergeReport[] = [];
  const tree = await buildTree(block, weights, { memory, threads: 2, onReport: (report) => reports.push(report) });
  expect(reports).toHaveLength(1);
  return { tree, mode: (reports[0] as MergeReport).mode };
}

describe('memory', () => {
  const layer = randomBlock(300, 6, 5, 'gelu', 3);
  const need = mergeMemory(layer.block, 2);

  it('decides whether Gram matrices are kept, and whether there is a tree at all', async () => {
    expect(need.computed).toBeLessThan(need.stored);
    expect((await built(layer, need.stored)).mode).toBe('stored');
    expect((await built(layer, need.stored - 1)).mode).toBe('computed');
    expect((await built(layer, need.computed)).mode).toBe('computed');
    const free = need.computed - 1;
    await expect(built(layer, free)).rejects.toMatchObject({
      name: 'HermError',
      code: 'OUT_OF_MEMORY',
      details: { need: need.computed, free },
    });
  });

  it.each([0, -1, Number.NaN])('%d bytes are no limit', async (memory) => {
    await expect(built(layer, memory)).rejects.toMatchObject({ code: 'BAD_ARGUMENT', details: { memory } });
  });

  it('grows with every matrix, and with the threads that work on them', () => {
    const { block } = layer;
    const gate = { weight: { ...block.input, tensor: 'g' }, bias: undefined };
    expect(mergeMemory({ ...block, gate }, 2).stored - need.stored).toBeGreaterThan(3 * 4 * 300 ** 2);
    expect(mergeMemory(block, 3).computed).toBeGreaterThan(need.computed);
    const output = { ...block.output, rows: 5000, cols: 300, transposed: true };
    const wide = { ...block, outputs: 5000 };
    expect(mergeMemory({ ...wide, output }, 2).computed).toBeGreaterThan(mergeMemory(wide, 2).computed);
  });
});

describe.each(['relu', 'tanh', 'gelu'] as const)('LeNet, %s', (activation) => {
  let layers: readonly [Layer, Layer];
  beforeAll(async () => {
    layers = await lenet(activation);
  });

  it('has the same tree with and without Gram matrices in memory', async () => {
    for (const layer of layers) {
      const need = mergeMemory(layer.block, 2);
      const [stored, computed] = [await built(layer, need.stored), await built(layer, need.computed)];
      expect([stored.mode, computed.mode]).toEqual(['stored', 'computed']);
      expect(computed.tree).toEqual(stored.tree);
    }
  });

  it('has the tree that looking at all pairs finds', async () => {
    const [, { block, weights }] = layers;
    expect(await buildTree(block, weights)).toEqual(await buildTreePlain(block, weights));
  });
});
