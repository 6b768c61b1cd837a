import { readFileSync, writeFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { openHerm as openSlowly } from '../../lib/decode/index.ts';
import { compress, openHerm, truncate } from '../../lib/index.ts';
import { ModelProtoSchema } from '../../lib/onnx/proto/onnx_pb.js';
import { GraphBuilder, intAttribute, type Storage } from './support/builder.ts';
import { compressed, folderPerTest, graphOf, writeModel } from './support/files.ts';
import {
  first,
  gemm,
  INPUTS,
  type Make,
  matMul,
  NEURONS,
  network,
  OUTPUTS,
  product,
  relu,
  second,
  transposed,
} from './support/layers.ts';
import { roundTrips } from './support/round_trip.ts';

const at = folderPerTest();
const goThrough = roundTrips(at);

const plain =
  (opType: string): Make =>
  (graph, x) =>
    graph.node(opType, [x]);

describe('a hidden layer in an ONNX graph', () => {
  const wide: [number, number] = [INPUTS, NEURONS];
  const narrow: [number, number] = [NEURONS, OUTPUTS];
  it.each<[string, Make, Make]>([
    ['MatMul without biases', product('fc1', wide), product('fc2', narrow)],
    ['Constant nodes', matMul('fc1', wide, { as: 'node' }), matMul('fc2', narrow, { as: 'node' })],
    ['float_data', matMul('fc1', wide, { form: 'floats' }), matMul('fc2', narrow, { form: 'floats' })],
    ['Constant nodes of float_data', matMul('fc1', wide, { as: 'node', form: 'floats' }), second],
    ['Transpose of initializers', transposed('fc1', wide, [1, 0]), transposed('fc2', narrow, [1, 0])],
    ['Transpose without an order', transposed('fc1', wide), second],
    ['Gemm', gemm('fc1', wide, {}), gemm('fc2', narrow, {})],
    ['Gemm of transposed weights', gemm('fc1', wide, { transB: 1 }), gemm('fc2', narrow, { transB: 1 })],
    ['Gemm without biases', gemm('fc1', wide, { transB: 1 }, false), gemm('fc2', narrow, {}, false)],
    ['Gemm, then MatMul', gemm('fc1', wide, { alpha: 1, beta: 1 }), second],
    ['factors of the second Gemm', first, gemm('fc2', narrow, { alpha: 0.5, beta: 2 })],
    ['a factor of biases that are not there', gemm('fc1', wide, { beta: 2 }, false), second],
    [
      'biases before the product',
      (graph, x) => graph.node('Add', [graph.weights('b', [NEURONS]), product('fc1', wide)(graph, x)]),
      second,
    ],
    [
      'biases of a row',
      (graph, x) => graph.node('Add', [product('fc1', wide)(graph, x), graph.weights('b', [1, NEURONS])]),
      second,
    ],
    [
      'biases of a Gemm of a row',
      (graph, x) => graph.node('Gemm', [x, graph.weights('w', wide), graph.weights('b', [1, NEURONS])]),
      second,
    ],
    [
      'one bias for all outputs',
      first,
      (graph, x) => graph.node('Gemm', [x, graph.weights('w', narrow), graph.scalar(0.5, [1])]),
    ],
  ])('is found and comes back with %s', async (_, before, behind) => {
    const { blocks } = await goThrough(network([before, relu, behind]), [3, INPUTS]);
    expect(blocks).toMatchObject([{ activation: { name: 'relu' }, neurons: NEURONS }]);
  });

  it.each<[string, (number | string)[], number[]]>([
    ['of three dimensions', ['batch', 'time', INPUTS], [2, 3, INPUTS]],
    ['of fixed size', [2, 3, INPUTS], [2, 3, INPUTS]],
  ])('is found and comes back for inputs %s', async (_, dims, shape) => {
    const { blocks } = await goThrough(network([first, relu, second], dims), shape);
    expect(blocks).toHaveLength(1);
  });

  it('has weights of half precision', async () => {
    const storage: Storage = { dtype: 'F16' };
    const cast =
      (to: number): Make =>
      (graph, x) =>
        graph.node('Cast', [x], { attribute: [intAttribute('to', to)] });
    const gelu: Make = (graph, x) => {
      const scalar = (value: number) => graph.scalar(value, [], 'F16');
      const inner = graph.node('Erf', [graph.node('Div', [x, scalar(Math.SQRT2)])]);
      const outer = graph.node('Mul', [x, graph.node('Add', [inner, scalar(1)])]);
      return graph.node('Mul', [outer, scalar(0.5)]);
    };
    const layers = [
      cast(10),
      matMul('fc1', [INPUTS, NEURONS], storage),
      gelu,
      matMul('fc2', [NEURONS, OUTPUTS], storage),
      cast(1),
    ];
    const { blocks } = await goThrough(network(layers), [3, INPUTS]);
    expect(blocks).toMatchObject([{ name: 'fc1', activation: { name: 'gelu' } }]);
  });

  it.each<[string, boolean]>([
    ['the gate first', true],
    ['the value first', false],
  ])('may be gated, %s', async (_, gateFirst) => {
    const gated: Make = (graph, x) => {
      const gate = matMul('gate', [INPUTS, NEURONS])(graph, x);
      const value = product('up', [INPUTS, NEURONS])(graph, x);
      const silu = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])]);
      return graph.node('Mul', gateFirst ? [silu, value] : [value, silu]);
    };
    const { blocks } = await goThrough(network([gated, second]), [3, INPUTS]);
    const gate = { weight: { tensor: 'gate.weight', transposed: true }, bias: 'gate.bias' };
    expect(blocks).toMatchObject([{ name: 'up', gate, input: { tensor: 'up.weight' }, activation: { name: 'silu' } }]);
  });

  it('may follow another one directly', async () => {
    const middle = matMul('fc2', [NEURONS, 8]);
    const { blocks } = await goThrough(network([first, relu, middle, plain('Tanh'), matMul('fc3', [8, OUTPUTS])]), [
      3,
      INPUTS,
    ]);
    expect(blocks).toMatchObject([
      { name: 'fc1', output: { tensor: 'fc2.weight' }, activation: { name: 'relu' } },
      { name: 'fc2', input: { tensor: 'fc2.weight' }, activation: { name: 'tanh' } },
    ]);
  });

  it('leaves initializers that are inputs, and descriptions of values, as the new widths are', async () => {
    const graph = network([first, relu, second]);
    graph.input('fc1.weight', [INPUTS, NEURONS]);
    graph.input('fc1.bias', [NEURONS]);
    graph.input('fc2.weight', [NEURONS, OUTPUTS]);
    graph.input('fc2.bias', [OUTPUTS]);
    const last = graph.nodes.at(-2)!.output![0]!;
    for (const { opType, output } of graph.nodes) {
      if (opType === 'Relu' || opType === 'MatMul')
        graph.describe(output![0]!, ['n', output![0] === last ? OUTPUTS : NEURONS]);
    }
    const { blocks } = await goThrough(graph, [3, INPUTS], { opset: 9, irVersion: 3 });
    expect(blocks).toHaveLength(1);
    const { valueInfo, input } = fromBinary(ModelProtoSchema, readFileSync(at('half.onnx'))).graph!;
    expect(valueInfo.map(({ name }) => name)).toEqual([last]);
    const sizes = input.map(({ type }) => {
      const dims = type!.value.case === 'tensorType' ? type!.value.value.shape!.dim : [];
      return dims.map(({ value }) => Number(value.value));
    });
    expect(sizes.slice(1)).toEqual([[INPUTS, 6], [6], [6, OUTPUTS], [OUTPUTS]]);
  });

  it('may share transposed weights with the next one, whose shapes are described', async () => {
    const middle = transposed('fc2', [NEURONS, 8], [1, 0]);
    const graph = network([first, relu, middle, plain('Tanh'), matMul('fc3', [8, OUTPUTS])]);
    const made = graph.nodes.find(({ opType }) => opType === 'Transpose')!.output![0]!;
    graph.describe(made, [NEURONS, 8]);
    const { blocks } = await goThrough(graph, [3, INPUTS]);
    expect(blocks).toMatchObject([
      { name: 'fc1', output: { tensor: 'fc2.weight', rows: 8, cols: NEURONS, transposed: true } },
      { name: 'fc2', input: { tensor: 'fc2.weight', transposed: false } },
    ]);
    const { valueInfo } = fromBinary(ModelProtoSchema, readFileSync(at('half.onnx'))).graph!;
    expect(valueInfo).toEqual([]);
  });

  it('comes back without native code, too, and expands from the beginning of a file', async () => {
    const path = writeModel(at('in'), network([first, relu, second]));
    await compress(path, at('model.herm'));
    const slow = await openSlowly(new Uint8Array(readFileSync(at('model.herm'))));
    const pieces: Uint8Array[] = [];
    for await (const piece of slow.recover()) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(readFileSync(path))).toBe(true);

    await truncate(at('model.herm'), at('small.herm'), 0.5);
    const [whole, small] = [await openHerm(at('model.herm')), await openHerm(at('small.herm'))];
    expect(small.complete).toBe(false);
    await whole.writeSkeleton(at('half.onnx'), await whole.skeleton(0.5));
    await small.writeSkeleton(at('same.onnx'), await small.skeleton(0.5));
    expect(readFileSync(at('same.onnx')).equals(readFileSync(at('half.onnx')))).toBe(true);
    await Promise.all([whole.close(), small.close()]);
  });

  it('is called after its node where its weights have a name that an exporter made up', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', ['n', INPUTS]);
    const weights = graph.weights('onnx::MatMul_123', [INPUTS, NEURONS]);
    const hidden = graph.node('Relu', [graph.node('MatMul', [x, weights])]);
    graph.output(second(graph, hidden), ['n', OUTPUTS]);
    Object.assign(graph.nodes.find(({ opType }) => opType === 'MatMul')!, { name: '/encoder/layers.0/mlp/fc1/MatMul' });
    const { blocks } = await graphOf(writeModel(at('in'), graph));
    expect(blocks.map(({ name }) => name)).toEqual(['encoder.layers.0.mlp.fc1']);
  });

  it('is the same for every order of its fields, as long as the bytes are kept', async () => {
    const path = writeModel(at('in'), network([first, relu, second]));
    // The same model once more behind a field that nobody knows (number 2000, 3 bytes).
    const unknown = Uint8Array.of(0x82, 0x7d, 3, 1, 2, 3);
    writeFileSync(path, Buffer.concat([unknown, readFileSync(path)]));
    const file = await compressed(path);
    await file.writeSkeleton(at('half.onnx'), await file.skeleton(0.5));
    expect(readFileSync(at('half.onnx')).includes(Buffer.from(unknown))).toBe(true);
    await expect(file.verify()).resolves.toMatchObject({ complete: true });
  });
});
