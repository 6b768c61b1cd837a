import { describe, expect, it } from 'vitest';
import { GraphBuilder, graphAttribute, valueInfo } from './support/builder.ts';
import { compressed, folderPerTest, graphOf, writeModel } from './support/files.ts';
import { first, gemm, INPUTS, matMul, NEURONS, OUTPUTS, relu, second, transposed } from './support/layers.ts';

const at = folderPerTest();

describe('layers that are left alone', () => {
  const BEHIND: readonly [string, RegExp, (graph: GraphBuilder, x: string) => string][] = [
    [
      'weights that two nodes read',
      /"fc1.weight" is shared: 2 nodes read it/,
      (graph, x) => {
        const hidden = first(graph, x);
        graph.output(graph.node('MatMul', [x, 'fc1.weight']), ['n', NEURONS]);
        return second(graph, relu(graph, hidden));
      },
    ],
    [
      'output weights that two nodes read',
      /"fc2.weight" is shared/,
      (graph, x) => {
        const y = second(graph, relu(graph, first(graph, x)));
        graph.output(graph.node('Transpose', ['fc2.weight']), [OUTPUTS, NEURONS]);
        return y;
      },
    ],
    [
      'transposed weights that two nodes read',
      /reads its hidden values, too/,
      (graph, x) => {
        const hidden = transposed('fc1', [INPUTS, NEURONS])(graph, x);
        const made = graph.nodes.find(({ opType }) => opType === 'Transpose')!.output![0]!;
        graph.output(graph.node('MatMul', [x, made]), ['n', NEURONS]);
        return second(graph, relu(graph, hidden));
      },
    ],
    [
      'biases that two nodes read',
      /"fc1.bias" is shared/,
      (graph, x) => {
        const y = second(graph, relu(graph, first(graph, x)));
        graph.output(graph.node('Neg', ['fc1.bias']), [NEURONS]);
        return y;
      },
    ],
    [
      'a hidden value that is an output',
      /is an output of the graph/,
      (graph, x) => {
        const hidden = relu(graph, first(graph, x));
        graph.output(hidden, ['n', NEURONS]);
        return second(graph, hidden);
      },
    ],
    [
      'a hidden value that another node reads',
      /reads its hidden values, too/,
      (graph, x) => {
        const hidden = relu(graph, first(graph, x));
        graph.output(graph.node('ReduceSum', [hidden]), [1, 1]);
        return second(graph, hidden);
      },
    ],
    [
      'a value before the activation that another node reads',
      /reads its hidden values, too/,
      (graph, x) => {
        const before = first(graph, x);
        graph.output(graph.node('ReduceMax', [before]), [1, 1]);
        return second(graph, relu(graph, before));
      },
    ],
    [
      'weights of whole numbers',
      /"w" does not hold floating-point numbers/,
      (graph, x) => {
        graph.initializers.push({
          name: 'w',
          dims: [BigInt(INPUTS), BigInt(NEURONS)],
          dataType: 6,
          rawData: new Uint8Array(4 * INPUTS * NEURONS),
        });
        return second(graph, relu(graph, graph.node('MatMul', [x, 'w'])));
      },
    ],
    [
      'gated layers whose gate another node reads',
      /reads its hidden values, too/,
      (graph, x) => {
        const gate = matMul('gate', [INPUTS, NEURONS])(graph, x);
        graph.output(graph.node('ReduceMax', [gate]), [1, 1]);
        return second(graph, graph.node('Mul', [relu(graph, gate), first(graph, x)]));
      },
    ],
    [
      'a gate of another input',
      /Mul "mul\d+" stands behind it/,
      (graph, x) => {
        const gate = matMul('gate', [INPUTS, NEURONS])(graph, graph.node('Neg', [x]));
        return second(graph, graph.node('Mul', [relu(graph, gate), first(graph, x)]));
      },
    ],
    [
      'factors of the first Gemm',
      /factors \(alpha, beta\)/,
      (graph, x) => second(graph, relu(graph, gemm('fc1', [INPUTS, NEURONS], { alpha: 0.5 })(graph, x))),
    ],
    [
      'one bias for all neurons',
      /not one constant a neuron/,
      (graph, x) => {
        const hidden = graph.node('Gemm', [x, graph.weights('w', [INPUTS, NEURONS]), graph.scalar(0.5, [1])]);
        return second(graph, relu(graph, hidden));
      },
    ],
    [
      'an activation that is not known',
      /no activation that hermkit knows/,
      (graph, x) => second(graph, graph.node('Softsign', [first(graph, x)])),
    ],
    [
      'a normalisation behind it',
      /LayerNormalization "layernormalization\d+" stands behind it/,
      (graph, x) => {
        const scale = graph.weights('scale', [NEURONS]);
        return second(graph, graph.node('LayerNormalization', [first(graph, x), scale]));
      },
    ],
    ['a softmax behind it', /Softmax/, (graph, x) => second(graph, graph.node('Softmax', [first(graph, x)]))],
    [
      'an activation of another domain',
      /Relu "relu\d+" stands behind it/,
      (graph, x) => second(graph, graph.node('Relu', [first(graph, x)], { domain: 'com.example' })),
    ],
  ];

  it.each(BEHIND)('have %s', async (_, why, make) => {
    const graph = new GraphBuilder();
    graph.output(make(graph, graph.input('x', ['n', INPUTS])), ['n', OUTPUTS]);
    const { blocks, leftAlone } = await graphOf(writeModel(at('in'), graph));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ why: expect.stringMatching(why) }]);
  });

  it.each<[string, (graph: GraphBuilder, x: string) => string]>([
    ['nothing in between', (graph, x) => second(graph, first(graph, x))],
    [
      'a transposed input of the Gemm',
      (graph, x) => second(graph, relu(graph, gemm('fc1', [INPUTS, NEURONS], { transA: 1 })(graph, x))),
    ],
    [
      'weights that the graph computes',
      (graph, x) => {
        const weights = graph.node('Neg', [graph.weights('w', [INPUTS, NEURONS])]);
        return second(graph, relu(graph, graph.node('MatMul', [x, weights])));
      },
    ],
    [
      'weights on the left',
      (graph, x) => second(graph, relu(graph, graph.node('MatMul', [graph.weights('w', [INPUTS, INPUTS]), x]))),
    ],
    [
      'two hidden layers that are added',
      (graph, x) => {
        const other = matMul('other', [INPUTS, NEURONS])(graph, x);
        return second(graph, graph.node('Add', [relu(graph, first(graph, x)), other]));
      },
    ],
  ])('are no hidden layer with %s', async (_, make) => {
    const graph = new GraphBuilder();
    graph.output(make(graph, graph.input('x', ['n', INPUTS])), ['n', OUTPUTS]);
    const path = writeModel(at('in'), graph);
    expect((await graphOf(path)).blocks).toEqual([]);
    await expect(compressed(path)).rejects.toMatchObject({ code: 'NO_BLOCKS' });
  });

  it('are those within the branches of an If, and what these read', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', ['n', INPUTS]);
    const hidden = relu(graph, first(graph, x));
    graph.output(second(graph, hidden), ['n', OUTPUTS]);
    const inner = new GraphBuilder(2);
    const y = matMul('in2', [NEURONS, OUTPUTS])(inner, relu(inner, matMul('in1', [INPUTS, NEURONS])(inner, x)));
    const branch = {
      name: 'then',
      node: inner.nodes,
      initializer: inner.initializers,
      output: [valueInfo(y, ['n', OUTPUTS], 'F32')],
    };
    const peek = {
      name: 'else',
      node: [{ opType: 'MatMul', input: [hidden, 'fc2.weight'], output: ['z'] }],
      output: [valueInfo('z', ['n', OUTPUTS], 'F32')],
    };
    const isSmall = graph.node('Less', [graph.node('ReduceMax', [x]), graph.scalar(0, [1, 1])]);
    const attribute = [graphAttribute('then_branch', branch), graphAttribute('else_branch', peek)];
    graph.output(graph.node('If', [isSmall], { attribute }), ['n', OUTPUTS]);
    const { blocks, leftAlone, remarks } = await graphOf(writeModel(at('in'), graph));
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ tensor: 'fc1.weight', why: expect.stringMatching('read elsewhere') }]);
    expect(remarks).toEqual(['3 MatMul (within If, where hermkit does not look)']);
  });
});
