// Files to plan widths for: many small blocks of their own size and kind, and real networks.
import { join } from 'node:path';
import { randomLcg, randomNormal } from 'd3-random';
import { bufferSource, compress, fromFloat64, serializeSafetensors } from '../../../dist/index.mjs';
import { lenetPath } from '../lenet.mjs';

const SEED = 0.5;

/** Blocks of 32 to 128 neurons, in groups of 1 to 5 alike, so that every block's error falls in its own way. */
async function synthetic(count) {
  const normal = randomNormal.source(randomLcg(SEED))();
  const make = (name, shape, value) =>
    fromFloat64(Float64Array.from({ length: shape[0] * (shape[1] ?? 1) }, value), 'F32', name, shape);
  const tensors = Array.from({ length: count }, (_, layer) => {
    const [inputs, neurons] = [4 + ((layer * 7) % 9), 32 + ((layer * 37) % 97)];
    const kinds = Math.ceil(neurons / (1 + (layer % 5)));
    const centres = Float64Array.from({ length: kinds * inputs }, normal);
    const near = (_number, at) => centres[(Math.floor(at / inputs) % kinds) * inputs + (at % inputs)] + 0.1 * normal();
    return [
      make(`layers.${layer}.in.weight`, [neurons, inputs], near),
      make(`layers.${layer}.in.bias`, [neurons], () => 0),
      make(`layers.${layer}.out.weight`, [inputs, neurons], normal),
    ];
  });
  return bufferSource(await serializeSafetensors(tensors.flat()), 'synthetic.safetensors');
}

export const COUNTS = [2, 20, 200, 2000];

/** By name: compresses a model into a folder. @returns the path */
export const FILES = {
  ...Object.fromEntries(
    COUNTS.map((count) => [
      `${count} synthetic blocks`,
      async (folder) => {
        const path = join(folder, `${count}.herm`);
        await compress(await synthetic(count), path, { blocks: 'layers.*.in>layers.*.out', activation: 'relu' });
        return path;
      },
    ]),
  ),
  'LeNet ReLU': (folder) => compressed(lenetPath('relu'), join(folder, 'lenet.herm')),
  'MLP 784-512-512-10': (folder) => compressed(lenetPath('mlp'), join(folder, 'mlp.herm')),
};

async function compressed(model, path) {
  await compress(model, path);
  return path;
}
