import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { forward } from '../../dist/index.mjs';

const folder = new URL('../../test/fixtures/fashion-mnist/', import.meta.url);
const load = (name) => gunzipSync(readFileSync(new URL(name, folder)));

/** The 10,000 test images of Fashion-MNIST: pixels in [0, 1] as [10000×784], and their classes. */
export function testImages() {
  const images = load('t10k-images-idx3-ubyte.gz');
  const count = images.readUInt32BE(4);
  const pixels = Float64Array.from(images.subarray(16), (byte) => byte / 255);
  return { count, pixels, labels: load('t10k-labels-idx1-ubyte.gz').subarray(8) };
}

const TRAINING = '/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz';

/** The first training images, as Debian's package dataset-fashion-mnist has them, as [count×784]; undefined without it. */
export function trainingImages(count) {
  if (!existsSync(TRAINING)) return undefined;
  const images = gunzipSync(readFileSync(TRAINING));
  return Float64Array.from(images.subarray(16, 16 + count * 784), (byte) => byte / 255);
}

/** Test images, and `count` that are not among them; where Debian's training images are missing, a part of the test images. */
export function imageParts(count) {
  const test = testImages();
  const training = trainingImages(count);
  if (training !== undefined) return { images: test, samples: training };
  const rest = test.count - count;
  return {
    images: { count: rest, pixels: test.pixels.subarray(0, rest * 784), labels: test.labels.subarray(0, rest) },
    samples: test.pixels.slice(rest * 784),
  };
}

/** The share of test images whose largest output is their class. */
export async function accuracy(layers, { count, pixels, labels }) {
  const scores = await forward(layers, pixels, count);
  const classes = scores.length / count;
  let right = 0;
  for (let i = 0; i < count; i++) {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    if (row.indexOf(Math.max(...row)) === labels[i]) right++;
  }
  return right / count;
}
