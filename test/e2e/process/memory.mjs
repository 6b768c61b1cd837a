/*
 * node --expose-gc memory.mjs <folder> <warm-up jobs> <jobs>: does everything with a block over and over, and prints the
 * bytes of the process after the warm-up and after the jobs.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  blockWeights,
  bufferSource,
  buildTree,
  compress,
  fileSource,
  findBlocks,
  fromFloat64,
  interactionOf,
  lookupIn,
  openHerm,
  readSafetensorsHeader,
  scaPairs,
  serializeSafetensors,
} from 'hermkit';

const [folder, warmUp, jobs] = process.argv.slice(2);
const [neurons, width] = [200, 24];

const tensor = (name, shape, phase) => {
  const length = shape.reduce((product, size) => product * size);
  const values = Float64Array.from({ length }, (_, k) => Math.sin(12.9898 * k + phase));
  return fromFloat64(values, 'F32', name, shape);
};
const tensors = [
  tensor('fc1.weight', [neurons, width], 1),
  tensor('fc1.bias', [neurons], 2),
  tensor('fc2.weight', [width, neurons], 3),
];
const model = bufferSource(serializeSafetensors(tensors), 'model');
const [block] = findBlocks(await readSafetensorsHeader(model), { activation: 'relu' });
const weights = blockWeights(block, lookupIn(tensors));
const pairs = Uint32Array.from({ length: 2 * neurons }, (_, k) => ((k + 1) >> 1) % neurons);

async function job(output) {
  await buildTree(block, weights);
  await interactionOf(block, weights);
  await scaPairs(block, weights, pairs);
  await compress(model, output, { activation: 'relu' });
  const file = await openHerm(await fileSource(output));
  await file.skeleton(0.5);
  await file.close();
  await rm(output);
}

async function repeat(count) {
  for (let round = 0; round < count; round++) await job(join(folder, 'memory.herm'));
  // Again and again, with time between: what finalizers release is garbage of the next round, and they run when they like.
  for (let round = 0; round < 10; round++) {
    globalThis.gc();
    await setTimeout(20);
  }
  const { rss, external, arrayBuffers } = process.memoryUsage();
  return { rss, external, arrayBuffers };
}

const warm = await repeat(Number(warmUp));
console.log(JSON.stringify({ warm, end: await repeat(Number(jobs)) }));
