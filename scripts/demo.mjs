// The main job on a real model: LeNet-300-100 becomes a .herm file, is served at every width of the ladder, and comes
// back bit for bit.
import { mkdir, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compress, fileSource, openHerm } from '../dist/index.mjs';
import { accuracy, testImages } from './bench/fashion.mjs';
import { layersOf, lenetPath, loadModel } from './bench/lenet.mjs';

const folder = fileURLToPath(new URL('../build/demo/', import.meta.url));
const [original, herm, recovered] = [lenetPath('relu'), `${folder}lenet.herm`, `${folder}lenet.safetensors`];

await mkdir(folder, { recursive: true });
const images = testImages();
const model = await loadModel(original);
const full = await accuracy(layersOf(model.blocks, model.tensors), images);
const { size } = await stat(original);
console.log(
  `LeNet-300-100 (784-300-100-10, ReLU), ${size} bytes: ${percent(full)} of ${images.count} Fashion-MNIST test images right.\n`,
);

const started = performance.now();
const report = await compress(original, herm, { refit: [0.5, 0.25] });
console.log(
  `Merged and written in ${((performance.now() - started) / 1000).toFixed(1)} s: ${report.bytes} bytes, ${report.refitBytes} of them refits.\n`,
);

const file = await openHerm(await fileSource(herm));
const names = file.blocks.map(({ name }) => name);
console.log(row([...names, 'accuracy', ...names.map((name) => `${name} error`), 'bytes to read']));
for (const [level, widths] of [...file.ladder.entries()].reverse()) {
  const { tensors, refitted } = await file.skeleton(Object.fromEntries(names.map((name, b) => [name, widths[b]])));
  const right = percent(await accuracy(layersOf(file.blocks, tensors), images));
  const errors = names.map((_, b) => file.errors[b][level].toFixed(4));
  console.log(row([...widths, refitted ? `${right} refit` : right, ...errors, file.prefixBytes[level]]));
}
console.log('\nerror: relative change of the block’s function under x ~ N(0, I), before any refit.');

await file.recoverTo(recovered);
await file.close();
const same = (await readFile(original)).equals(await readFile(recovered));
console.log(
  same ? `\nRecovered ${size} bytes: identical to the original.` : '\nThe recovered file DIFFERS from the original.',
);
if (!same) process.exitCode = 1;

function percent(share) {
  return `${(100 * share).toFixed(2)}%`;
}

function row(cells) {
  return cells.map((cell) => String(cell).padStart(14)).join('');
}
