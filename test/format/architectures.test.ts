import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHerm as openDecoder } from '../../lib/decode/index.ts';
import { openHerm } from '../../lib/file/read.ts';
import { type CompressOptions, compress } from '../../lib/herm/compress.ts';
import { describeBlocks } from '../../lib/model/architectures/describe.ts';
import type { Block } from '../../lib/model/block.ts';
import { findBlocks } from '../../lib/model/blocks.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { withModel } from '../../lib/model/open_model.ts';
import type { Tensor } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { blockSummary, type Checkpoint, tensorsOf, writeCheckpoint } from '../support/checkpoints.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { PLAIN_ZOO } from '../support/zoo_plain.ts';
import { MOONSHINE } from '../support/zoo_speech.ts';

const ZOO: readonly Checkpoint[] = [...PLAIN_ZOO, ...GATED_ZOO, MOONSHINE];
const NAMES = ZOO.map(({ name }) => name);

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-zoo-'));
  for (const [seed, checkpoint] of ZOO.entries()) {
    writeCheckpoint(at(checkpoint.name), checkpoint, tensorsOf(checkpoint, seed));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The block's outputs for some inputs. */
async function outputsOf(block: Block, tensors: readonly Tensor[]): Promise<Float64Array> {
  const x = Float64Array.from({ length: 5 * block.inputs }, (_, n) => Math.sin(7 * n + 1));
  return forward(mlpLayers([block], lookupIn(tensors)), x, 5);
}

describe.each(ZOO)('$name', ({ name, blocks }) => {
  it('shows all its feed-forward blocks, and nothing else', async () => {
    await withModel(at(name), async (model) => {
      const told = describeBlocks(model);
      const found = findBlocks(model).map((block) => blockSummary(block, told(block).norm));
      expect(found).toEqual([...blocks].sort((a, b) => (a.name < b.name ? -1 : 1)));
    });
  });

  it('comes back byte for byte, and at full width computes the same', async () => {
    await compress(at(name), at(`${name}.herm`));
    const file = await openHerm(at(`${name}.herm`));
    await file.recoverTo(at(`${name} again`));
    for (const one of readdirSync(at(name))) {
      expect(readFileSync(join(at(`${name} again`), one)).equals(readFileSync(join(at(name), one)))).toBe(true);
    }
    const original = tensorsOf(ZOO[NAMES.indexOf(name)]!, NAMES.indexOf(name));
    const full = (await file.skeleton('full')).tensors;
    const half = (await file.skeleton(0.5)).tensors;
    const half2 = await (await openDecoder(readFileSync(at(`${name}.herm`)))).skeleton(
      Object.fromEntries(file.blocks.map(({ name: block, neurons }) => [block, neurons / 2])),
    );
    expect(full.map((tensor) => tensor.name).sort()).toEqual(original.map((tensor) => tensor.name).sort());
    expect(half2).toEqual(half);
    for (const block of file.blocks) {
      expect(await outputsOf(block, full)).toEqual(await outputsOf(block, original));
      expect((await outputsOf(block, half)).every(Number.isFinite)).toBe(true);
    }
    const owned = new Set(file.blocks.flatMap((block) => [block.input.tensor, block.output.tensor]));
    expect(owned.size).toBe(2 * blocks.length);
    await file.close();
  });
});

describe('fused tensors', () => {
  it('are one tensor again in every network, with the rows of both halves', async () => {
    const file = await openHerm(at('Phi-3.herm'));
    const wide = lookupIn((await file.skeleton('full')).tensors);
    const narrow = lookupIn((await file.skeleton(0.25)).tensors);
    const name = 'model.layers.1.mlp.gate_up_proj.weight';
    expect({ wide: wide(name).shape, narrow: narrow(name).shape }).toEqual({ wide: [32, 6], narrow: [8, 6] });
    expect(file.tensors.find((tensor) => tensor.name === name)).toMatchObject({ shape: [32, 6] });
    // The gate first.
    const rows = narrow(name).data.byteLength / 2;
    expect(narrow(`${name}[1/2]`).data).toEqual(narrow(name).data.subarray(0, rows));
    await file.close();
  });
});

describe('--prior norm', () => {
  it.each(['Llama', 'Gemma', 'GPT-2', 'Phi-3'])('finds the norms of %s by itself', async (name) => {
    await compress(at(name), at(`${name} norm.herm`), { prior: 'norm' });
    const bare = await openHerm(at(`${name} norm.herm`));
    const { blocks } = ZOO[NAMES.indexOf(name)]!;
    const norms = blocks.map((block) => {
      const { weight, bias, offset } = block.norm!;
      return `${block.name}=${offset === 1 ? '1+' : ''}${weight}${bias === undefined ? '' : `,${bias}`}`;
    });
    await compress(at(name), at(`${name} said.herm`), { norms });
    const said = await openHerm(at(`${name} said.herm`));
    expect(bare.errors).toEqual(said.errors);
    const plain = await openHerm(at(`${name}.herm`));
    expect(bare.errors).not.toEqual(plain.errors);
    for (const file of [bare, said, plain]) await file.close();
  });

  it('asks where there is none', async () => {
    await expect(compress(at('OLMo 2'), at('none.herm'), { prior: 'norm' })).rejects.toMatchObject({ code: 'PRIOR' });
  });
});

describe('the default prior', () => {
  const zooOf = (name: string) => ZOO[NAMES.indexOf(name)]!;
  const compressed = async (name: string, options: CompressOptions = {}) => {
    const path = at('prior.herm');
    await compress(at(name), path, options);
    const file = await openHerm(path);
    const found = { prior: file.prior, errors: file.errors };
    await file.close();
    return found;
  };

  it.each(['Llama', 'GPT-2', 'ModernBERT'])('of %s is that of the weights, behind its norms', async (name) => {
    const found = await compressed(name);
    expect(found).toEqual(await compressed(name, { prior: 'weights' }));
    expect(found.errors).not.toEqual((await compressed(name, { prior: 'norm' })).errors);
  });

  it('is that of the norms beside samples', async () => {
    const inputs = Float32Array.from({ length: 24 * 6 }, (_, n) => Math.sin(3 * n));
    const { blocks } = ZOO[NAMES.indexOf('Llama')]!;
    const samples = Object.fromEntries(blocks.map((block) => [block.name, inputs]));
    expect(await compressed('Llama', { samples })).toEqual(await compressed('Llama', { samples, prior: 'norm' }));
  });

  it('is that of the norms where a block has fewer neurons than inputs', async () => {
    const { config, tensors } = zooOf('Llama');
    const shapes = Object.entries(tensors).map(([name, shape]) => [
      name,
      shape.map((size) => (size === 16 ? 4 : size)),
    ]);
    const checkpoint: Checkpoint = {
      ...{ name: 'narrow', config: { ...config, intermediate_size: 4 }, blocks: [] },
      tensors: Object.fromEntries(shapes),
    };
    writeCheckpoint(at('narrow'), checkpoint, tensorsOf(checkpoint, 1));
    expect((await compressed('narrow')).prior).toBe('norm');
  });

  it('is isotropic where norms are not known', async () => {
    expect((await compressed('OLMo 2')).prior).toBe('isotropic');
  });
});
