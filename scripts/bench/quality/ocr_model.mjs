// The PP-OCRv4 recogniser with other numbers in its feed-forward blocks, run in onnxruntime.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-web';
import {
  bufferSource,
  compress,
  fileSource,
  findBlocks,
  fromFloat64,
  lookupIn,
  openHerm,
  readSafetensorsHeader,
  serializeSafetensors,
  toFloat64,
} from '../../../dist/index.mjs';
import { inputsByOutputs } from './graph_tensors.mjs';
import { transpose } from './layer.mjs';
import { decodeGreedily, dictionary, likeliest, otherLines, RECOGNISER, renderedLines, shareRead } from './ocr.mjs';
import { factorsOf, inTwo } from './onnx_parts.mjs';

/** Tensors of the two blocks, by the names that PyTorch would give them, and the LayerNorms before. */
const NAMES = {
  'layer0.fc1.weight': 'linear_79.w_0',
  'layer0.fc1.bias': 'linear_79.b_0',
  'layer0.fc2.weight': 'linear_80.w_0',
  'layer0.fc2.bias': 'linear_80.b_0',
  'layer1.fc1.weight': 'linear_83.w_0',
  'layer1.fc1.bias': 'linear_83.b_0',
  'layer1.fc2.weight': 'linear_84.w_0',
  'layer1.fc2.bias': 'linear_84.b_0',
};
const NORMS = ['layer_norm_44', 'layer_norm_46'];

/** All tensors of the model, with the places of their bytes. */
async function readTensors() {
  const folder = await mkdtemp(join(tmpdir(), 'herm-ocr-'));
  try {
    await compress(RECOGNISER, join(folder, 'model.herm'));
    const file = await openHerm(await fileSource(join(folder, 'model.herm')));
    const { tensors } = await file.skeleton('full');
    const places = new Map(file.tensors.map(({ name, begin }) => [name, begin]));
    await file.close();
    return { lookup: lookupIn(tensors), places };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @returns `model`, `norms` as priors, `read(lines, tensors)` shares of characters read right and of symbols as in the first reading, `inputs(lines)` [block] samples [N×n] */
export async function loadRecogniser() {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const bytes = new Uint8Array(await readFile(RECOGNISER));
  const { lookup, places } = await readTensors();
  const tensors = Object.entries(NAMES).map(([name, own]) => asRows(name, lookup(own)));
  const header = await readSafetensorsHeader(bufferSource(await serializeSafetensors(tensors)));
  const blocks = findBlocks(header, { activation: 'silu' });
  const wanted = factorsOf(
    bytes,
    blocks.map(({ input }) => NAMES[input.tensor]),
  );
  const parts = inTwo(bytes, Object.values(NAMES), wanted);
  const characters = dictionary();
  const known = new Map();
  let original;
  /** What the part that never changes makes of lines; it runs once. */
  const before = async (lines) => {
    if (!known.has(lines))
      known.set(
        lines,
        await runAll(
          parts.head,
          lines.map(({ pixels }) => ({ x: pixels })),
        ),
      );
    return known.get(lines);
  };
  return {
    model: { blocks, tensors, lookup: lookupIn(tensors) },
    norms: NORMS.map((name) => ({
      deviation: toFloat64(lookup(`${name}.w_0`)),
      mean: toFloat64(lookup(`${name}.b_0`)),
    })),
    async read(lines, changed) {
      const values = await before(lines);
      const feeds = values.map((value) => Object.fromEntries(parts.passed.map((name) => [name, value[name]])));
      const types = parts.passed.map((name) => values[0][name].type);
      const found = await runAll(parts.tailOf(patched(bytes, places, changed), types), feeds);
      const outputs = found.map((results) => Object.values(results)[0]);
      const symbols = outputs.flatMap(likeliest);
      original ??= symbols;
      return {
        characters: shareRead(
          lines,
          outputs.map((output) => decodeGreedily(output, characters).trim()),
        ),
        symbols: symbols.filter((symbol, step) => symbol === original[step]).length / symbols.length,
      };
    },
    async inputs(lines) {
      const values = await before(lines);
      return wanted.map((name) => Float32Array.from(values.flatMap((value) => [...value[name].data])));
    },
  };
}

/** Lines that are hard to read, and others that are, too. */
export const lineSets = () => ({
  tested: renderedLines().filter(({ clean }) => !clean),
  sampled: otherLines().filter(({ clean }) => !clean),
});

/** The model stores inputs × outputs. */
function asRows(name, tensor) {
  const values = toFloat64(tensor);
  if (tensor.shape.length === 1) return fromFloat64(values, 'F32', name, tensor.shape);
  const [rows, cols] = tensor.shape;
  return fromFloat64(transpose(values, rows, cols), 'F32', name, [cols, rows]);
}

async function runAll(model, feeds) {
  const session = await ort.InferenceSession.create(model);
  try {
    const found = [];
    for (const feed of feeds) found.push(await session.run(feed));
    return found;
  } finally {
    await session.release();
  }
}

/** The model's bytes with these blocks instead; narrower ones are filled up with neurons of zeros, which add nothing. */
function patched(bytes, places, tensors) {
  const out = Buffer.from(bytes);
  for (const tensor of tensors) {
    const begin = places.get(NAMES[tensor.name]);
    for (const [at, value] of inputsByOutputs(tensor, HIDDEN).entries()) out.writeFloatLE(value, begin + 4 * at);
  }
  return out;
}

const HIDDEN = 240;
