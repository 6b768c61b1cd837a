import { isFloatDType } from '../model/tensor.ts';
import { isStandard, type OnnxGraph } from './graph.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { floatOf } from './region.ts';
import { infoOf, type OnnxTensor } from './tensor.ts';

/** A linear layer of a graph: a MatMul or Gemm with constant weights, and the Add of its biases. */
export interface LinearNode {
  readonly node: number;
  /** What goes in. */
  readonly input: string;
  readonly weight: OnnxTensor;
  readonly inputs: number;
  readonly outputs: number;
  /** Neurons of its outputs are columns of the weight, and those of its inputs rows. */
  readonly byColumns: boolean;
  /** What a Transpose makes of the weight for it, if one stands between. */
  readonly transposed: string | undefined;
  readonly bias: OnnxTensor | undefined;
  /** What comes out, with the biases. */
  readonly output: string;
  /** Values between input and output. */
  readonly inner: readonly string[];
  /** Why it cannot be the first one of a block, if so. */
  readonly fault: string | undefined;
}

/** The linear layer that a node begins; undefined where it begins none. */
export function linearAt(graph: OnnxGraph, index: number): LinearNode | undefined {
  const node = graph.nodes[index]!;
  if (!isStandard(node) || node.output.length !== 1) return undefined;
  if (node.opType === 'MatMul' && node.input.length === 2) return matMulAt(graph, index, node);
  if (node.opType === 'Gemm' && node.input.length >= 2) return gemmAt(graph, index, node);
  return undefined;
}

function matMulAt(graph: OnnxGraph, index: number, node: NodeProto): LinearNode | undefined {
  const factor = factorOf(graph, node);
  if (factor === undefined) return undefined;
  const product = node.output[0]!;
  const plain = { node: index, input: node.input[0]!, ...layerOf(factor, true), fault: undefined };
  const { outputs } = plain;
  const added = addedTo(graph, product);
  const bias = added && vectorOf(graph, added.other, outputs);
  if (bias === undefined) return { ...plain, bias: undefined, output: product, inner: [] };
  return { ...plain, bias, output: added!.output, inner: [product] };
}

function gemmAt(graph: OnnxGraph, index: number, node: NodeProto): LinearNode | undefined {
  const factor = factorOf(graph, node);
  if (factor === undefined || isSet(node, 'transA')) return undefined;
  const layer = layerOf(factor, !isSet(node, 'transB'));
  const { outputs } = layer;
  const added = node.input[2] || undefined;
  const bias = added === undefined ? undefined : vectorOf(graph, added, outputs);
  let fault: string | undefined;
  if (floatOf(node, 'alpha', 1) !== 1 || (added !== undefined && floatOf(node, 'beta', 1) !== 1)) {
    fault = 'its Gemm has factors (alpha, beta)';
  } else if (added !== undefined && bias === undefined) fault = 'what its Gemm adds is not one constant a neuron';
  const [input, output] = [node.input[0]!, node.output[0]!];
  return { node: index, input, ...layer, bias, output, inner: [], fault };
}

/** A constant matrix that a node multiplies by, as it is or transposed by a node of its own. */
type Factor = Pick<LinearNode, 'weight' | 'transposed'>;

/** Undefined where a node's other factor is constant, too. */
function factorOf(graph: OnnxGraph, { input }: NodeProto): Factor | undefined {
  const [x, name] = input as [string, string];
  const source = transposedBy(graph, name);
  const weight = graph.constants.get(source ?? name);
  if (weight?.shape.length !== 2 || graph.constants.has(x)) return undefined;
  return { weight, transposed: source === undefined ? undefined : name };
}

/** What a value is the transposition of, of two dimensions; undefined where no Transpose makes it. */
function transposedBy({ nodes, producers }: OnnxGraph, value: string): string | undefined {
  const node = nodes[producers.get(value) ?? -1];
  if (node === undefined || !isStandard(node) || node.opType !== 'Transpose') return undefined;
  // Without an order the dimensions are reversed.
  const order = node.attribute.find(({ name }) => name === 'perm')?.ints ?? [1n, 0n];
  return order.length === 2 && order[0] === 1n && order[1] === 0n ? node.input[0] : undefined;
}

/** @param isPlain the node multiplies by its factor as it stands, from the right */
function layerOf(factor: Factor, isPlain: boolean): Factor & Pick<LinearNode, 'inputs' | 'outputs' | 'byColumns'> {
  const [rows, cols] = factor.weight.shape as [number, number];
  const byColumns = isPlain === (factor.transposed === undefined);
  const [inputs, outputs] = byColumns ? [rows, cols] : [cols, rows];
  return { ...factor, inputs, outputs, byColumns };
}

/** What the only node that reads a value adds to it, if it is an Add. */
function addedTo({ nodes, uses }: OnnxGraph, value: string): { other: string; output: string } | undefined {
  const [use, ...more] = uses.get(value) ?? [];
  if (use === undefined || more.length > 0) return undefined;
  const add = nodes[use.node]!;
  if (!isStandard(add) || add.opType !== 'Add' || add.input.length !== 2 || add.output.length !== 1) return undefined;
  return { other: add.input[1 - use.input]!, output: add.output[0]! };
}

/** A constant of one number for every neuron. */
function vectorOf({ constants, file }: OnnxGraph, name: string, length: number): OnnxTensor | undefined {
  const tensor = constants.get(name);
  if (tensor === undefined || infoOf(tensor, file) === undefined || !isFloatDType(tensor.dtype!)) return undefined;
  const { shape } = tensor;
  return shape.at(-1) === length && shape.slice(0, -1).every((size) => size === 1) ? tensor : undefined;
}

function isSet({ attribute }: NodeProto, wanted: string): boolean {
  return (attribute.find(({ name }) => name === wanted)?.i ?? 0n) !== 0n;
}
