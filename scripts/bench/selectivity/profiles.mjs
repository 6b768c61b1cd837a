// What a hidden neuron answers to each class of Fashion-MNIST.
import { sampleCorrelation } from 'simple-statistics';

export const CLASSES = [
  ...['T-shirt', 'trouser', 'pullover', 'dress', 'coat'],
  ...['sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'],
];

/**
 * Class profiles of neurons: the mean value on each class's images less the mean of these.
 *
 * @param values [N×m]
 * @param labels [N]
 * @returns [m][classes]
 */
export function profilesOf(values, labels, neurons) {
  const sums = Array.from({ length: neurons }, () => new Float64Array(CLASSES.length));
  const counts = new Float64Array(CLASSES.length);
  for (const [image, label] of labels.entries()) {
    counts[label]++;
    for (let neuron = 0; neuron < neurons; neuron++) sums[neuron][label] += values[image * neurons + neuron];
  }
  return sums.map((sum) => {
    const means = Array.from(sum, (total, label) => total / counts[label]);
    const middle = means.reduce((a, b) => a + b) / CLASSES.length;
    return means.map((mean) => mean - middle);
  });
}

/**
 * How two neurons agree, pair by pair.
 *
 * @param odd φ(−s) = −φ(s): a neuron and its negative are the same neuron, so profiles agree up to a sign
 * @returns {{correlation, same}} [m×m]: correlation of the profiles over classes; whether both answer most to one class
 */
export function agreementOf(profiles, odd) {
  const m = profiles.length;
  const [correlation, same] = [new Float64Array(m * m), new Float64Array(m * m)];
  const strongest = profiles.map((profile) => strongestClass(profile, odd));
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < i; j++) {
      const found = correlationOf(profiles[i], profiles[j]);
      const value = odd ? Math.abs(found) : found;
      for (const at of [i * m + j, j * m + i]) {
        correlation[at] = value;
        same[at] = strongest[i] === strongest[j] ? 1 : 0;
      }
    }
  }
  return { correlation, same };
}

/** The class that a neuron answers to most. */
export function strongestClass(profile, odd) {
  const sizes = odd ? profile.map(Math.abs) : profile;
  return sizes.indexOf(Math.max(...sizes));
}

/** 0 where a neuron answers to all classes alike, such as one that is never active. */
function correlationOf(a, b) {
  const found = sampleCorrelation(a, b);
  return Number.isFinite(found) ? found : 0;
}
