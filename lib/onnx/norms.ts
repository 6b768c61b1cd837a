import type { PrecedingNorm } from '../model/architectures/norm.ts';
import { isFloatDType } from '../model/tensor.ts';
import { isMicrosoft, isStandard, type OnnxGraph } from './graph.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { infoOf, scalarOf } from './tensor.ts';

/** Norms that are one node: of which kind, and which inputs are its weights and its biases. */
const NODES: Readonly<Record<string, { kind: PrecedingNorm['kind']; weight: number; bias?: number }>> = {
  LayerNormalization: { kind: 'layernorm', weight: 1, bias: 2 },
  RMSNormalization: { kind: 'rmsnorm', weight: 1 },
  SimplifiedLayerNormalization: { kind: 'rmsnorm', weight: 1 },
  SkipLayerNormalization: { kind: 'layernorm', weight: 2, bias: 3 },
  SkipSimplifiedLayerNormalization: { kind: 'rmsnorm', weight: 2 },
};

/** The norm that makes a value of n numbers in its last dimension, as one node or in its parts; undefined where none does. */
export function normBefore(graph: OnnxGraph, value: string, n: number): PrecedingNorm | undefined {
  return asOneNode(graph, value, n) ?? inParts(graph, value, n);
}

function asOneNode(graph: OnnxGraph, value: string, n: number): PrecedingNorm | undefined {
  const node = producer(graph, value);
  const known = node && Object.hasOwn(NODES, node.opType) ? NODES[node.opType] : undefined;
  if (node === undefined || known === undefined || node.output[0] !== value || !isOfLastAxis(node)) return undefined;
  const weight = vector(graph, node.input[known.weight], n);
  const added = known.bias === undefined ? undefined : node.input[known.bias] || undefined;
  const bias = vector(graph, added, n);
  if (weight === undefined || (added !== undefined && bias === undefined)) return undefined;
  return { kind: known.kind, weight, offset: 0, bias };
}

function isOfLastAxis({ attribute }: NodeProto): boolean {
  return attribute.every(({ name, i }) => name !== 'axis' || i === -1n);
}

/** (z ÷ √(mean z² + ε)) · γ (+ β), where z may have lost its mean before. */
function inParts(graph: OnnxGraph, value: string, n: number): PrecedingNorm | undefined {
  const added = withVector(graph, value, 'Add', n);
  const scaled = withVector(graph, added?.other ?? value, 'Mul', n);
  const standardised = scaled && producer(graph, scaled.other);
  if (standardised?.opType !== 'Div') return undefined;
  const [z, size] = standardised.input as [string, string];
  if (!isRootOfMeanSquare(graph, size, z)) return undefined;
  const centred = producer(graph, z);
  const isCentred = centred?.opType === 'Sub' && producer(graph, centred.input[1]!)?.opType === 'ReduceMean';
  return { kind: isCentred ? 'layernorm' : 'rmsnorm', weight: scaled!.vector, offset: 0, bias: added?.vector };
}

/** √(mean z² + ε) */
function isRootOfMeanSquare(graph: OnnxGraph, value: string, z: string): boolean {
  const sum = producer(graph, behind(graph, value, 'Sqrt') ?? '');
  const mean = sum?.opType === 'Add' ? sum.input.find((input) => !graph.constants.has(input)) : undefined;
  const square = mean && behind(graph, mean, 'ReduceMean');
  const node = square === undefined ? undefined : producer(graph, square);
  if (node?.input[0] !== z) return false;
  const power = graph.constants.get(node.input[1] ?? '');
  return node.opType === 'Mul' ? node.input[1] === z : node.opType === 'Pow' && !!power && scalarOf(power) === 2;
}

/** The first input of the node that makes a value, if that is its operator. */
function behind(graph: OnnxGraph, value: string, opType: string): string | undefined {
  const node = producer(graph, value);
  return node?.opType === opType ? node.input[0] : undefined;
}

/** What an Add or Mul of a constant of one number a place makes a value of. */
function withVector(
  graph: OnnxGraph,
  value: string,
  opType: 'Add' | 'Mul',
  n: number,
): { vector: string; other: string } | undefined {
  const node = producer(graph, value);
  if (node?.opType !== opType || node.input.length !== 2) return undefined;
  const at = node.input.findIndex((input) => vector(graph, input, n) !== undefined);
  return at < 0 ? undefined : { vector: node.input[at]!, other: node.input[1 - at]! };
}

/** A constant [n] of floating-point numbers, if this is one. */
function vector({ constants, file }: OnnxGraph, name: string | undefined, n: number): string | undefined {
  const tensor = constants.get(name ?? '');
  if (tensor === undefined || infoOf(tensor, file) === undefined || !isFloatDType(tensor.dtype!)) return undefined;
  return tensor.shape.length === 1 && tensor.shape[0] === n ? name : undefined;
}

/** The node of ONNX's own or of onnxruntime that makes a value. */
function producer({ nodes, producers }: OnnxGraph, value: string): NodeProto | undefined {
  const node = nodes[producers.get(value) ?? -1];
  return node && (isStandard(node) || isMicrosoft(node)) ? node : undefined;
}
