import { fileURLToPath } from 'node:url';
import { fileSource, findBlocks, lookupIn, mlpLayers, readSafetensorsHeader, readTensor } from '../../dist/index.mjs';

/** Path of LeNet-300-100 on Fashion-MNIST with this activation: relu, tanh or gelu. */
export const lenetPath = (activation) =>
  fileURLToPath(new URL(`../../test/fixtures/lenet/${activation}.safetensors`, import.meta.url));

/** A model file's blocks and tensors. */
export async function loadModel(path) {
  const source = await fileSource(path);
  try {
    const header = await readSafetensorsHeader(source);
    const tensors = [];
    for (const info of header.tensors) tensors.push(await readTensor(source, header, info));
    return { blocks: findBlocks(header), tensors, lookup: lookupIn(tensors) };
  } finally {
    await source.close();
  }
}

/** The layers of an MLP with these tensors. */
export const layersOf = (blocks, tensors) => mlpLayers(blocks, lookupIn(tensors));
