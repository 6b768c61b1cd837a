// Hidden layers made narrower, with or without refitted output weights.
import {
  blockOutputs,
  blockValues,
  blockWeights,
  fromFloat64,
  nativeMatrix,
  refitOutput,
} from '../../../dist/index.mjs';
import { gather, gatherBias, layerOf, transpose } from './layer.mjs';

const tensor = (name, values, shape) => fromFloat64(values, 'F64', name, shape);
const matrix = (values, rows, cols) => nativeMatrix(tensor('weights', values, [rows, cols]));

/** The blocks of a model as methods see them. */
export function viewsOf({ blocks, lookup }) {
  return blocks.map((block) => ({ block, weights: blockWeights(block, lookup), layer: layerOf(block, lookup) }));
}

/** Whether block l's input weights are the output weights of the one before. */
const isBehind = (blocks, l) => blocks[l - 1]?.output.tensor === blocks[l].input.tensor;

/**
 * The model's tensors with its hidden layers cut as planned, each on the original neurons.
 *
 * @param refits by layer the prior that output weights are solved anew under; undefined: they are what the plan says
 */
export async function narrow(model, plans, refits) {
  const { blocks } = model;
  const tensors = [];
  let previous;
  for (const [l, view] of viewsOf(model).entries()) {
    const { layer } = view;
    const cut = plans[l];
    // The rows of the matrix between two layers are this layer's inputs; its columns were cut with the layer before.
    const before = isBehind(blocks, l) ? previous : { weights: layer.w, width: layer.n };
    const outputs = await outputsOf(view, cut, refits && { prior: refits[l] });
    const rows = gather(before.weights, before.width, cut, cut.input);
    previous = { weights: transpose(outputs, cut.k, layer.p), width: cut.k };
    tensors.push(...named(model, l, { rows, bias: gatherBias(layer.b, cut), inputs: before.width, ...previous }));
  }
  return tensors;
}

/** The tensors of a narrowed block; a matrix between two layers is written with the second one. */
function named({ blocks, lookup }, l, { rows, bias, inputs, weights, width }) {
  const { input, bias: name, output, outputs, outputBias } = blocks[l];
  const tensors = [tensor(input.tensor, rows, [width, inputs]), tensor(name, bias, [width])];
  if (l + 1 < blocks.length && isBehind(blocks, l + 1)) return tensors;
  return [...tensors, tensor(output.tensor, weights, [outputs, width]), lookup(outputBias)];
}

/** Output weights [k×p] of a cut block. @param refit `{prior}`, or undefined for those of the plan */
async function outputsOf({ block, weights, layer: { m, n, p, w, b, v } }, cut, refit) {
  if (refit === undefined) return gather(transpose(v, p, m), p, cut, cut.output);
  return refitOutput(block, weights, gather(w, n, cut, cut.input), gatherBias(b, cut), refit);
}

/**
 * The same for a chain, each block cut as it stands behind those that are already narrower.
 *
 * @param plan `(view, prior, l)` a plan for a block
 * @param blends by layer, `{refit, merge}`; with `inputs` [N×n], the first block's samples. Targets are the original's values.
 */
export async function narrowInTurn(model, plan, refit, { inputs, blends } = {}) {
  const originals = viewsOf(model);
  const tensors = [];
  let view = originals[0];
  let samples = inputs && { seen: inputs, whole: inputs };
  for (const [l, original] of originals.entries()) {
    const targets = samples && (await blockOutputs(original.block, original.weights, samples.whole));
    const prior = samples ? { inputs: samples.seen, blend: blends[l].refit, targets } : 'isotropic';
    const cut = await plan(view, samples ? { ...prior, blend: blends[l].merge } : prior, l);
    const { b, n, p, w } = view.layer;
    const kept = { rows: gather(w, n, cut, cut.input), bias: gatherBias(b, cut), inputs: n };
    const outputs = await outputsOf(view, cut, refit ? { prior } : undefined);
    const weights = transpose(outputs, cut.k, p);
    tensors.push(...named(model, l, { ...kept, weights, width: cut.k }));
    const next = originals[l + 1];
    if (next === undefined) break;
    samples &&= {
      seen: await valuesOf(view.block, kept, cut.k, samples.seen),
      whole: await blockValues(original.block, original.weights, samples.whole),
    };
    view = behind(next, weights, cut.k);
  }
  return tensors;
}

/** The values of a narrowed block's neurons. */
const valuesOf = (block, { rows, bias, inputs }, k, samples) =>
  blockValues({ ...block, neurons: k }, { input: matrix(rows, k, inputs), bias: matrix(bias, 1, k) }, samples);

/** A block with other input weights [m×n], of a layer before it that has become narrower. */
function behind({ block, weights, layer }, w, n) {
  return {
    block: { ...block, inputs: n },
    weights: { ...weights, input: matrix(w, layer.m, n) },
    layer: { ...layer, n, w },
  };
}
