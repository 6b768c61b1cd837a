import { describe, expect, it } from 'vitest';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { toFloat64 } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { floatAttribute, stringAttribute } from './support/builder.ts';
import { folderPerTest } from './support/files.ts';
import { first, INPUTS, type Make, NEURONS, network, OUTPUTS, relu, second } from './support/layers.ts';
import { roundTrips } from './support/round_trip.ts';

const MICROSOFT = 'com.microsoft';
const ROWS = 3;
const goThrough = roundTrips(folderPerTest());

const halved: Make = (graph, x) => graph.node('Mul', [x, graph.scalar(0.5)]);
const onePlus: Make = (graph, x) => graph.node('Add', [graph.scalar(1, [1]), x]);
const erf: Make = (graph, x) => graph.node('Erf', [graph.node('Div', [x, graph.scalar(Math.fround(Math.SQRT2))])]);
const cubic: Make = (graph, x) => {
  const cube = graph.node('Mul', [graph.node('Pow', [x, graph.scalar(3)]), graph.scalar(0.044715)]);
  return graph.node('Mul', [graph.node('Add', [x, cube]), graph.scalar(0.7978845608)]);
};
const plain =
  (opType: string): Make =>
  (graph, x) =>
    graph.node(opType, [x]);

const clip =
  (low: number, high: number): Make =>
  (graph, x) =>
    graph.node('Clip', [x, graph.scalar(low), graph.scalar(high)]);
const gate: Make = (graph, x) => graph.node('HardSigmoid', [x], { attribute: [floatAttribute('alpha', 1 / 6)] });

const ACTIVATIONS: readonly [string, Make, { name: string; slope?: number; affine?: number[] }, opset?: number][] = [
  ['Relu', plain('Relu'), { name: 'relu' }],
  ['Tanh', plain('Tanh'), { name: 'tanh' }],
  ['Sigmoid', plain('Sigmoid'), { name: 'sigmoid', slope: 1 }],
  ['LeakyRelu', plain('LeakyRelu'), { name: 'leaky_relu', slope: Math.fround(0.01) }],
  [
    'LeakyRelu with a slope',
    (graph, x) => graph.node('LeakyRelu', [x], { attribute: [floatAttribute('alpha', 0.25)] }),
    { name: 'leaky_relu', slope: 0.25 },
  ],
  ['Gelu', plain('Gelu'), { name: 'gelu' }],
  [
    'Gelu by tanh',
    (graph, x) => graph.node('Gelu', [x], { attribute: [stringAttribute('approximate', 'tanh')] }),
    { name: 'gelu_tanh' },
  ],
  ['Gelu of onnxruntime', (graph, x) => graph.node('Gelu', [x], { domain: MICROSOFT }), { name: 'gelu' }],
  ['FastGelu of onnxruntime', (graph, x) => graph.node('FastGelu', [x], { domain: MICROSOFT }), { name: 'gelu_tanh' }],
  [
    'QuickGelu of onnxruntime',
    (graph, x) => graph.node('QuickGelu', [x], { domain: MICROSOFT }),
    { name: 'quick_gelu' },
  ],
  [
    'GELU as x (1 + Erf) / 2',
    (graph, x) => halved(graph, graph.node('Mul', [x, onePlus(graph, erf(graph, x))])),
    { name: 'gelu' },
  ],
  [
    'GELU as (x / 2)(1 + Erf)',
    (graph, x) => graph.node('Mul', [halved(graph, x), onePlus(graph, erf(graph, x))]),
    { name: 'gelu' },
  ],
  [
    'GELU by tanh in ten nodes',
    (graph, x) => graph.node('Mul', [halved(graph, x), onePlus(graph, graph.node('Tanh', [cubic(graph, x)]))]),
    { name: 'gelu_tanh' },
  ],
  ['x·Sigmoid(x)', (graph, x) => graph.node('Mul', [x, graph.node('Sigmoid', [x])]), { name: 'silu' }],
  ['Sigmoid(x)·x', (graph, x) => graph.node('Mul', [graph.node('Sigmoid', [x]), x]), { name: 'silu' }],
  [
    'x·Sigmoid(1.702 x)',
    (graph, x) => graph.node('Mul', [x, graph.node('Sigmoid', [graph.node('Mul', [graph.scalar(1.702), x])])]),
    { name: 'quick_gelu' },
  ],
  [
    'Relu squared by Mul',
    (graph, x) => {
      const positive = graph.node('Relu', [x]);
      return graph.node('Mul', [positive, positive]);
    },
    { name: 'relu2' },
  ],
  [
    'Relu squared by Pow',
    (graph, x) => graph.node('Pow', [graph.node('Relu', [x]), graph.scalar(2)]),
    { name: 'relu2' },
  ],
  [
    '1 / (1 + exp(−2x))',
    (graph, x) => {
      const power = graph.node('Exp', [graph.node('Neg', [graph.node('Mul', [x, graph.scalar(2)])])]);
      return graph.node('Reciprocal', [onePlus(graph, power)]);
    },
    { name: 'sigmoid', slope: 2 },
  ],
  ['Clip to 0 … 6', clip(0, 6), { name: 'relu6' }],
  ['Min of a Relu and 6', (graph, x) => graph.node('Min', [relu(graph, x), graph.scalar(6)]), { name: 'relu6' }],
  [
    'Clip before opset 11',
    (graph, x) => graph.node('Clip', [x], { attribute: [floatAttribute('min', 0), floatAttribute('max', 6)] }),
    { name: 'relu6' },
    9,
  ],
  ['Clip to −1 … 1', clip(-1, 1), { name: 'hard_tanh' }],
  ['HardSigmoid', plain('HardSigmoid'), { name: 'hard_sigmoid', slope: Math.fround(0.2) }],
  ['HardSigmoid of PyTorch', gate, { name: 'hard_sigmoid', slope: 1 / 6 }],
  ['HardSwish', plain('HardSwish'), { name: 'hard_swish' }],
  ['x·HardSigmoid(x)', (graph, x) => graph.node('Mul', [x, gate(graph, x)]), { name: 'hard_swish' }],
  [
    'x·Clip(x + 3, 0, 6) / 6',
    (graph, x) => {
      const open = clip(0, 6)(graph, graph.node('Add', [x, graph.scalar(3)]));
      return graph.node('Div', [graph.node('Mul', [x, open]), graph.scalar(6)]);
    },
    { name: 'hard_swish' },
  ],
  ['Elu', plain('Elu'), { name: 'elu', slope: 1 }],
  [
    'Elu of half the depth',
    (graph, x) => graph.node('Elu', [x], { attribute: [floatAttribute('alpha', 0.5)] }),
    { name: 'elu', slope: 0.5 },
  ],
  ['Celu', plain('Celu'), { name: 'elu', slope: 1 }],
  [
    'ELU by Where',
    (graph, x) => {
      const below = graph.node('Sub', [graph.node('Exp', [x]), graph.scalar(1)]);
      return graph.node('Where', [graph.node('Greater', [x, graph.scalar(0)]), x, below]);
    },
    { name: 'elu', slope: 1 },
  ],
  ['Selu', plain('Selu'), { name: 'selu' }],
  ['Softplus', plain('Softplus'), { name: 'softplus' }],
  [
    'Softplus of PyTorch, with its threshold',
    (graph, x) => {
      const far = graph.node('Greater', [x, graph.scalar(20)]);
      return graph.node('Where', [far, x, graph.node('Softplus', [x])]);
    },
    { name: 'softplus' },
  ],
  ['log(1 + exp(x))', (graph, x) => graph.node('Log', [onePlus(graph, graph.node('Exp', [x]))]), { name: 'softplus' }],
  ['Mish', plain('Mish'), { name: 'mish' }],
  [
    'x·Tanh(Softplus(x))',
    (graph, x) => graph.node('Mul', [x, graph.node('Tanh', [graph.node('Softplus', [x])])]),
    { name: 'mish' },
  ],
  ['Clip to 0 … 20', clip(0, 20), { name: 'hard_tanh', affine: [0.1, -1, 10, 10] }],
  ['Clip to −2 … 2', clip(-2, 2), { name: 'hard_tanh', affine: [0.5, 0, 2, 0] }],
  [
    'Min of a Relu and 300',
    (graph, x) => graph.node('Min', [relu(graph, x), graph.scalar(300)]),
    { name: 'hard_tanh', affine: [1 / 150, -1, 150, 150] },
  ],
  [
    'HardSigmoid off its middle',
    (graph, x) => graph.node('HardSigmoid', [x], { attribute: [floatAttribute('beta', 0.25)] }),
    { name: 'hard_tanh', affine: [0.4, -0.5, 0.5, 0.5] },
  ],
  [
    'a hard swish between lines, as PaddleOCR learns it',
    (graph, x) => {
      const before = graph.node('Add', [graph.node('Mul', [graph.scalar(0.5), x]), graph.scalar(-1.25)]);
      const open = clip(0, 6)(graph, graph.node('Add', [before, graph.scalar(3)]));
      const core = graph.node('Div', [graph.node('Mul', [before, open]), graph.scalar(6)]);
      return graph.node('Add', [graph.node('Mul', [graph.scalar(4.75), core]), graph.scalar(1.5)]);
    },
    { name: 'hard_swish', affine: [0.5, -1.25, 4.75, 1.5] },
  ],
  [
    'Softplus(2x) / 2',
    (graph, x) => {
      const steep = graph.node('Softplus', [graph.node('Mul', [x, graph.scalar(2)])]);
      return graph.node('Div', [steep, graph.scalar(2)]);
    },
    { name: 'softplus', affine: [2, 0, 0.5, 0] },
  ],
  [
    '1.75 Tanh(x / 2)',
    (graph, x) =>
      graph.node('Mul', [graph.node('Tanh', [graph.node('Div', [x, graph.scalar(2)])]), graph.scalar(1.75)]),
    { name: 'tanh', affine: [0.5, 0, 1.75, 0] },
  ],
  [
    '1 − Relu(x)',
    (graph, x) => graph.node('Sub', [graph.scalar(1), relu(graph, x)]),
    { name: 'relu', affine: [1, 0, -1, 1] },
  ],
];

describe('an activation in an ONNX graph', () => {
  it.each(ACTIVATIONS)('is found and comes back: %s', async (_, activation, { name, slope, affine }, opset) => {
    const model = network([first, activation, second]);
    const { blocks, leftAlone, half, x, smaller } = await goThrough(model, [ROWS, INPUTS], { opset });
    expect(leftAlone).toEqual([]);
    expect(blocks).toMatchObject([
      { name: 'fc1', activation: { name }, neurons: NEURONS, inputs: INPUTS, outputs: OUTPUTS, bias: 'fc1.bias' },
    ]);
    const found = blocks[0]!.activation;
    if (slope !== undefined) expect(found.slope).toBeCloseTo(slope, 6);
    expect(found.affine === undefined).toBe(affine === undefined);
    for (const [at, number] of affine?.entries() ?? []) expect(found.affine![at]).toBeCloseTo(number, 6);

    // At half width onnxruntime computes what hermkit's own layers do.
    const lookup = lookupIn(half.tensors);
    const bias = toFloat64(lookup('fc2.bias'));
    const outputs = await forward(mlpLayers(blocks, lookup), Float64Array.from(x), ROWS);
    for (const [at, value] of outputs.entries()) {
      expect(smaller.data[at]).toBeCloseTo(value + bias[at % OUTPUTS]!, 4);
    }
  });
});
