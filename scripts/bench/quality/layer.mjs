// A hidden layer in double, and how a method makes it narrower. A plan `{k, to, input, output}` says for every old neuron
// which new one it goes to (−1: none), with which share it enters that neuron's input weights and bias, and with which
// share its output weights; `bias` [k], if there is one, stands for the biases that would come of that.
import { toFloat64 } from '../../../dist/index.mjs';

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

/** Rows of `matrix` [m×cols] gathered into the k new neurons, weighted by `share`. */
export function gather(matrix, cols, { k, to }, share) {
  const out = new Float64Array(k * cols);
  for (let i = 0; i < to.length; i++) {
    if (to[i] < 0) continue;
    for (let c = 0; c < cols; c++) out[to[i] * cols + c] += share[i] * matrix[i * cols + c];
  }
  return out;
}

/** The new neurons' biases. */
export const gatherBias = (b, plan) => plan.bias ?? gather(b, 1, plan, plan.input);

/** [rows×cols] → [cols×rows] */
export function transpose(matrix, rows, cols) {
  const out = new Float64Array(matrix.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = matrix[r * cols + c];
  return out;
}

/** (w_i, b_i) as rows [m][n+1]. */
export const inputVectors = ({ m, n, w, b }) =>
  Array.from({ length: m }, (_, i) => [...w.subarray(i * n, (i + 1) * n), b[i]]);

/** (w_i, b_i, v_i) as rows [m][n+1+p]. */
export const neuronVectors = (layer) =>
  inputVectors(layer).map((row, i) => [...row, ...Array.from({ length: layer.p }, (_, o) => layer.v[o * layer.m + i])]);

/** The plan that keeps these neurons as they are, and drops the others. */
export function keep(kept, m) {
  const to = new Int32Array(m).fill(-1);
  [...kept]
    .sort((a, b) => a - b)
    .forEach((i, slot) => {
      to[i] = slot;
    });
  return { k: kept.length, to, input: new Float64Array(m).fill(1), output: new Float64Array(m).fill(1) };
}

/** The plan that gives each cluster one neuron; `share(size)` of its members' weights go in and come out. */
export function fold(clusters, input, output) {
  // An empty cluster has no neuron.
  const slots = new Map([...new Set(clusters)].map((cluster, slot) => [cluster, slot]));
  const to = Int32Array.from(clusters, (cluster) => slots.get(cluster));
  const sizes = new Float64Array(slots.size);
  for (const slot of to) sizes[slot]++;
  const shares = (of) => Float64Array.from(to, (slot) => of(sizes[slot]));
  return { k: slots.size, to, input: shares(input), output: shares(output) };
}
