import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HermFile, openHerm } from '../../lib/file/read.ts';
import { compress } from '../../lib/herm/compress.ts';
import type { Block } from '../../lib/model/block.ts';
import { findBlocks } from '../../lib/model/blocks.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { withMember } from '../../lib/model/json_edit.ts';
import { withModel } from '../../lib/model/open_model.ts';
import type { Tensor } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { type Checkpoint, tensorsOf, writeCheckpoint } from '../support/checkpoints.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { PLAIN_ZOO } from '../support/zoo_plain.ts';

const ZOO: readonly Checkpoint[] = [...PLAIN_ZOO, ...GATED_ZOO].filter(({ config }) => config !== undefined);
/** Loaders compute the width of these from other sizes. */
const FIXED = ['BLOOM', 'MPT', 'ViT as timm has it', 'DINOv2 with SwiGLU'];

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-widths-'));
  for (const [seed, checkpoint] of ZOO.entries()) {
    writeCheckpoint(at(checkpoint.name), checkpoint, tensorsOf(checkpoint, seed));
    await compress(at(checkpoint.name), at(`${checkpoint.name}.herm`));
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withFile<T>(name: string, work: (file: HermFile) => Promise<T>): Promise<T> {
  const file = await openHerm(at(`${name}.herm`));
  return work(file).finally(() => file.close());
}

/** The first block at one width, the others at another. */
const uneven = ({ blocks }: HermFile) =>
  Object.fromEntries(blocks.map(({ name }, n) => [name, n === 0 ? 5 : 3] as const));

async function outputsOf(block: Block, tensors: readonly Tensor[]): Promise<Float64Array> {
  const x = Float64Array.from({ length: 4 * block.inputs }, (_, n) => Math.cos(3 * n));
  return forward(mlpLayers([block], lookupIn(tensors)), x, 4);
}

describe.each(ZOO)('$name', ({ name }) => {
  it('padded has the original shapes and files, and computes what the narrow network does', async () => {
    await withFile(name, async (file) => {
      const widths = uneven(file);
      const narrow = await file.skeleton(widths);
      const padded = await file.skeleton(widths, { pad: true });
      const shapes = (tensors: readonly Pick<Tensor, 'name' | 'shape'>[]) => tensors.map((t) => [t.name, t.shape]);
      expect(shapes(padded.tensors)).toEqual(shapes(file.tensors));
      for (const block of file.blocks) {
        expect(await outputsOf(block, padded.tensors)).toEqual(await outputsOf(block, narrow.tensors));
      }
      const { config } = await file.writeSkeleton(at(`${name} padded`), padded);
      expect(config?.refusal).toBeUndefined();
      expect(readFileSync(at(`${name} padded/config.json`))).toEqual(readFileSync(at(`${name}/config.json`)));
    });
  });

  it('uniform has a config.json that its tensors fit, unless loaders have no setting for it', async () => {
    await withFile(name, async (file) => {
      const widths = await file.fitWidths(uneven(file), { uniform: true, roundTo: 3 });
      const { config, files } = await file.writeSkeleton(at(`${name} small`), await file.skeleton(widths));
      if (FIXED.includes(name)) {
        expect(config?.refusal).toContain('--pad');
        return;
      }
      expect(config?.refusal).toBeUndefined();
      expect(config?.changes.length).toBeGreaterThan(0);
      expect(files).toEqual(['model.safetensors', 'config.json', 'tokenizer.json']);
      // Opening it holds every block against the configuration.
      const found = await withModel(at(`${name} small`), async (model) => findBlocks(model));
      expect(Object.fromEntries(found.map((block) => [block.name, block.neurons]))).toEqual(widths);
      expect(Object.values(widths).every((width) => width === 6 || width === 3)).toBe(true);
    });
  });
});

describe('widths that differ', () => {
  it('leave config.json alone, and say why nothing loads them', async () => {
    await withFile('GPT-2', async (file) => {
      const { config } = await file.writeSkeleton(at('uneven'), await file.skeleton(uneven(file)));
      expect(config).toEqual({ changes: [], refusal: expect.stringMatching(/^n_inner .* 3 to 5 neurons.*--uniform/) });
      expect(readFileSync(at('uneven/config.json'))).toEqual(readFileSync(at('GPT-2/config.json')));
    });
  });

  it('of one part of a model are as uniform as its setting: encoder and decoder have one each', async () => {
    await withFile('Whisper', async (file) => {
      const widths = { 'model.decoder.layers.0': 3, 'model.encoder.layers.0': 7 };
      expect(await file.fitWidths(widths, { uniform: true })).toEqual(widths);
      expect(await file.fitWidths(widths, { roundTo: 5 })).toEqual({
        'model.decoder.layers.0': 5,
        'model.encoder.layers.0': 10,
      });
      const { config } = await file.writeSkeleton(at('whisper'), await file.skeleton(widths));
      expect(config?.changes).toEqual([
        { key: 'decoder_ffn_dim', from: 12, to: 3 },
        { key: 'encoder_ffn_dim', from: 16, to: 7 },
      ]);
    });
  });

  it('are rounded up as far as a block goes', async () => {
    await withFile('Llama', async (file) => {
      const fit = await file.fitWidths(0.3, { roundTo: 64 });
      expect(Object.values(fit)).toEqual([16, 16]);
      await expect(file.fitWidths(0.3, { roundTo: 0 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    });
  });
});

describe('config.json', () => {
  it('gets a width that it did not say, and keeps every other byte', async () => {
    const checkpoint = PLAIN_ZOO.find(({ name }) => name === 'GPT-2')!;
    writeCheckpoint(at('default'), checkpoint);
    const text = '{\n  "activation_function": "gelu_new",\n  "eps": 1e-05,\n  "model_type": "gpt2"\n}';
    writeFileSync(at('default/config.json'), text);
    await compress(at('default'), at('default.herm'));
    const file = await openHerm(at('default.herm'));
    await file.writeSkeleton(at('default full'), await file.skeleton('full'));
    expect(readFileSync(at('default full/config.json'), 'utf8')).toBe(text);
    await file.writeSkeleton(at('default half'), await file.skeleton(0.5));
    expect(readFileSync(at('default half/config.json'), 'utf8')).toBe(text.replace('{', '{\n  "n_inner": 8,'));
    await file.close();
  });

  it('of CLIP says a width in both of its places', async () => {
    const checkpoint = PLAIN_ZOO.find(({ name }) => name === 'CLIP')!;
    const config = { ...checkpoint.config, text_config_dict: { intermediate_size: 16 }, vision_config_dict: null };
    writeCheckpoint(at('twice'), { ...checkpoint, config });
    await compress(at('twice'), at('twice.herm'));
    const file = await openHerm(at('twice.herm'));
    await file.writeSkeleton(at('twice half'), await file.skeleton(0.5));
    expect(JSON.parse(readFileSync(at('twice half/config.json'), 'utf8'))).toMatchObject({
      ...{ text_config: { intermediate_size: 8 }, text_config_dict: { intermediate_size: 8 } },
      ...{ vision_config: { intermediate_size: 6 }, vision_config_dict: null },
    });
    await file.close();
  });

  it.each([
    ['{"a": 1.0, "b": 2}', ['b'], '{"a": 1.0, "b": 7}'],
    ['{"a": {"b": [1, {"c": 2}], "c": 3}, "c": null}', ['c'], '{"a": {"b": [1, {"c": 2}], "c": 3}, "c": 7}'],
    ['{"a": {"b": [1, {"c": 2}], "c": 3 }, "c": 4}', ['a', 'c'], '{"a": {"b": [1, {"c": 2}], "c": 7 }, "c": 4}'],
    ['{"a": "\\"c\\": 1,", "c": 10000.0}', ['c'], '{"a": "\\"c\\": 1,", "c": 7}'],
    ['{"\\u0063": 1}', ['c'], '{"\\u0063": 7}'],
    ['{"c": 1, "c": 2}', ['c'], '{"c": 1, "c": 7}'],
    ['{"a": {}}', ['a', 'c'], '{"a": {"c": 7}}'],
    ['{ }', ['c'], '{ "c": 7 }'],
    ['{\n\t"a": [] }', ['c'], '{\n\t"c": 7,\n\t"a": [] }'],
  ])('%s: one member changes', (text, path, expected) => {
    expect(withMember(text, path, 7)).toBe(expected);
  });
});
