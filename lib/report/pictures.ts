import { skeletonWeights } from '../herm/certificate.ts';
import type { MergeTree } from '../herm/tree.ts';
import type { Block } from '../model/block.ts';
import { halvesOf } from '../model/tensor.ts';
import type { NativeBlock } from '../native/binding.ts';
import type { CallOptions } from '../native/call.ts';
import { base64, floats } from './encode.ts';
import type { ImageSize } from './options.ts';
import type { PictureData } from './page_data.ts';

/** Pixels of all neurons of a block that a page still holds with ease: 5.6 MB of it. */
export const MAX_PIXELS = 2 ** 22;

/** Input weights of all neurons as pictures; parents' follow from them in the page. */
export async function picturesOf(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  { width, height }: ImageSize,
  options: CallOptions,
): Promise<PictureData> {
  const { neurons } = block;
  const size = width * height;
  const { weights: rows } = await skeletonWeights(block, weights, tree, neurons, options);
  const { buffer, byteOffset } = rows.input.data;
  const values = new Float64Array(buffer, byteOffset, neurons * size);
  const pixels = new Int8Array(neurons * size);
  const scales = new Float32Array(neurons);
  for (let neuron = 0; neuron < neurons; neuron++) {
    const own = values.subarray(neuron * size, (neuron + 1) * size);
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    scales[neuron] = largest;
    if (largest > 0)
      pixels.set(
        own.map((value) => Math.round((127 * value) / largest)),
        neuron * size,
      );
  }
  return { width, height, pixels: base64(pixels), scales: base64(scales), alpha: floats(halvesOf(tree.alpha)) };
}
