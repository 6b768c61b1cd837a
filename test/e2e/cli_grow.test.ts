import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { first, network, relu, second } from '../onnx/support/layers.ts';
import { writeCheckpoint } from '../support/checkpoints.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
beforeAll(() => copyFileSync(LENET, at('model.safetensors')));

describe('herm grow', () => {
  it('writes a wider model whose new neurons are copies, the same for the same seed', async () => {
    const grow = (name: string, ...args: string[]) =>
      herm('grow', at('model.safetensors'), '--width', 'fc1=150%,fc2=120', '-o', at(name), ...args);
    const { code, stdout } = await grow('grown.safetensors', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      seed: 0,
      blocks: [
        { name: 'fc1', neurons: 300, width: 450 },
        { name: 'fc2', neurons: 100, width: 120 },
      ],
    });
    const inspected = JSON.parse((await herm('inspect', at('grown.safetensors'), '--json')).stdout);
    expect(inspected.blocks).toMatchObject([{ neurons: 450 }, { neurons: 120 }]);
    expect(await grow('again.safetensors', '--seed', '0')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/fc1 +300 +450\n/),
    });
    await grow('other.safetensors', '--seed', '1');
    const isGrown = (name: string) => readFileSync(at(name)).equals(readFileSync(at('grown.safetensors')));
    expect(isGrown('again.safetensors')).toBe(true);
    expect(isGrown('other.safetensors')).toBe(false);
  });

  it('says what config.json has to say for the new widths', async () => {
    const checkpoint = GATED_ZOO.find(({ name }) => name === 'Phi-3')!;
    writeCheckpoint(at('Phi'), { ...checkpoint, config: { ...checkpoint.config, intermediate_size: 16 } });
    const { stdout } = await herm('grow', at('Phi'), '--width', '24', '-o', at('phi.safetensors'));
    expect(stdout).toContain('Change in the copy of config.json: intermediate_size 16 > 24.\n');
    const uneven = `${checkpoint.blocks[0]!.name}=20`;
    const refused = await herm('grow', at('Phi'), '--width', uneven, '-o', at('uneven.safetensors'));
    expect(refused).toMatchObject({ code: 0, stdout: expect.stringContaining('give all blocks one width') });
  });

  it('writes a directory as a directory, with the new widths in config.json', async () => {
    const { code, stdout } = await herm('grow', at('Phi'), '--width', '150%', '-o', at('Phi-grown'));
    expect({ code, stdout }).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining('config.json: intermediate_size 16 > 24.\n') },
    });
    expect(JSON.parse(readFileSync(at('Phi-grown/config.json'), 'utf8')).intermediate_size).toBe(24);
    const inspected = JSON.parse((await herm('inspect', at('Phi-grown'), '--json')).stdout);
    expect(inspected.blocks.every(({ neurons }: { neurons: number }) => neurons === 24)).toBe(true);
    const again = await herm('grow', at('Phi'), '--width', '150%', '-o', at('Phi-grown'));
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('error OUTPUT_EXISTS: ') });
  });

  it('grows a skeleton along the tree of its file, so that the file lifts what comes of it', async () => {
    await herm('compress', at('model.safetensors'), '-o', at('model.herm'));
    await herm('expand', at('model.herm'), '--width', '12.5%', '-o', at('narrow.safetensors'));
    const tree = ['--tree', at('model.herm')];
    const grown = await herm('grow', at('narrow.safetensors'), ...tree, '--width', '50%', '-o', at('wide.safetensors'));
    expect(grown).toMatchObject({ code: 0, stdout: expect.stringMatching(/fc1 +38 +150\nfc2 +13 +50\n/) });
    const lifted = await herm(
      'lift',
      at('model.herm'),
      '--tuned',
      at('wide.safetensors'),
      '-o',
      at('full.safetensors'),
    );
    expect(lifted).toMatchObject({ code: 0, stdout: expect.stringMatching(/fc1 +150 +300/) });
    const refused = async (code: string, model: string, ...args: string[]) =>
      expect(await herm('grow', at(model), ...tree, ...args, '-o', at('refused'))).toMatchObject({
        ...{ code: 1, stderr: expect.stringContaining(`error ${code}: `) },
      });
    await refused('TUNED_TENSOR', 'grown.safetensors', '--width', '100%');
    await refused('WIDTH', 'model.safetensors', '--width', '100%');
    await refused('WIDTH', 'wide.safetensors', '--width', 'fc1=149');
    for (const args of [
      ['--width', '150%'],
      ['--width', '50%', '--blocks', 'fc1>fc2'],
    ]) {
      const finished = await herm('grow', at('narrow.safetensors'), ...tree, ...args, '-o', at('refused'));
      expect(finished).toMatchObject({ code: 2 });
    }
  });

  it('refuses with a code that says what, and writes nothing', async () => {
    writeFileSync(at('layers.onnx'), network([first, relu, second]).build());
    const refused = async (code: string, model: string, ...args: string[]) => {
      const finished = await herm('grow', at(model), ...args, '-o', at('refused'));
      expect(finished).toMatchObject({ code: 1, stderr: expect.stringContaining(`error ${code}: `) });
      expect(existsSync(at('refused'))).toBe(false);
    };
    await refused('WIDTH', 'model.safetensors', '--width', '200');
    await refused('WIDTH', 'model.safetensors', '--width', 'fc7=400');
    await refused('MODEL_FORMAT', 'layers.onnx', '--width', '200%');
    for (const width of ['50%', 'fc1', '']) {
      const finished = await herm('grow', at('model.safetensors'), '--width', width, '-o', at('refused'));
      expect(finished).toMatchObject({ code: 2 });
    }
  });
});
