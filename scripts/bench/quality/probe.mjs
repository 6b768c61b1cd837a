// A logistic regression on embeddings, trained once on those of the whole model.

const STEPS = 300;
const RATE = 1;
const DECAY = 1e-3;

const score = ({ weights, bias }, row) => row.reduce((sum, x, c) => sum + x * weights[c], bias);

/** @param rows [N][n] of unit length @param labels [N] booleans */
export function trainProbe(rows, labels) {
  const probe = { weights: new Float64Array(rows[0].length), bias: 0 };
  for (let step = 0; step < STEPS; step++) {
    const gradient = new Float64Array(probe.weights.length);
    let slope = 0;
    for (const [at, row] of rows.entries()) {
      const error = 1 / (1 + Math.exp(-SHARPNESS * score(probe, row))) - Number(labels[at]);
      slope += error;
      for (const [c, x] of row.entries()) gradient[c] += error * x;
    }
    for (const [c, g] of gradient.entries()) probe.weights[c] -= RATE * (g / rows.length + DECAY * probe.weights[c]);
    probe.bias -= (RATE * slope) / rows.length;
  }
  return probe;
}

// Embeddings have unit length: their coordinates are small.
const SHARPNESS = 20;

/** The share of rows on the right side. */
export const probeAccuracy = (probe, rows, labels) =>
  rows.filter((row, at) => score(probe, row) > 0 === labels[at]).length / rows.length;
