import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { withModel } from '../../lib/model/open_model.ts';
import { ModelProtoSchema } from '../../lib/onnx/proto/onnx_pb.js';
import { floatAttribute, GraphBuilder, intAttribute, intsAttribute, type Storage } from './support/builder.ts';
import { compressed, folderPerTest, graphOf, writeModel } from './support/files.ts';
import {
  first,
  INPUTS,
  type Make,
  matMul,
  NEURONS,
  network,
  OUTPUTS,
  product,
  relu,
  second,
} from './support/layers.ts';
import { runOnnx } from './support/run.ts';

const domain = 'com.microsoft';
const at = folderPerTest();

/** Found, the same at full width, narrower at half, and the original bit for bit. */
async function goThrough(builder: GraphBuilder, shape: readonly number[]) {
  const path = writeModel(at('in'), builder);
  const { blocks, leftAlone } = await graphOf(path);
  expect(leftAlone).toEqual([]);
  const file = await compressed(path);
  await file.recoverTo(at('back.onnx'));
  const original = readFileSync(path);
  expect(readFileSync(at('back.onnx')).equals(original)).toBe(true);
  const x = Float32Array.from({ length: shape.reduce((count, size) => count * size, 1) }, (_, n) => Math.sin(n));
  const expected = await runOnnx(original, x, shape);
  await file.writeSkeleton(at('full.onnx'), await file.skeleton('full'));
  expect(await runOnnx(readFileSync(at('full.onnx')), x, shape)).toEqual(expected);
  await file.writeSkeleton(at('half.onnx'), await file.skeleton(0.5));
  const half = await runOnnx(readFileSync(at('half.onnx')), x, shape);
  expect(half.dims).toEqual(expected.dims);
  const sizes = await withModel(at('half.onnx'), async ({ graph }) => graph!.blocks.map(({ neurons }) => neurons));
  expect(sizes).toEqual(blocks.map(({ neurons }) => neurons / 2));
  return blocks;
}

/** A convolution of one place; with biases of its own, added ones, or none. */
const conv =
  (name: string, [inputs, outputs]: readonly [number, number], rank: number, bias: 'own' | 'added' | 'none'): Make =>
  (graph, x) => {
    const ones = new Array<number>(rank).fill(1);
    const weights = graph.weights(`${name}.weight`, [outputs, inputs, ...ones]);
    const own = bias === 'own' ? [graph.weights(`${name}.bias`, [outputs])] : [];
    const y = graph.node('Conv', [x, weights, ...own], { attribute: [intsAttribute('kernel_shape', ones)] });
    return bias === 'added' ? graph.node('Add', [y, graph.weights(`${name}.bias`, [1, outputs, ...ones])]) : y;
  };

const cast =
  (to: number): Make =>
  (graph, x) =>
    graph.node('Cast', [x], { attribute: [intAttribute('to', to)] });

/** A linear layer whose weights and biases are stored in half precision, and cast for it. */
const halved =
  (name: string, sizes: readonly [number, number]): Make =>
  (graph, x) => {
    const storage: Storage = { dtype: 'F16' };
    const weights = cast(1)(graph, graph.weights(`${name}.weight`, sizes, storage));
    const bias = cast(1)(graph, graph.weights(`${name}.bias`, [sizes[1]], storage));
    return graph.node('Add', [graph.node('MatMul', [x, weights]), bias]);
  };

const WIDE = [INPUTS, NEURONS] as const;
const NARROW = [NEURONS, OUTPUTS] as const;

describe('convolutions of one place', () => {
  it.each<[string, number, 'own' | 'added' | 'none']>([
    ['of images', 2, 'own'],
    ['of images, biases added', 2, 'added'],
    ['of sequences, without biases', 1, 'none'],
    ['of volumes', 3, 'own'],
  ])('are a hidden layer: %s', async (_, rank, bias) => {
    const graph = new GraphBuilder(5);
    const places = [2, 3, 2].slice(0, rank);
    const x = graph.input('x', ['n', INPUTS, ...places]);
    const hidden = conv('fc1', WIDE, rank, bias)(graph, x);
    graph.describe(hidden, ['n', NEURONS, ...places]);
    graph.output(conv('fc2', NARROW, rank, bias)(graph, relu(graph, hidden)), ['n', OUTPUTS, ...places]);
    const blocks = await goThrough(graph, [3, INPUTS, ...places]);
    const name = bias === 'none' ? undefined : 'fc1.bias';
    expect(blocks).toMatchObject([{ name: 'fc1', neurons: NEURONS, inputs: INPUTS, outputs: OUTPUTS, bias: name }]);
    const { initializer, valueInfo } = fromBinary(ModelProtoSchema, readFileSync(at('half.onnx'))).graph!;
    const sizes = new Map(initializer.map((tensor) => [tensor.name, tensor.dims.map(Number)]));
    const ones = new Array<number>(rank).fill(1);
    expect(sizes.get('fc1.weight')).toEqual([NEURONS / 2, INPUTS, ...ones]);
    expect(sizes.get('fc2.weight')).toEqual([OUTPUTS, NEURONS / 2, ...ones]);
    if (bias === 'added') expect(sizes.get('fc1.bias')).toEqual([1, NEURONS / 2, ...ones]);
    expect(valueInfo).toEqual([]);
  });

  it('are none with larger kernels or groups, which is said', async () => {
    const graph = new GraphBuilder(5);
    const x = graph.input('x', ['n', 4, 8]);
    const grouped = { attribute: [intAttribute('group', 4)] };
    const wide = conv('wide', [4, 4], 1, 'own')(graph, x);
    const apart = graph.node('Conv', [wide, graph.weights('apart.weight', [4, 1, 1])], grouped);
    const narrow = conv('narrow', [4, 4], 1, 'own')(graph, relu(graph, apart));
    graph.output(graph.node('Conv', [narrow, graph.weights('kernel', [4, 4, 3])]), ['n', 4, 6]);
    const { blocks, leftAlone, remarks } = await graphOf(writeModel(at('in'), graph));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ tensor: 'wide.weight', why: expect.stringMatching(/Conv ".*" of 4 groups/) }]);
    expect(remarks).toEqual(['2 Conv (kernels larger than 1, or groups)']);
  });
});

describe('weights that nodes cast', () => {
  it('are those of a hidden layer, and stay as they are stored', async () => {
    const doubled: Make = (graph, x) => graph.node('Mul', [x, cast(1)(graph, graph.scalar(2, [], 'F16'))]);
    const silu: Make = (graph, x) => graph.node('Mul', [x, graph.node('Sigmoid', [doubled(graph, x)])]);
    expect((await graphOf(writeModel(at('other'), network([first, silu, second])))).leftAlone).toMatchObject([
      { why: expect.stringMatching(/^what stands behind it \(Mul, Sigmoid\)/) },
    ]);
    const graph = network([halved('fc1', WIDE), relu, halved('fc2', NARROW)]);
    const blocks = await goThrough(graph, [3, INPUTS]);
    expect(blocks).toMatchObject([{ name: 'fc1', bias: 'fc1.bias', input: { tensor: 'fc1.weight' } }]);
    const { initializer } = fromBinary(ModelProtoSchema, readFileSync(at('half.onnx'))).graph!;
    // Half precision is type 10, of two bytes.
    expect(initializer.map(({ dataType }) => dataType)).toEqual([10, 10, 10, 10]);
    expect(initializer[0]!.rawData.byteLength).toBe((2 * INPUTS * NEURONS) / 2);
  });

  it('are left alone where another node reads them, too', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', ['n', INPUTS]);
    graph.output(second(graph, relu(graph, halved('fc1', WIDE)(graph, x))), ['n', OUTPUTS]);
    const made = graph.nodes.find(({ opType }) => opType === 'Cast')!.output![0]!;
    graph.output(graph.node('MatMul', [x, made]), ['n', NEURONS]);
    const { blocks, leftAlone } = await graphOf(writeModel(at('in'), graph));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ tensor: 'fc1.weight', why: expect.stringMatching(/reads its hidden values/) }]);
  });
});

describe('what onnxruntime fuses', () => {
  it.each<[string, string]>([
    ['BiasGelu', 'gelu'],
    ['FastGelu', 'gelu_tanh'],
  ])('%s adds the biases of the layer', async (opType, name) => {
    const gelu: Make = (graph, x) => graph.node(opType, [x, graph.weights('fc1.bias', [NEURONS])], { domain });
    const blocks = await goThrough(network([product('fc1', WIDE), gelu, second]), [3, INPUTS]);
    expect(blocks).toMatchObject([{ activation: { name }, bias: 'fc1.bias' }]);
  });

  it('BiasGelu with biases beside those of the layer is left alone', async () => {
    const gelu: Make = (graph, x) => graph.node('BiasGelu', [x, graph.weights('more', [NEURONS])], { domain });
    const { blocks, leftAlone } = await graphOf(writeModel(at('in'), network([first, gelu, second])));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ why: expect.stringMatching(/^BiasGelu .* stands behind it/) }]);
  });

  it('FusedMatMul multiplies by transposed weights', async () => {
    const fused =
      (name: string, [inputs, outputs]: readonly [number, number]): Make =>
      (graph, x) => {
        const weights = graph.weights(`${name}.weight`, [outputs, inputs]);
        const y = graph.node('FusedMatMul', [x, weights], { domain, attribute: [intAttribute('transB', 1)] });
        return graph.node('Add', [y, graph.weights(`${name}.bias`, [outputs])]);
      };
    const blocks = await goThrough(network([fused('fc1', WIDE), relu, fused('fc2', NARROW)]), [3, INPUTS]);
    expect(blocks).toMatchObject([{ name: 'fc1', input: { transposed: false }, output: { transposed: true } }]);
  });
});

describe('activations with limits', () => {
  const limits =
    (low: number, high?: number): Make =>
    (graph, x) =>
      graph.node('Clip', [x, graph.scalar(low), ...(high === undefined ? [] : [graph.scalar(high)])]);
  it.each<[string, Make, object]>([
    ['Clip from 0', limits(0), { name: 'relu' }],
    ['Max of 0', (graph, x) => graph.node('Max', [graph.scalar(0, [1, 1]), x]), { name: 'relu' }],
    ['PRelu of one slope', (graph, x) => graph.node('PRelu', [x, graph.scalar(0.25, [1])]), { name: 'leaky_relu' }],
    [
      'Max of a LeakyRelu and 0',
      (graph, x) => graph.node('Max', [graph.node('LeakyRelu', [x]), graph.scalar(0)]),
      { name: 'relu' },
    ],
    [
      'Mul by a Sigmoid that is cast',
      (graph, x) => graph.node('Mul', [x, cast(1)(graph, graph.node('Sigmoid', [x]))]),
      { name: 'silu' },
    ],
  ])('are those without where they have none: %s', async (_, make, activation) => {
    expect(await goThrough(network([first, make, second]), [3, INPUTS])).toMatchObject([{ activation }]);
  });

  it.each<[string, Make, string]>([
    ['Clip that is a constant at 0', limits(2, 5), 'Clip'],
    [
      'Celu of another depth',
      (graph, x) => graph.node('Celu', [x], { attribute: [floatAttribute('alpha', 2)] }),
      'Celu',
    ],
    ['Softsign', (graph, x) => graph.node('Softsign', [x]), 'Softsign'],
  ])('and others are named: %s', async (_, make, operators) => {
    const { blocks, leftAlone } = await graphOf(writeModel(at('in'), network([first, make, second])));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([
      { why: `what stands behind it (${operators}) is no activation that hermkit knows` },
    ]);
  });
});

describe('what is left alone', () => {
  it('is quantised layers, with what to do', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', ['n', INPUTS]);
    graph.initializers.push(
      { name: 'q', dims: [5n, 12n], dataType: 3, rawData: new Uint8Array(60) },
      { name: 'p', dims: [12n, 4n], dataType: 3, rawData: new Uint8Array(48) },
    );
    const scale = graph.scalar(0.1);
    const wide = graph.node('MatMul', [x, graph.node('DequantizeLinear', ['q', scale])]);
    const bytes = ['y', 'y_scale', 'y_zero'];
    graph.node('DynamicQuantizeLinear', [relu(graph, wide)], { output: bytes });
    graph.output(graph.node('Cast', [graph.node('MatMulInteger', ['y', 'p'])]), ['n', OUTPUTS]);
    const path = writeModel(at('in'), graph);
    expect((await graphOf(path)).remarks).toEqual([
      '1 MatMul, 1 MatMulInteger (quantised, and neurons can only be merged in floating-point numbers: use the model before its quantisation)',
    ]);
    await expect(compressed(path)).rejects.toMatchObject({
      code: 'NO_BLOCKS',
      message: expect.stringMatching(/Left alone: 1 MatMul, 1 MatMulInteger \(quantised, .*quantisation\)\.$/),
    });
  });

  it('is weights that nodes compute', async () => {
    const reshaped: Make = (graph, x) => {
      graph.initializers.push({ name: 'shape', dims: [2n], dataType: 7, int64Data: [5n, 12n] });
      return graph.node('MatMul', [x, graph.node('Reshape', [graph.weights('w', [60]), 'shape'])]);
    };
    const { blocks, remarks } = await graphOf(writeModel(at('in'), network([reshaped, relu, second])));
    expect(blocks).toEqual([]);
    expect(remarks).toEqual(['1 MatMul (weights that Reshape computes)']);
  });

  it('is layers with a normalisation in parts between them', async () => {
    const norm: Make = (graph, x) => {
      const centred = graph.node('Sub', [x, graph.node('ReduceMean', [x])]);
      const scaled = graph.node('Mul', [centred, graph.weights('scale', [NEURONS])]);
      return graph.node('Add', [scaled, graph.weights('shift', [NEURONS])]);
    };
    const { blocks, leftAlone } = await graphOf(writeModel(at('in'), network([first, norm, relu, second])));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ tensor: 'fc1.weight', why: expect.stringMatching(/^ReduceMean .* behind it/) }]);
  });

  it('is not layers whose input is added behind them', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', ['n', INPUTS]);
    const sum = graph.node('Add', [matMul('fc1', [INPUTS, INPUTS])(graph, x), x]);
    graph.output(matMul('fc2', [INPUTS, OUTPUTS])(graph, graph.node('Softmax', [sum])), ['n', OUTPUTS]);
    expect((await graphOf(writeModel(at('in'), graph))).leftAlone).toEqual([]);
  });
});
