// HERM's skeletons as plans (layer.mjs).
import { toFloat64 } from '../../../dist/index.mjs';

const numbers = ({ buffer, byteOffset, byteLength, length }) =>
  toFloat64({
    name: 'coefficients',
    dtype: 'F16',
    shape: [length],
    data: new Uint8Array(buffer, byteOffset, byteLength),
  });

/** A function from k to the plan of the skeleton of k neurons. @param b [m] the block's biases */
export function skeletonPlans(tree, b) {
  const [alpha, beta] = [numbers(tree.alpha), numbers(tree.beta)];
  return (k) => {
    const members = Array.from({ length: tree.neurons }, (_, i) => [i]);
    const input = new Float64Array(tree.neurons).fill(1);
    const output = new Float64Array(tree.neurons).fill(1);
    const biases = Float64Array.from(b);
    for (let t = 0; t < tree.neurons - k; t++) {
      for (const child of [2 * t, 2 * t + 1]) {
        for (const i of members[tree.pairs[child]]) {
          input[i] *= alpha[child];
          output[i] *= beta[child];
        }
      }
      const [slot, gone] = tree.pairs.subarray(2 * t, 2 * t + 2);
      members[slot].push(...members[gone]);
      members[gone] = [];
      biases[slot] = tree.bias[t];
    }
    const to = new Int32Array(tree.neurons);
    const slots = [...members.keys()].filter((slot) => members[slot].length > 0);
    slots.forEach((slot, at) => {
      for (const i of members[slot]) to[i] = at;
    });
    return { k, to, input, output, bias: Float64Array.from(slots, (slot) => biases[slot]) };
  };
}
