import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compress, HermError, openHerm } from '../../lib/index.ts';
import { RECOGNISER } from '../../scripts/bench/quality/ocr.mjs';
import type { GraphBuilder } from './support/builder.ts';
import { floatAttribute, intAttribute, intsAttribute } from './support/builder.ts';
import { folderPerTest, graphOf, writeModel } from './support/files.ts';
import { first, INPUTS, type Make, network, relu, second } from './support/layers.ts';
import { runOnnx } from './support/run.ts';

const MICROSOFT = 'com.microsoft';
const at = folderPerTest();

const gamma = (graph: GraphBuilder) => graph.weights('norm.weight', [INPUTS]);
const beta = (graph: GraphBuilder) => graph.weights('norm.bias', [INPUTS]);
const mean = (graph: GraphBuilder, x: string) =>
  graph.node('ReduceMean', [x], { attribute: [intsAttribute('axes', [-1])] });
const divided = (graph: GraphBuilder, z: string, square: string) => {
  const sum = graph.node('Add', [mean(graph, square), graph.scalar(1e-5)]);
  return graph.node('Div', [z, graph.node('Sqrt', [sum])]);
};

const NORMS: readonly [string, Make, object][] = [
  [
    'LayerNormalization',
    (graph, x) => graph.node('LayerNormalization', [x, gamma(graph), beta(graph)]),
    { kind: 'layernorm', bias: 'norm.bias' },
  ],
  [
    'LayerNormalization without biases',
    (graph, x) => graph.node('LayerNormalization', [x, gamma(graph)], { attribute: [intAttribute('axis', -1)] }),
    { kind: 'layernorm', bias: undefined },
  ],
  [
    'SkipLayerNormalization of onnxruntime',
    (graph, x) =>
      graph.node('SkipLayerNormalization', [x, x, gamma(graph), beta(graph)], {
        domain: MICROSOFT,
        attribute: [floatAttribute('epsilon', 1e-5)],
      }),
    { kind: 'layernorm', bias: 'norm.bias' },
  ],
  [
    'a LayerNorm in its parts',
    (graph, x) => {
      const z = graph.node('Sub', [x, mean(graph, x)]);
      const unit = divided(graph, z, graph.node('Pow', [z, graph.scalar(2)]));
      return graph.node('Add', [graph.node('Mul', [unit, gamma(graph)]), beta(graph)]);
    },
    { kind: 'layernorm', bias: 'norm.bias' },
  ],
  [
    'an RMSNorm in its parts',
    (graph, x) => graph.node('Mul', [gamma(graph), divided(graph, x, graph.node('Mul', [x, x]))]),
    { kind: 'rmsnorm', bias: undefined },
  ],
];

describe('the norm before a block of an ONNX graph', () => {
  it.each(NORMS)('is found as %s', async (_, norm, found) => {
    // Skip norms take three dimensions; mean axes are attributes up to operator set 17.
    const graph = network([norm, first, relu, second], [1, 3, INPUTS]);
    const path = writeModel(at('in'), graph, { opset: 17 });
    const { norms } = await graphOf(path);
    expect([...norms]).toEqual([['fc1.weight', { weight: 'norm.weight', offset: 0, ...found }]]);
    await compress(path, at('model.herm'), { prior: 'norm' });
    const file = await openHerm(new Uint8Array(readFileSync(at('model.herm'))));
    expect(file.prior).toBe('norm');
    await file.writeSkeleton(at('full.onnx'), await file.skeleton('full'));
    await file.close();
    const x = Float32Array.from({ length: 3 * INPUTS }, (__, n) => Math.sin(n));
    const dims = [1, 3, INPUTS];
    const expected = await runOnnx(readFileSync(path), x, dims);
    expect(await runOnnx(readFileSync(at('full.onnx')), x, dims)).toEqual(expected);
  });

  it.each<[string, Make]>([
    ['of something else than squares', (graph, x) => graph.node('Mul', [divided(graph, x, x), gamma(graph)])],
    [
      'over another axis',
      (graph, x) => graph.node('LayerNormalization', [x, gamma(graph)], { attribute: [intAttribute('axis', 1)] }),
    ],
    [
      'that is scaled by one number',
      (graph, x) => graph.node('Mul', [graph.scalar(2), divided(graph, x, graph.node('Mul', [x, x]))]),
    ],
    ['that is no norm', (graph, x) => graph.node('Mul', [x, gamma(graph)])],
  ])('is none %s, and then the prior has to be described', async (_, norm) => {
    const path = writeModel(at('in'), network([norm, first, relu, second], [1, 3, INPUTS]), { opset: 17 });
    expect((await graphOf(path)).norms.size).toBe(0);
    const failure = await compress(path, at('model.herm'), { prior: 'norm' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HermError);
    expect(failure).toMatchObject({ code: 'PRIOR' });
  });

  it('is found in the PP-OCRv4 text recogniser', async () => {
    const { blocks, norms } = await graphOf(RECOGNISER);
    const found = blocks.map(({ input }) => norms.get(input.tensor));
    // Its convolutions read what no norm makes.
    expect(found).toEqual([
      undefined,
      undefined,
      { kind: 'layernorm', weight: 'layer_norm_44.w_0', offset: 0, bias: 'layer_norm_44.b_0' },
      { kind: 'layernorm', weight: 'layer_norm_46.w_0', offset: 0, bias: 'layer_norm_46.b_0' },
    ]);
  });
});
