// What measured sensitivities change: plans of the same budget with and without them, run on Fashion-MNIST.
import { join } from 'node:path';
import { compress, forward, measureSensitivity, openHerm } from '../../../dist/index.mjs';
import { runScript } from '../elastic/python.mjs';
import { accuracy, imageParts } from '../fashion.mjs';
import { layersOf, lenetPath } from '../lenet.mjs';

const BUDGETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
const SAMPLES = 1000;

/** By name: the path of a chain of layers with ReLU, or as the name says. */
const NETS = {
  'LeNet ReLU': async () => lenetPath('relu'),
  'LeNet tanh': async () => lenetPath('tanh'),
  'LeNet GELU': async () => lenetPath('gelu'),
  'five hidden layers': async (folder) => {
    const path = join(folder, 'deep.safetensors');
    await runScript('../plan/train_deep', [path], null, () => {});
    return path;
  },
};

export async function measuredRows(folder) {
  const { images, samples } = imageParts(SAMPLES);
  const rows = [];
  for (const [net, pathOf] of Object.entries(NETS)) {
    process.stderr.write(`${net} …\n`);
    const path = join(folder, `${net}.herm`);
    await compress(await pathOf(folder), path);
    const file = await openHerm(path);
    const sensitivity = await measureSensitivity(file, { inputs: samples });
    const original = await outputsOf(file, 'full', images);
    const whole = await accuracy(await layersAt(file, 'full'), images);
    for (const params of BUDGETS) {
      const alike = await resultOf(file, await file.planWidths({ params }), original, images);
      const measured = await resultOf(file, await file.planWidths({ params, sensitivity }), original, images);
      rows.push({ net, whole, sensitivity, budget: params, alike, measured });
    }
    await file.close();
  }
  return rows;
}

const layersAt = async (file, widths) => layersOf(file.blocks, (await file.skeleton(widths)).tensors);

async function outputsOf(file, widths, { pixels, count }) {
  return forward(await layersAt(file, widths), pixels, count);
}

async function resultOf(file, { widths }, original, images) {
  const outputs = await outputsOf(file, widths, images);
  return {
    widths: Object.values(widths),
    accuracy: await accuracy(await layersAt(file, widths), images),
    change: Math.sqrt(squares(outputs.map((value, at) => value - original[at])) / squares(original)),
  };
}

const squares = (values) => values.reduce((sum, value) => sum + value ** 2, 0);
