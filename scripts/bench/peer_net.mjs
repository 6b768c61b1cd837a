// A plain MLP made narrower by one of the peers, layer by layer on the original neurons, with or without the refit that
// HERM uses.
import { blockWeights, fromFloat64, refitOutput, toFloat64 } from '../../dist/index.mjs';
import { gather, transpose } from './peers.mjs';

/** Weights of a block in double, neurons as rows: w [m×n], b [m], v [p×m]. */
export function layerOf(block, lookup) {
  const { neurons: m, inputs: n, outputs: p } = block;
  return {
    m,
    n,
    p,
    w: toFloat64(lookup(block.input.tensor)),
    b: block.bias === undefined ? new Float64Array(m) : toFloat64(lookup(block.bias)),
    v: toFloat64(lookup(block.output.tensor)),
  };
}

/** How `method(layer, k, seed)` cuts every hidden layer of a model to `share` of its neurons. */
export function plan({ blocks, lookup }, method, share, seed) {
  return blocks.map((block, l) => {
    const layer = layerOf(block, lookup);
    return method(layer, Math.max(1, Math.round(share * layer.m)), seed + l);
  });
}

/** The model's tensors with its hidden layers cut as planned. */
export async function narrow({ blocks, lookup }, plans, refit) {
  const layers = blocks.map((block) => layerOf(block, lookup));
  const tensor = (name, values, shape) => fromFloat64(values, 'F64', name, shape);
  const tensors = [];
  let previous;
  for (const [l, block] of blocks.entries()) {
    const { n, p, w, b } = layers[l];
    const cut = plans[l];
    // The rows of the matrix between two layers are this layer's inputs; its columns were cut with the layer before.
    const rows = gather(previous?.weights ?? w, previous?.width ?? n, cut, cut.input);
    tensors.push(tensor(block.input.tensor, rows, [cut.k, previous?.width ?? n]));
    tensors.push(tensor(block.bias, gather(b, 1, cut, cut.input), [cut.k]));
    previous = { weights: await outputs(block, lookup, layers[l], cut, refit), width: cut.k };
    if (l === blocks.length - 1) tensors.push(tensor(block.output.tensor, previous.weights, [p, cut.k]));
  }
  return [...tensors, lookup(blocks.at(-1).outputBias)];
}

/** Output weights [p×k] of a cut layer. */
async function outputs(block, lookup, { m, n, p, w, b, v }, plan, refit) {
  const rows = refit
    ? await refitOutput(
        block,
        blockWeights(block, lookup),
        gather(w, n, plan, plan.input),
        gather(b, 1, plan, plan.input),
      )
    : gather(transpose(v, p, m), p, plan, plan.output);
  return transpose(rows, plan.k, p);
}
