import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certifyWidths, relativeError, skeletonWeights } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import { compress, openHerm } from '../../lib/index.ts';
import { activationText } from '../../lib/model/activation_option.ts';
import type { ActivationName } from '../../lib/model/block.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { serializeSafetensors } from '../../lib/model/safetensors_write.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { toFloat64 } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import type { NativeBlock, NativeMatrix } from '../../lib/native/binding.ts';
import { randomBlock } from '../binding/support/random_block.ts';
import { makeNetwork } from '../format/support/network.ts';
import { Random } from '../format/support/random.ts';
import { gaussian } from '../format/support/values.ts';
import { FUNCTIONS } from './oracle/activations.ts';

const NAMES: readonly ActivationName[] = [
  'relu6',
  'hard_tanh',
  'hard_sigmoid',
  'hard_swish',
  'elu',
  'selu',
  'softplus',
  'mish',
];
const SLOPE = 0.1;
type Affine = readonly [number, number, number, number];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-activations-'));
});
afterAll(() => rm(folder, { recursive: true }));

const numbers = ({ data }: NativeMatrix) => new Float64Array(data.slice().buffer);

/** What a block computes of rows of inputs, by its definition. */
function slowOutputs({ input, bias, output }: NativeBlock, phi: (x: number) => number, x: Float64Array): Float64Array {
  const [w, b, v] = [numbers(input), numbers(bias!), numbers(output)];
  const [m, n, p] = [input.rows, input.cols, output.cols];
  const rows = x.length / n;
  const y = new Float64Array(rows * p);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < m; i++) {
      let s = b[i]!;
      for (let c = 0; c < n; c++) s += w[i * n + c]! * x[row * n + c]!;
      for (let o = 0; o < p; o++) y[row * p + o]! += phi(s) * v[i * p + o]!;
    }
  }
  return y;
}

describe('activations of every form', () => {
  it.each(NAMES)('%s: certified errors are those of the function as it is written, on many inputs', async (name) => {
    const { block: plain, weights } = randomBlock(14, 3, 2, name, 5);
    const block = { ...plain, activation: { name, slope: SLOPE } };
    const tree = await buildTree(block, weights);
    const random = new Random(11);
    const x = Float64Array.from({ length: 3 * 40_000 }, () => random.gauss());
    const wanted = slowOutputs(weights, FUNCTIONS[name]!, x);
    const widths = [10, 5];
    const errors = await certifyWidths(block, weights, tree, widths);
    for (const [at, width] of widths.entries()) {
      const kept = await skeletonWeights(block, weights, tree, width);
      const found = relativeError(wanted, slowOutputs(kept.weights, FUNCTIONS[name]!, x));
      expect(Math.abs(errors[at]! / found - 1)).toBeLessThan(0.04);
    }
  });

  it.each<[ActivationName, Affine?]>([
    ...NAMES.map((name): [ActivationName] => [name]),
    ['hard_swish', [0.5, -1.25, 4.75, 1.5]],
  ])('%s %j: a file says it, and networks of it compute it', async (name, affine) => {
    const text = activationText({ name, slope: SLOPE, affine });
    const [a, shift, scale, d] = affine ?? [1, 0, 1, 0];
    const phi = (x: number) => scale * FUNCTIONS[name]!(a * x + shift) + d;
    const { tensors } = makeNetwork(new Random(2), {
      ...{ sizes: [5, 16, 3], dtypes: ['F32'], biases: true, transposed: false, values: gaussian },
    });
    const path = join(folder, `${name}.herm`);
    await compress(bufferSource(serializeSafetensors(tensors), 'model.safetensors'), path, {
      activation: text,
      refit: [0.5],
    });
    const file = await openHerm(path);
    expect(file.blocks.map(({ activation }) => activationText(activation))).toEqual([text]);
    const x = Float64Array.from({ length: 50 }, (_, k) => 2 * Math.sin(7 * k));
    for (const width of [1, 0.5]) {
      const lookup = lookupIn((await file.skeleton(width)).tensors);
      const outputs = await forward(mlpLayers(file.blocks, lookup), x, 10);
      const [w, b, v, c] = ['fc0.weight', 'fc0.bias', 'fc1.weight', 'fc1.bias'].map((key) => toFloat64(lookup(key)));
      const neurons = b!.length;
      outputs.forEach((output, at) => {
        const [row, o] = [Math.floor(at / 3), at % 3];
        let sum = c![o]!;
        for (let i = 0; i < neurons; i++) {
          let s = b![i]!;
          for (let k = 0; k < 5; k++) s += w![i * 5 + k]! * x[row * 5 + k]!;
          sum += phi(s) * v![o * neurons + i]!;
        }
        expect(output).toBeCloseTo(sum, 9);
      });
    }
    await file.close();
  });
});
