import { describe, expect, it } from 'vitest';
import type { ActivationName } from '../../lib/model/block.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { type Tensor, toFloat64 } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { makeNetwork, type NetworkOptions } from '../format/support/network.ts';
import { Random } from '../format/support/random.ts';
import { gaussian } from '../format/support/values.ts';
import { FUNCTIONS } from './oracle/activations.ts';

const SIZES = [5, 12, 9, 3];
const BATCH = 300;

function network(activation: ActivationName, options: Partial<NetworkOptions> = {}) {
  const plain = { sizes: SIZES, dtypes: ['F32' as const], biases: true, transposed: false, values: gaussian };
  const { tensors, blocks } = makeNetwork(new Random(3), { ...plain, ...options });
  return { tensors, blocks: blocks.map((block) => ({ ...block, activation: { name: activation, slope: 0.1 } })) };
}

const inputs = () => Float64Array.from({ length: BATCH * 5 }, (_, k) => 2 * Math.sin(12.9898 * k));

/** The network by its definition. */
function slowForward(tensors: readonly Tensor[], x: Float64Array, transposed: boolean, phi: (x: number) => number) {
  let values = Array.from({ length: BATCH }, (_, row) => [...x.subarray(row * 5, row * 5 + 5)]);
  SIZES.slice(1).forEach((outputs, layer) => {
    const numbers = (kind: string) => tensors.find(({ name }) => name === `fc${layer}.${kind}`);
    const weight = toFloat64(numbers('weight') as Tensor);
    const bias = numbers('bias');
    const width = SIZES[layer] as number;
    values = values.map((row) =>
      Array.from({ length: outputs }, (_, j) => {
        let sum = bias ? (toFloat64(bias)[j] as number) : 0;
        row.forEach((value, i) => {
          sum += (layer === 0 ? value : phi(value)) * (weight[transposed ? i * outputs + j : j * width + i] as number);
        });
        return sum;
      }),
    );
  });
  return values.flat();
}

describe('forward', () => {
  it.each([
    ...Object.keys(FUNCTIONS).map((name) => [name, {}] as const),
    ['tanh', { biases: false }] as const,
    ['relu', { transposed: true }] as const,
    ['silu', { dtypes: ['F16', 'BF16', 'F64'] }] as const,
  ])('%s %j is the network by its definition', async (name, options) => {
    const { tensors, blocks } = network(name as ActivationName, options as Partial<NetworkOptions>);
    const x = inputs();
    const outputs = await forward(mlpLayers(blocks, lookupIn(tensors)), x, BATCH);
    const phi = FUNCTIONS[name as ActivationName] as (x: number) => number;
    const expected = slowForward(tensors, x, 'transposed' in options, phi);
    expect(outputs).toHaveLength(expected.length);
    expected.forEach((value, k) => {
      expect(outputs[k]).toBeCloseTo(value, 11);
    });
    expect(x).toEqual(inputs());
  });

  it('takes an empty batch', async () => {
    const { tensors, blocks } = network('relu');
    expect(await forward(mlpLayers(blocks, lookupIn(tensors)), new Float64Array(), 0)).toEqual(new Float64Array());
  });

  it('refuses what does not fit', async () => {
    const { tensors, blocks } = network('relu');
    const layers = mlpLayers(blocks, lookupIn(tensors));
    for (const batch of [-1, 0.5, BATCH + 1, Number.NaN]) {
      await expect(forward(layers, inputs(), batch)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    await expect(forward(layers.slice(1), inputs(), BATCH)).rejects.toThrow('300×12 numbers, it was given 1500');
  });
});

describe('mlpLayers', () => {
  const { tensors, blocks } = network('relu');

  it('refuses blocks that are no chain', () => {
    const code = expect.objectContaining({ name: 'HermError', code: 'BAD_ARGUMENT' });
    expect(() => mlpLayers([], lookupIn(tensors))).toThrow(code);
    expect(() => mlpLayers([...blocks].reverse(), lookupIn(tensors))).toThrow(code);
    expect(() => mlpLayers(blocks, lookupIn(tensors.slice(1)))).toThrow(code);
  });
});
