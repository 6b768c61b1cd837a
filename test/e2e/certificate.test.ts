import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomLcg, randomNormal } from 'd3-random';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Block,
  blockWeights,
  compress,
  fileSource,
  forward,
  type HermFile,
  type Layer,
  lookupIn,
  openHerm,
} from '../../lib/index.ts';

const BATCH = 5_000;
const identity = { name: 'identity', slope: 1 } as const;

/** The block at one width, the others at full width, as a chain of layers without output bias. */
async function layersAt(file: HermFile, block: Block, width: number): Promise<Layer[]> {
  const widths = Object.fromEntries(file.blocks.map(({ name, neurons }) => [name, neurons]));
  const { tensors } = await file.skeleton({ ...widths, [block.name]: width });
  const { input, bias, output } = blockWeights(block, lookupIn(tensors));
  return [
    { activation: identity, weight: input, bias },
    { activation: block.activation, weight: { ...output, transposed: !output.transposed }, bias: undefined },
  ];
}

const squares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);

describe.each([
  ['relu', 100_000],
  ['tanh', 20_000],
  ['gelu', 20_000],
])('certificates of the %s LeNet, %i samples', (activation, samples) => {
  let folder: string;
  let file: HermFile;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'herm-certificate-'));
    const path = join(folder, 'net.herm');
    await compress(`test/fixtures/lenet/${activation}.safetensors`, path);
    file = await openHerm(await fileSource(path));
  });
  afterAll(async () => {
    await file.close();
    await rm(folder, { recursive: true });
  });

  it.each([0, 1])('predict the error on samples of the prior, block %i', { timeout: 400_000 }, async (index) => {
    const block = file.blocks[index] as Block;
    const widths = [...new Set(file.ladder.map((level) => level[index] as number))];
    const predicted = widths.map((width) => file.errors[index]?.[file.ladder.findIndex((l) => l[index] === width)]);
    const skeletons = await Promise.all(widths.map((width) => layersAt(file, block, width)));
    const whole = await layersAt(file, block, block.neurons);

    const normal = randomNormal.source(randomLcg(0.25))();
    const differences = new Float64Array(widths.length);
    let energy = 0;
    for (let done = 0; done < samples; done += BATCH) {
      const x = Float64Array.from({ length: BATCH * block.inputs }, normal);
      const full = await forward(whole, x, BATCH);
      energy += squares(full);
      for (const [level, skeleton] of skeletons.entries()) {
        const served = await forward(skeleton, x, BATCH);
        differences[level] = (differences[level] as number) + squares(served.map((y, at) => y - (full[at] as number)));
      }
    }
    for (const [level, width] of widths.entries()) {
      const measured = Math.sqrt((differences[level] as number) / energy);
      expect(Math.abs(measured - (predicted[level] as number)), `width ${width}: ${measured}`).toBeLessThan(0.01);
    }
  });
});
