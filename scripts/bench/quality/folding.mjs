// Peers that fold groups of neurons into one. Each takes `{layer, seed}` and gives a function from k to a plan (layer.mjs).
import { agnes } from 'ml-hclust';
import { kmeans } from 'ml-kmeans';
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { fold, neuronVectors } from './layer.mjs';

const whole = () => 1;
const mean = (size) => 1 / size;

/** Model folding (Wang et al. 2025, arXiv:2502.10216): k-means on (w, b, v), the mean of inputs, the sum of outputs. */
export function kmeansFolding({ layer, seed }) {
  const points = inFewerDimensions(neuronVectors(layer));
  return (k) => {
    const { clusters } = kmeans(points, k, { seed, initialization: 'kmeans++', maxIterations: 100 });
    return fold(clusters, mean, whole);
  };
}

/**
 * Points with the same distances in as many dimensions as there are points: rows of L, where L Lᵀ is the matrix of their
 * inner products, with so small a ridge that it is positive definite.
 */
function inFewerDimensions(points) {
  if (points.length >= points[0].length) return points;
  const rows = new Matrix(points);
  const inner = rows.mmul(rows.transpose());
  const ridge = (1e-12 * inner.trace()) / points.length;
  for (let i = 0; i < points.length; i++) inner.set(i, i, inner.get(i, i) + ridge);
  return new CholeskyDecomposition(inner).lowerTriangularMatrix.to2DArray();
}

/** The same with the clusters of Ward's hierarchy of (w, b, v). */
export function wardFolding({ layer }) {
  const hierarchy = agnes(neuronVectors(layer), { method: 'ward2' });
  return (k) => {
    const clusters = new Int32Array(layer.m);
    hierarchy.group(k).children.forEach((group, cluster) => {
      for (const i of group.indices()) clusters[i] = cluster;
    });
    return fold(clusters, mean, whole);
  };
}

/**
 * Iterative feature merging (Chen et al. 2023, arXiv:2310.06756): again and again the two neurons whose weights (w, b, v)
 * are closest become one with the sum of their input weights and the mean of their output weights.
 */
export function iterativeMerging({ layer }) {
  const merges = closestPairs(neuronVectors(layer), layer.n + 1);
  return (k) => {
    const clusters = Int32Array.from({ length: layer.m }, (_, i) => i);
    for (const [kept, gone] of merges.slice(0, layer.m - k)) {
      for (let i = 0; i < layer.m; i++) if (clusters[i] === gone) clusters[i] = kept;
    }
    return fold(clusters, whole, mean);
  };
}

/** The m − 1 pairs [i, j], i < j, in the order in which they merge; the new neuron takes the place of i. */
function closestPairs(points, inputs) {
  const m = points.length;
  const rows = points.map((row) => Float64Array.from(row));
  const sizes = new Float64Array(m).fill(1);
  const squares = rows.map(() => new Float64Array(m).fill(Infinity));
  const measure = (i, j) => {
    let sum = 0;
    for (let c = 0; c < rows[i].length; c++) sum += (rows[i][c] - rows[j][c]) ** 2;
    squares[i][j] = sum;
    squares[j][i] = sum;
  };
  const alive = new Set(rows.keys());
  for (const i of alive) for (let j = 0; j < i; j++) measure(i, j);
  const nearest = rows.map((_, i) => lowest(squares[i]));
  const merges = [];
  while (alive.size > 1) {
    let best = -1;
    for (const i of alive) if (best < 0 || squares[i][nearest[i]] < squares[best][nearest[best]]) best = i;
    const [kept, gone] = [best, nearest[best]].sort((a, b) => a - b);
    merges.push([kept, gone]);
    const size = sizes[kept] + sizes[gone];
    rows[kept].forEach((x, c) => {
      const mean = (sizes[kept] * x + sizes[gone] * rows[gone][c]) / size;
      rows[kept][c] = c < inputs ? x + rows[gone][c] : mean;
    });
    sizes[kept] = size;
    alive.delete(gone);
    for (const i of alive) squares[i][gone] = Infinity;
    for (const i of alive) if (i !== kept) measure(kept, i);
    for (const i of alive) {
      if (i === kept || nearest[i] === kept || nearest[i] === gone) nearest[i] = lowest(squares[i]);
      else if (squares[i][kept] < squares[i][nearest[i]]) nearest[i] = kept;
    }
  }
  return merges;
}

function lowest(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] < values[best]) best = i;
  return best;
}
