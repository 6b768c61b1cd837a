// What else makes a hidden layer narrower without data. Each method gives, for a layer of m neurons, the new neuron that
// each old one goes to (−1: none), the share with which it enters that neuron's input, and the share of its output.
import { kmeans } from 'ml-kmeans';

/** Keeps the k neurons whose input weights have the largest L1 norm. */
export function l1Pruning({ m, n, w }, k) {
  const norms = Array.from({ length: m }, (_, i) =>
    w.subarray(i * n, (i + 1) * n).reduce((sum, x) => sum + Math.abs(x), 0),
  );
  const kept = norms
    .map((norm, i) => [norm, i])
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, k)
    .map(([, i]) => i)
    .sort((a, b) => a - b);
  const to = new Int32Array(m).fill(-1);
  kept.forEach((i, slot) => {
    to[i] = slot;
  });
  return { k, to, input: new Float64Array(m).fill(1), output: new Float64Array(m).fill(1) };
}

/** k-means on (w, b, v); a cluster's neuron has the mean input and the sum of the outputs. */
export function kmeansFolding({ m, n, p, w, b, v }, k, seed) {
  const points = Array.from({ length: m }, (_, i) => [
    ...w.subarray(i * n, (i + 1) * n),
    b[i],
    ...Array.from({ length: p }, (_, o) => v[o * m + i]),
  ]);
  const { clusters } = kmeans(points, k, { seed, initialization: 'kmeans++', maxIterations: 100 });
  // An empty cluster has no neuron.
  const slots = new Map([...new Set(clusters)].map((cluster, slot) => [cluster, slot]));
  const to = Int32Array.from(clusters, (cluster) => slots.get(cluster));
  const sizes = new Float64Array(slots.size);
  for (const slot of to) sizes[slot]++;
  return {
    k: slots.size,
    to,
    input: Float64Array.from(to, (slot) => 1 / sizes[slot]),
    output: new Float64Array(m).fill(1),
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

/** [rows×cols] → [cols×rows] */
export function transpose(matrix, rows, cols) {
  const out = new Float64Array(matrix.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = matrix[r * cols + c];
  return out;
}
