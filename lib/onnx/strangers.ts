import type { LeftAlone } from '../model/graph_blocks.ts';
import { nodeName, type OnnxGraph } from './graph.ts';
import type { LinearNode } from './linear_nodes.ts';
import { addedBias } from './operators.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { isElementwise, regionBefore } from './region.ts';

/** Operators that may stand between two layers that would be a block without them. */
const BETWEEN: readonly string[] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'PRelu', 'Dropout'],
  ...['ReduceMean', 'ReduceSum', 'ReduceL2', 'ReduceMax', 'Softmax', 'LogSoftmax', 'LpNormalization'],
  ...['LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization', 'BatchNormalization'],
  ...['InstanceNormalization', 'GroupNormalization', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Transpose'],
  ...['Conv', 'GlobalAveragePool', 'AveragePool', 'MaxPool', 'Resize', 'QuantizeLinear', 'DequantizeLinear'],
];
/** No more nodes are looked at before a layer. */
const MAX_NODES = 48;

/** A node that is no activation between two linear layers that would fit each other. */
export function strangerBefore(
  graph: OnnxGraph,
  second: LinearNode,
  byOutput: ReadonlyMap<string, LinearNode>,
): LeftAlone[] {
  const found = directlyBefore(graph, second, byOutput) ?? furtherBefore(graph, second, byOutput);
  if (found === undefined) return [];
  const { first, node } = found;
  return [{ tensor: first.weight.name, why: `${describe(node)} stands behind it` }];
}

interface Stranger {
  readonly first: LinearNode;
  readonly node: NodeProto;
}

type ByOutput = ReadonlyMap<string, LinearNode>;

/** A node that reads the first layer and makes what the second one reads, or its activation. */
function directlyBefore(graph: OnnxGraph, second: LinearNode, byOutput: ByOutput): Stranger | undefined {
  const value = regionBefore(graph, second.input)?.input ?? second.input;
  const node = graph.nodes[graph.producers.get(value) ?? -1];
  const first = node?.input
    .flatMap((input) => byOutput.get(input) ?? [])
    .find(({ outputs }) => outputs === second.inputs);
  return node && first && { first, node };
}

/** Nodes that together depend on the first layer alone: the first of them that is no part of an activation. */
function furtherBefore(graph: OnnxGraph, second: LinearNode, byOutput: ByOutput): Stranger | undefined {
  const { nodes, producers, constants } = graph;
  const passed = new Set<number>();
  const sources = new Set<LinearNode | undefined>();
  const visit = (value: string): void => {
    const layer = byOutput.get(value);
    const index = producers.get(value);
    if (value === '' || constants.has(value) || (index !== undefined && passed.has(index))) return;
    const node = layer === undefined ? nodes[index ?? -1] : undefined;
    if (index === undefined || node === undefined || !mayStandBetween(graph, node)) sources.add(layer);
    else if (passed.size < MAX_NODES) {
      passed.add(index);
      for (const input of node.input) visit(input);
    } else sources.add(undefined);
  };
  visit(second.input);
  const [first, ...others] = sources;
  if (first === undefined || others.length > 0 || first.outputs !== second.inputs) return undefined;
  const isStrange = (node: NodeProto) => !isElementwise(graph, node) || addedBias(node) !== undefined;
  const strange = [...passed].sort((a, b) => a - b).find((node) => isStrange(nodes[node]!));
  return strange === undefined ? undefined : { first, node: nodes[strange]! };
}

function mayStandBetween(graph: OnnxGraph, node: NodeProto): boolean {
  return BETWEEN.includes(node.opType) || isElementwise(graph, node);
}

function describe(node: NodeProto): string {
  const groups = node.opType === 'Conv' ? node.attribute.find(({ name }) => name === 'group')?.i : undefined;
  const of = groups === undefined || groups === 1n ? '' : ` of ${groups} groups`;
  return `${node.opType} ${nodeName(node)}${of}`;
}
