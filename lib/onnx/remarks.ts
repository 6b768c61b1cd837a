import { innerNodes, isMicrosoft, isStandard, type OnnxGraph } from './graph.ts';
import { linearAt } from './linear_nodes.ts';
import type { NodeProto } from './proto/onnx_pb.js';

/** Layers whose weights are stored as whole numbers of few bits. */
const QUANTISED: readonly string[] = [
  ...['MatMulInteger', 'QLinearMatMul', 'QGemm', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat'],
  ...['MatMulNBits', 'MatMulBnb4', 'MatMulFpQ4', 'ConvInteger', 'QLinearConv', 'QAttention', 'DynamicQuantizeLSTM'],
];
const LAYERS: readonly string[] = ['MatMul', 'Gemm', 'Conv', 'FusedMatMul'];
const RECURRENT: readonly string[] = ['LSTM', 'GRU', 'RNN'];

/** What is left alone of a graph, all of a kind together: layers that no block can have. */
export function remarksOn(graph: OnnxGraph): string[] {
  const found = new Map<string, Map<string, number>>();
  const add = (kind: string, opType: string): void => {
    const counts = found.get(kind) ?? new Map<string, number>();
    found.set(kind, counts.set(opType, (counts.get(opType) ?? 0) + 1));
  };
  const computed = computedConstants(graph);
  for (const [index, node] of graph.nodes.entries()) {
    const kind = linearAt(graph, index) === undefined ? kindOf(graph, node, computed) : undefined;
    if (kind !== undefined) add(kind, node.opType);
  }
  for (const { within, node } of innerNodes(graph.model)) {
    if (LAYERS.includes(node.opType) || QUANTISED.includes(node.opType)) {
      add(`within ${within}, where hermkit does not look`, node.opType);
    }
  }
  return [...found].map(([kind, counts]) => {
    return `${[...counts].map(([opType, count]) => `${count} ${opType}`).join(', ')} (${kind})`;
  });
}

const QUANTISED_KIND =
  'quantised, and neurons can only be merged in floating-point numbers: use the model before its quantisation';

/** Why a node that is a layer, and none that blocks have, is none. */
function kindOf(graph: OnnxGraph, node: NodeProto, computed: ReadonlySet<string>): string | undefined {
  const { opType, input } = node;
  if (!isStandard(node) && !isMicrosoft(node)) return undefined;
  if (QUANTISED.includes(opType)) return QUANTISED_KIND;
  if (RECURRENT.includes(opType)) return 'recurrent';
  if (!LAYERS.includes(opType)) return undefined;
  const weight = input[1] ?? '';
  if (opType === 'Conv' && graph.constants.has(weight)) return 'kernels larger than 1, or groups';
  const maker = graph.nodes[graph.producers.get(weight) ?? -1];
  if (maker === undefined || graph.constants.has(weight) || !computed.has(weight)) return undefined;
  if (/Dequantize/.test(maker.opType)) return QUANTISED_KIND;
  return `weights that ${maker.opType} computes`;
}

/** Values that nodes make of constants alone; nodes stand in the order in which they run. */
function computedConstants({ constants, nodes }: OnnxGraph): ReadonlySet<string> {
  const computed = new Set<string>();
  const isKnown = (value: string) => value === '' || constants.has(value) || computed.has(value);
  for (const { input, output } of nodes) if (input.every(isKnown)) for (const value of output) computed.add(value);
  return computed;
}
