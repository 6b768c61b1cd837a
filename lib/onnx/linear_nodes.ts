import { isMicrosoft, isStandard, type OnnxGraph } from './graph.ts';
import { addedBias, floatOf } from './operators.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { type Stored, storedConstant, storedVector } from './stored.ts';
import type { OnnxTensor } from './tensor.ts';

/** A linear layer of a graph: a MatMul, Gemm or Conv of one place with constant weights, and the Add of its biases. */
export interface LinearNode {
  readonly node: number;
  /** What goes in. */
  readonly input: string;
  readonly weight: OnnxTensor;
  readonly inputs: number;
  readonly outputs: number;
  /** Neurons of its outputs are columns of the weight, and those of its inputs rows. */
  readonly byColumns: boolean;
  readonly bias: OnnxTensor | undefined;
  /** What comes out, with the biases. */
  readonly output: string;
  /** Values between input and output. */
  readonly inner: readonly string[];
  /** Values that nodes make of its weight for it (Transpose, Cast), and of its biases. */
  readonly made: { readonly weight: readonly string[]; readonly bias: readonly string[] };
  /** The nodes that make all of these, and itself. */
  readonly own: ReadonlySet<number>;
  /** The node of the activation, where that adds the biases (BiasGelu). */
  readonly biasedBy: number | undefined;
  /** Why it cannot be the first one of a block, if so. */
  readonly fault: string | undefined;
}

type Layer = Pick<LinearNode, 'inputs' | 'outputs' | 'byColumns'>;

/** The linear layer that a node begins; undefined where it begins none. */
export function linearAt(graph: OnnxGraph, index: number): LinearNode | undefined {
  const node = graph.nodes[index]!;
  const { opType, input, output } = node;
  if (output.length !== 1 || input.length < 2) return undefined;
  if (isMicrosoft(node)) return opType === 'FusedMatMul' ? matMulAt(graph, index, node) : undefined;
  if (!isStandard(node)) return undefined;
  if (opType === 'MatMul') return matMulAt(graph, index, node);
  if (opType === 'Gemm') return gemmAt(graph, index, node);
  return opType === 'Conv' ? convAt(graph, index, node) : undefined;
}

/** Of onnxruntime's FusedMatMul, too, which may transpose its factors and scale the product. */
function matMulAt(graph: OnnxGraph, index: number, node: NodeProto): LinearNode | undefined {
  const weight = factorOf(graph, node, 2);
  if (weight === undefined || isSet(node, 'transA') || isSet(node, 'transBatchA') || isSet(node, 'transBatchB')) {
    return undefined;
  }
  const fault = floatOf(node, 'alpha', 1) === 1 ? undefined : 'its FusedMatMul has a factor (alpha)';
  return withAdded(graph, index, weight, layerOf(weight, !isSet(node, 'transB')), 0, fault);
}

function gemmAt(graph: OnnxGraph, index: number, node: NodeProto): LinearNode | undefined {
  const weight = factorOf(graph, node, 2);
  if (weight === undefined || isSet(node, 'transA')) return undefined;
  const layer = layerOf(weight, !isSet(node, 'transB'));
  const added = node.input[2] || undefined;
  if (added === undefined) {
    const fault = floatOf(node, 'alpha', 1) === 1 ? undefined : GEMM_FACTORS;
    return whole(graph, index, weight, layer, undefined, fault);
  }
  const bias = storedVector(graph, added, layer.outputs);
  const hasFactors = floatOf(node, 'alpha', 1) !== 1 || floatOf(node, 'beta', 1) !== 1;
  const noBias = bias === undefined ? 'what its Gemm adds is not one constant a neuron' : undefined;
  return whole(graph, index, weight, layer, bias, hasFactors ? GEMM_FACTORS : noBias);
}

const GEMM_FACTORS = 'its Gemm has factors (alpha, beta)';

/** A convolution that looks at one place at a time is a linear layer of its channels, whatever its strides. */
function convAt(graph: OnnxGraph, index: number, node: NodeProto): LinearNode | undefined {
  const weight = factorOf(graph, node, undefined);
  const places = weight?.tensor.shape.slice(2) ?? [];
  if (weight === undefined || weight.isTransposed || places.length === 0) return undefined;
  if (places.some((size) => size !== 1)) return undefined;
  if ((node.attribute.find(({ name }) => name === 'group')?.i ?? 1n) !== 1n) return undefined;
  const layer = layerOf(weight, false);
  const added = node.input[2] || undefined;
  if (added === undefined) return withAdded(graph, index, weight, layer, places.length, undefined);
  const bias = storedVector(graph, added, layer.outputs);
  const fault = bias === undefined ? 'what its Conv adds is not one constant a neuron' : undefined;
  return whole(graph, index, weight, layer, bias, fault);
}

/** A layer whose biases are an input of its own. */
function whole(
  { nodes }: OnnxGraph,
  node: number,
  weight: Stored,
  layer: Layer,
  bias: Stored | undefined,
  fault: string | undefined,
): LinearNode {
  const { input, output } = nodes[node]!;
  return {
    ...{ node, input: input[0]!, weight: weight.tensor, ...layer, bias: bias?.tensor, output: output[0]!, inner: [] },
    made: { weight: weight.made, bias: bias?.made ?? [] },
    own: new Set([node, ...weight.nodes, ...(bias?.nodes ?? [])]),
    ...{ biasedBy: undefined, fault },
  };
}

/** A layer with the biases that the only node that reads its product adds, if it does. @param behind dimensions behind that of the neurons */
function withAdded(
  graph: OnnxGraph,
  index: number,
  weight: Stored,
  layer: Layer,
  behind: number,
  fault: string | undefined,
): LinearNode {
  const plain = whole(graph, index, weight, layer, undefined, fault);
  const added = addedTo(graph, plain.output);
  const bias = added && storedVector(graph, added.other, layer.outputs, behind);
  if (bias === undefined) return plain;
  const made = { ...plain.made, bias: bias.made };
  const own = new Set([...plain.own, ...bias.nodes]);
  if (added!.isActivation) return { ...plain, bias: bias.tensor, made, own, biasedBy: added!.node };
  const inner = [plain.output];
  return { ...plain, bias: bias.tensor, made, own: own.add(added!.node), inner, output: added!.output };
}

/** The constant that a node multiplies by; undefined where it is none, or the other factor is one, too. */
function factorOf(graph: OnnxGraph, { input }: NodeProto, rank: number | undefined): Stored | undefined {
  const weight = storedConstant(graph, input[1]!);
  if (weight === undefined || graph.constants.has(input[0]!)) return undefined;
  return rank === undefined || weight.tensor.shape.length === rank ? weight : undefined;
}

/** @param isPlain the node multiplies by its factor as it stands, from the right */
function layerOf({ tensor, isTransposed }: Stored, isPlain: boolean): Layer {
  const [rows, cols] = tensor.shape as [number, number];
  const byColumns = isPlain !== isTransposed;
  const [inputs, outputs] = byColumns ? [rows, cols] : [cols, rows];
  return { inputs, outputs, byColumns };
}

interface Added {
  readonly node: number;
  readonly other: string;
  readonly output: string;
  readonly isActivation: boolean;
}

/** What the only node that reads a value adds to it: an Add, or an activation of onnxruntime with biases. */
function addedTo({ nodes, uses }: OnnxGraph, value: string): Added | undefined {
  const [use, ...more] = uses.get(value) ?? [];
  if (use === undefined || more.length > 0) return undefined;
  const node = nodes[use.node]!;
  const { opType, input, output } = node;
  if (output.length !== 1) return undefined;
  const bias = use.input === 0 ? addedBias(node) : undefined;
  if (bias !== undefined) return { node: use.node, other: bias, output: output[0]!, isActivation: true };
  if (!isStandard(node) || opType !== 'Add' || input.length !== 2) return undefined;
  return { node: use.node, other: input[1 - use.input]!, output: output[0]!, isActivation: false };
}

function isSet({ attribute }: NodeProto, wanted: string): boolean {
  return (attribute.find(({ name }) => name === wanted)?.i ?? 0n) !== 0n;
}
