// Peers that keep some of the neurons. Each takes `{layer, kernel}` and gives a function from k to a plan (layer.mjs);
// `kernel` is Φ [m×m] under the prior.
import { inputVectors, keep } from './layer.mjs';

/** Indices by falling score; ties by index. */
const ranking = (scores) => [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);

const byScore = (scores) => {
  const order = ranking(scores);
  return (k) => keep(order.slice(0, k), order.length);
};

const norm = (row, power) => row.reduce((sum, x) => sum + Math.abs(x) ** power, 0) ** (1 / power);

/** ‖v_i‖² of every neuron. */
const outputSquares = ({ m, p, v }) =>
  Array.from({ length: m }, (_, i) => {
    let sum = 0;
    for (let o = 0; o < p; o++) sum += v[o * m + i] ** 2;
    return sum;
  });

const weightRows = ({ m, n, w }) => Array.from({ length: m }, (_, i) => w.subarray(i * n, (i + 1) * n));

/** Keeps the neurons with the largest Σ|w| (Li et al. 2017, arXiv:1608.08710). */
export const l1Pruning = ({ layer }) => byScore(weightRows(layer).map((row) => norm(row, 1)));

/** Keeps the neurons with the largest ‖w‖. */
export const l2Pruning = ({ layer }) => byScore(weightRows(layer).map((row) => norm(row, 2)));

/** Keeps the neurons whose functions are largest in L²(prior): √Φ_ii ‖v_i‖. */
export function functionalPruning({ layer, kernel }) {
  return byScore(outputSquares(layer).map((square, i) => kernel[i * layer.m + i] * square));
}

/** Keeps the pivots of Γ = Φ ∘ VᵀV: always the neuron whose function is farthest from the span of those kept. */
export function pivotedCholesky({ layer, kernel }) {
  const { m, p, v } = layer;
  const gamma = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) {
      let coupling = 0;
      for (let o = 0; o < p; o++) coupling += v[o * m + i] * v[o * m + j];
      gamma[i * m + j] = kernel[i * m + j] * coupling;
    }
  }
  return byPivots(gamma, m);
}

/**
 * Keeps the pivots of a QR decomposition of the neurons' values on samples, as interpolative decomposition does (Chee et
 * al. 2022, arXiv:2108.00065): they are those of a Cholesky decomposition of Φ.
 */
export const pivotedQr = ({ layer, kernel }) => byPivots(kernel, layer.m);

function byPivots(matrix, m) {
  const order = pivotsOf(matrix, m);
  return (k) => keep(order.slice(0, k), m);
}

/** All indices in the order in which a Cholesky decomposition with complete pivoting takes them. */
export function pivotsOf(matrix, m) {
  const left = Float64Array.from({ length: m }, (_, i) => matrix[i * m + i]);
  const columns = [];
  const order = [];
  const open = new Set(left.keys());
  while (open.size > 0) {
    let pivot = -1;
    for (const i of open) if (pivot < 0 || left[i] > left[pivot]) pivot = i;
    open.delete(pivot);
    order.push(pivot);
    // What is left of a matrix of lower rank is rounding: the others follow by what remains of them, without elimination.
    if (!(left[pivot] > 0)) continue;
    const root = Math.sqrt(left[pivot]);
    const column = Float64Array.from({ length: m }, (_, i) => matrix[i * m + pivot]);
    for (const earlier of columns) {
      const factor = earlier[pivot];
      for (let i = 0; i < m; i++) column[i] -= factor * earlier[i];
    }
    for (let i = 0; i < m; i++) column[i] /= root;
    for (const i of open) left[i] -= column[i] ** 2;
    columns.push(column);
  }
  return order;
}

/**
 * Neuron Merging (Kim et al. 2020, arXiv:2010.13160) with the authors' settings for LeNet-300-100 (their decompose.py):
 * neurons are (w, b); those with the largest norm are kept, and each of the others adds its output weights, scaled by the
 * ratio of the norms, to the kept neuron with the largest cosine, unless that is below 0.45.
 */
const neuronMerging =
  (power) =>
  ({ layer }) => {
    const rows = inputVectors(layer);
    const lengths = rows.map((row) => norm(row, 2));
    const cosine = (i, j) => rows[i].reduce((sum, x, at) => sum + x * rows[j][at], 0) / (lengths[i] * lengths[j]);
    const order = ranking(rows.map((row) => norm(row, power)));
    const cosines = order.map((i) => order.map((j) => (j === i ? 1 : cosine(i, j))));
    return (k) => {
      const plan = keep(order.slice(0, k), rows.length);
      for (let rank = k; rank < order.length; rank++) {
        const row = cosines[rank].slice(0, k);
        const nearest = row.indexOf(Math.max(...row));
        if (!(row[nearest] >= LEAST_COSINE)) continue;
        const [i, j] = [order[rank], order[nearest]];
        plan.to[i] = plan.to[j];
        plan.input[i] = 0;
        plan.output[i] = lengths[i] / lengths[j];
      }
      return plan;
    };
  };

const LEAST_COSINE = 0.45;
export const neuronMergingL1 = neuronMerging(1);
export const neuronMergingL2 = neuronMerging(2);
