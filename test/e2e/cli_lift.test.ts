import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSafetensorsHeader, readTensor, writeSafetensors } from '../../lib/model/safetensors.ts';
import { fileSource } from '../../lib/model/source.ts';
import type { Tensor } from '../../lib/model/tensor.ts';
import { first, network, relu, second } from '../onnx/support/layers.ts';
import { nudged } from '../support/lift_oracle.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const same = (one: string, other: string) => readFileSync(one).equals(readFileSync(other));

async function tensorsOf(path: string): Promise<Tensor[]> {
  const source = await fileSource(path);
  const header = await readSafetensorsHeader(source);
  const tensors = await Promise.all(header.tensors.map((info) => readTensor(source, header, info)));
  await source.close();
  return tensors;
}

beforeAll(async () => {
  copyFileSync(LENET, at('model.safetensors'));
  for (const command of [
    ['compress', at('model.safetensors'), '-o', at('model.herm'), '--refit', '50%'],
    ['expand', at('model.herm'), '--width', '50%', '-o', at('half.safetensors')],
    ['expand', at('model.herm'), '--width', 'fc1=40,fc2=100', '-o', at('small.safetensors')],
  ]) {
    expect(await herm(...command)).toMatchObject({ code: 0, stderr: '' });
  }
  await writeSafetensors(at('tuned.safetensors'), nudged(await tensorsOf(at('small.safetensors')), 0.01));
}, 120_000);

describe('herm lift', () => {
  it('gives the original back where nothing was tuned, refitted or not, at any widths', async () => {
    for (const skeleton of ['half', 'small']) {
      const lifted = await herm(
        'lift',
        at('model.herm'),
        '--tuned',
        at(`${skeleton}.safetensors`),
        '-o',
        at(`${skeleton} lifted`),
      );
      expect(lifted).toMatchObject({ code: 0, stdout: expect.stringContaining('bit for bit') });
      expect(same(at(`${skeleton} lifted`), LENET)).toBe(true);
    }
    await herm('expand', at('model.herm'), '--width', '50%', '--no-refit', '-o', at('plain.safetensors'));
    await herm('lift', at('model.herm'), '--tuned', at('plain.safetensors'), '--no-refit', '-o', at('plain lifted'));
    expect(same(at('plain lifted'), LENET)).toBe(true);
    const other = await herm('lift', at('model.herm'), '--tuned', at('plain.safetensors'), '-o', at('other'), '--json');
    expect(JSON.parse(other.stdout)).toMatchObject({ changed: ['fc2.weight', 'fc3.weight'] });
  });

  it('says the widths that it found, and what has changed', async () => {
    const { code, stdout } = await herm(
      'lift',
      at('model.herm'),
      '--tuned',
      at('tuned.safetensors'),
      '-o',
      at('full'),
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ output: at('full'), keep: 1, bytes: readFileSync(LENET).byteLength },
      blocks: [
        { name: 'fc1', width: 40, neurons: 300 },
        { name: 'fc2', width: 100, neurons: 100 },
      ],
      changed: expect.arrayContaining(['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias', 'fc3.weight', 'fc3.bias']),
    });
    const [lifted, original] = [await tensorsOf(at('full')), await tensorsOf(LENET)];
    expect(lifted.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
      original.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    );
    const kept = await herm(
      'lift',
      at('model.herm'),
      '--tuned',
      at('tuned.safetensors'),
      '--keep',
      '25%',
      '-o',
      at('quarter'),
    );
    expect(kept).toMatchObject({ code: 0 });
    expect(same(at('quarter'), at('full'))).toBe(false);
  });

  it('adds what was trained through an adapter, and nothing where that is zero', async () => {
    const zeros = (await tensorsOf(at('small.safetensors'))).map((tensor) => ({
      ...tensor,
      data: new Uint8Array(tensor.data.byteLength),
    }));
    await writeSafetensors(at('zeros.safetensors'), zeros);
    await writeSafetensors(at('delta.safetensors'), nudged(zeros));
    for (const delta of ['zeros', 'delta']) {
      const args = ['lift', at('model.herm'), '--delta', at(`${delta}.safetensors`), '-o', at(`${delta} added`)];
      expect(await herm(...args)).toMatchObject({ code: 0, stderr: '' });
      expect(same(at(`${delta} added`), LENET)).toBe(delta === 'zeros');
    }
  });

  it('refuses with a code that says what, and writes nothing', async () => {
    const before = readdirSync(dirname(at('x'))).sort();
    const refused = async (code: string, ...args: string[]) =>
      expect(await herm('lift', at('model.herm'), ...args, '-o', at('refused'))).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`error ${code}: `),
      });
    await refused('WIDTH', '--tuned', LENET);
    await refused('TUNED_TENSOR', '--tuned', at('half.safetensors'), '--width', '25%');
    await refused('IO', '--tuned', at('nowhere.safetensors'));
    expect(await herm('lift', at('model.herm'), '-o', at('refused'))).toMatchObject({ code: 2 });
    expect(await herm('lift', at('model.herm'), '--tuned', 'a', '--delta', 'b', '-o', at('refused'))).toMatchObject({
      code: 2,
    });
    const over = await herm(
      'lift',
      at('model.herm'),
      '--tuned',
      at('half.safetensors'),
      '-o',
      at('half.safetensors'),
      '--force',
    );
    expect(over).toMatchObject({ code: 1, stderr: expect.stringContaining('OUTPUT_EXISTS') });
    expect(readdirSync(dirname(at('x'))).sort()).toEqual(before);
  });

  it('works on ONNX models: a skeleton of either form, and the model comes back as it was', async () => {
    writeFileSync(at('layers.onnx'), network([first, relu, second]).build());
    await herm('compress', at('layers.onnx'), '-o', at('onnx.herm'));
    for (const skeleton of ['half.onnx', 'onnx half.safetensors']) {
      await herm('expand', at('onnx.herm'), '--width', '50%', '-o', at(skeleton));
      const back = at(`${skeleton} back.onnx`);
      const lifted = await herm('lift', at('onnx.herm'), '--tuned', at(skeleton), '-o', back);
      expect(lifted).toMatchObject({ code: 0, stderr: '' });
      expect(same(back, at('layers.onnx'))).toBe(true);
    }
    await writeSafetensors(at('onnx tuned.safetensors'), nudged(await tensorsOf(at('onnx half.safetensors'))));
    const tuned = ['--tuned', at('onnx tuned.safetensors'), '-o', at('tuned.onnx')];
    expect(await herm('lift', at('onnx.herm'), ...tuned)).toMatchObject({ code: 0 });
    expect((await herm('inspect', at('tuned.onnx'))).stdout).toMatch(/fc1 +5 > 12 > 4 +F32 +relu/);
    expect(same(at('tuned.onnx'), at('layers.onnx'))).toBe(false);
  });
});

describe('herm adapter', () => {
  it('writes maps of every tensor of a block, and says how many numbers there are to train', async () => {
    const { code, stdout } = await herm(
      'adapter',
      at('model.herm'),
      '--width',
      'fc1=40,fc2=10',
      '-o',
      at('adapter.safetensors'),
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ parameters: 40 * 784 + 40 + 10 * 40 + 10 + 10 * 10 });
    const tensors = new Map((await tensorsOf(at('adapter.safetensors'))).map((tensor) => [tensor.name, tensor]));
    const sides = [
      'fc1.weight.rows',
      'fc1.bias.rows',
      'fc2.weight.rows',
      'fc2.weight.columns',
      'fc2.bias.rows',
      'fc3.weight.columns',
    ];
    expect([...tensors.keys()].sort()).toEqual(
      sides.flatMap((side) => [`${side}.coefficient`, `${side}.index`]).sort(),
    );
    const index = new BigInt64Array(tensors.get('fc1.weight.rows.index')!.data.slice().buffer);
    expect(index).toHaveLength(300);
    expect(new Set(index)).toEqual(new Set(Array.from({ length: 40 }, (_, root) => BigInt(root))));
  });
});
