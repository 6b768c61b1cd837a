// Synthetic blocks: seeded, float32, stored as PyTorch stores them.
import { randomLcg, randomNormal, randomUniform } from 'd3-random';
import { blockWeights, lookupIn } from '../../../dist/index.mjs';

/** What a block's weights look like. */
export const KINDS = ['iid', 'lognormal', 'duplicates'];

const OUTPUT_STD = 0.02;
const BIAS_STD = 0.02;
const DUPLICATE_SHARE = 0.3;
const SCALES = [0.5, 2];

export const GPT2 = { neurons: 3072, inputs: 768, outputs: 768, activation: 'gelu', bias: true };
export const LLAMA_7B = { neurons: 11008, inputs: 4096, outputs: 4096, activation: 'silu', gated: true };

/**
 * A block with Gaussian weights of standard deviation 1/√n (input, gate) and 0.02 (output, biases). `lognormal`: every
 * neuron's output weights times exp(N(0, 1)). `duplicates`: 30% of the neurons copy another's input weights and bias, and
 * its output weights with a factor between ½ and 2;
 * `scaled`: they copy all three with a factor each; `inputs`: input weights and bias only.
 *
 * @returns {{block, weights, tensors}} the block, its weights as kernels take them, and as the tensors of a file
 */
export function syntheticBlock({ neurons, inputs, outputs, activation, bias, gated, kind = 'iid', seed = 1 }) {
  const source = randomLcg(seed);
  const normal = randomNormal.source(source)(0, 1);
  const fill = (name, shape, std) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let at = 0; at < values.length; at++) values[at] = std * normal();
    return { name, shape, values };
  };
  const projections = gated ? ['gate_proj', 'up_proj', 'down_proj'] : ['fc0', 'fc1'];
  const down = fill(`${projections.at(-1)}.weight`, [outputs, neurons], OUTPUT_STD);
  const hidden = projections
    .slice(0, -1)
    .map((name) => fill(`${name}.weight`, [neurons, inputs], 1 / Math.sqrt(inputs)));
  const biases = bias ? [fill('fc0.bias', [neurons], BIAS_STD)] : [];
  if (kind === 'lognormal') scaleOutputs(down, () => Math.exp(normal()));
  if (kind === 'duplicates') duplicate([...hidden, ...biases], down, source, [1, 1], SCALES);
  if (kind === 'scaled') duplicate([...hidden, ...biases], down, source, SCALES, SCALES);
  if (kind === 'inputs') duplicate([...hidden, ...biases], down, source, [1, 1], undefined);

  const tensors = [...hidden, ...biases, down].map(toTensor);
  const row = ({ name, shape }) => ({ tensor: name, rows: shape[0], cols: shape[1], transposed: false });
  const block = {
    name: projections.at(-2),
    activation: { name: activation, slope: 1 },
    neurons,
    inputs,
    outputs,
    // Of a gated block, `input` is what the gate multiplies.
    input: row(hidden.at(-1)),
    bias: biases[0]?.name,
    output: { ...row(down), transposed: true },
    outputBias: undefined,
    ...(gated && { gate: { weight: row(hidden[0]), bias: undefined } }),
  };
  return { block, weights: blockWeights(block, lookupIn(tensors)), tensors };
}

/** Columns of `down` [p×m] times a factor each. */
function scaleOutputs({ shape: [outputs, neurons], values }, factor) {
  const factors = Float64Array.from({ length: neurons }, factor);
  for (let o = 0; o < outputs; o++) for (let i = 0; i < neurons; i++) values[o * neurons + i] *= factors[i];
}

/**
 * Makes a share of the neurons copies of others, times factors from ranges (undefined: no copies). `rows` have neurons as
 * rows, `down` [p×m] as columns.
 */
function duplicate(rows, { shape: [outputs, neurons], values }, source, inputScales, outputScales) {
  const uniform = randomUniform.source(source);
  const order = Uint32Array.from({ length: neurons }, (_, i) => i);
  for (let i = neurons - 1; i > 0; i--) {
    const j = Math.floor(uniform(i + 1)());
    [order[i], order[j]] = [order[j], order[i]];
  }
  const copies = Math.round(DUPLICATE_SHARE * neurons);
  for (let at = 0; at < copies; at++) {
    const to = order[at];
    const from = order[copies + Math.floor(uniform(neurons - copies)())];
    const scale = inputScales[0] === inputScales[1] ? inputScales[0] : uniform(...inputScales)();
    for (const { values: matrix } of rows) {
      const width = matrix.length / neurons;
      for (let e = 0; e < width; e++) matrix[to * width + e] = scale * matrix[from * width + e];
    }
    if (outputScales === undefined) continue;
    const factor = uniform(...outputScales)();
    for (let o = 0; o < outputs; o++) values[o * neurons + to] = factor * values[o * neurons + from];
  }
}

function toTensor({ name, shape, values }) {
  return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
}
