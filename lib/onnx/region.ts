import type { Activation } from '../model/block.ts';
import { forward } from '../model/forward.ts';
import { fromFloat64 } from '../model/tensor.ts';
import { nativeMatrix } from '../model/weights.ts';
import { isStandard, type OnnxGraph } from './graph.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { scalarOf } from './tensor.ts';

/** Nodes that together compute a function of one number, element by element. */
export interface Region {
  /** What goes in. */
  readonly input: string;
  /** What comes out. */
  readonly output: string;
  readonly nodes: ReadonlySet<number>;
}

/** What the operators of a region make of numbers. */
type Evaluate = (inputs: readonly Float64Array[], node: NodeProto) => Float64Array | Promise<Float64Array>;

/** No activation takes more operators. */
const MAX_NODES = 32;
const MICROSOFT = 'com.microsoft';

const each =
  (apply: (x: number) => number): Evaluate =>
  ([x]) =>
    x!.map(apply);
const pairwise =
  (apply: (a: number, b: number) => number): Evaluate =>
  ([a, b]) =>
    a!.map((value, at) => apply(value, b![at]!));
const kernel =
  (name: Activation['name'], slope: (node: NodeProto) => number = () => 1): Evaluate =>
  ([x], node) =>
    activate({ name, slope: slope(node) }, x!);

/** Operators that act element by element, and how many inputs each has. */
const OPERATORS: ReadonlyMap<string, { readonly inputs: number; readonly evaluate: Evaluate }> = new Map([
  ['Identity', { inputs: 1, evaluate: each((x) => x) }],
  ['Neg', { inputs: 1, evaluate: each((x) => -x) }],
  ['Exp', { inputs: 1, evaluate: each(Math.exp) }],
  ['Reciprocal', { inputs: 1, evaluate: each((x) => 1 / x) }],
  ['Erf', { inputs: 1, evaluate: ([x]) => erf(x!) }],
  ['Relu', { inputs: 1, evaluate: kernel('relu') }],
  ['LeakyRelu', { inputs: 1, evaluate: kernel('leaky_relu', (node) => floatOf(node, 'alpha', 0.01)) }],
  ['Tanh', { inputs: 1, evaluate: kernel('tanh') }],
  ['Sigmoid', { inputs: 1, evaluate: kernel('sigmoid') }],
  ['Gelu', { inputs: 1, evaluate: ([x], node) => activate({ name: geluOf(node), slope: 1 }, x!) }],
  ['FastGelu', { inputs: 1, evaluate: kernel('gelu_tanh') }],
  ['QuickGelu', { inputs: 1, evaluate: ([x], node) => swish(x!, floatOf(node, 'alpha', 1.702)) }],
  ['Swish', { inputs: 1, evaluate: ([x], node) => swish(x!, floatOf(node, 'alpha', 1)) }],
  ['Add', { inputs: 2, evaluate: pairwise((a, b) => a + b) }],
  ['Sub', { inputs: 2, evaluate: pairwise((a, b) => a - b) }],
  ['Mul', { inputs: 2, evaluate: pairwise((a, b) => a * b) }],
  ['Div', { inputs: 2, evaluate: pairwise((a, b) => a / b) }],
  ['Pow', { inputs: 2, evaluate: pairwise((a, b) => a ** b) }],
] as const);
/** Those of them that onnxruntime adds. */
const MICROSOFT_OPERATORS: readonly string[] = ['Gelu', 'FastGelu', 'QuickGelu'];

/**
 * The region that ends in a value: everything before it that acts element by element on a single other value.
 *
 * @returns undefined where there is no such region, or it acts on several values.
 */
export function regionBefore(graph: OnnxGraph, output: string): Region | undefined {
  const nodes = new Set<number>();
  const leaves = new Set<string>();
  const visit = (value: string, reader: number): void => {
    const producer = graph.producers.get(value) ?? reader;
    // Nodes stand in the order in which they run: one that reads what comes later is of no valid graph.
    if (producer >= reader || !isElementwise(graph, graph.nodes[producer]!)) leaves.add(value);
    else if (!nodes.has(producer) && nodes.size <= MAX_NODES) {
      nodes.add(producer);
      for (const input of graph.nodes[producer]!.input) {
        if (constantScalar(graph, input) === undefined) visit(input, producer);
      }
    }
  };
  visit(output, graph.nodes.length);
  const [input] = leaves;
  if (input === undefined || leaves.size > 1 || nodes.size === 0 || nodes.size > MAX_NODES) return undefined;
  return { input, output, nodes };
}

/** Whether a node acts on each number of its inputs alone; other inputs than one are the same number everywhere. */
function isElementwise(graph: OnnxGraph, node: NodeProto): boolean {
  const operator = OPERATORS.get(node.opType);
  const isMicrosoft = MICROSOFT_OPERATORS.includes(node.opType);
  const isKnown = isStandard(node) ? node.opType !== 'QuickGelu' : node.domain === MICROSOFT && isMicrosoft;
  if (operator === undefined || !isKnown || node.input.length !== operator.inputs || node.output.length !== 1) {
    return false;
  }
  const isFixed = (name: string) => graph.constants.has(name);
  const varying = node.input.filter((name) => constantScalar(graph, name) === undefined);
  return varying.length > 0 && !varying.some(isFixed);
}

function constantScalar({ constants }: OnnxGraph, name: string): number | undefined {
  const tensor = constants.get(name);
  return tensor && scalarOf(tensor);
}

/** What a region makes of numbers. */
export function evaluateRegion(graph: OnnxGraph, { input, output }: Region, x: Float64Array): Promise<Float64Array> {
  const known = new Map<string, Promise<Float64Array>>([[input, Promise.resolve(x)]]);
  const evaluate = async (name: string): Promise<Float64Array> => {
    const scalar = constantScalar(graph, name);
    if (scalar !== undefined) return new Float64Array(x.length).fill(scalar);
    const node = graph.nodes[graph.producers.get(name)!]!;
    const inputs: Float64Array[] = [];
    for (const value of node.input) inputs.push(await resultOf(value));
    return OPERATORS.get(node.opType)!.evaluate(inputs, node);
  };
  const resultOf = (name: string): Promise<Float64Array> => {
    const value = known.get(name) ?? evaluate(name);
    known.set(name, value);
    return value;
  };
  return resultOf(output);
}

/** An activation as the kernels compute it. */
export function activate(activation: Activation, x: Float64Array): Promise<Float64Array> {
  const weight = nativeMatrix(fromFloat64([1], 'F64', 'one', [1, 1]));
  return forward([{ activation, weight, bias: undefined }], x, x.length);
}

/** gelu(x) = x (1 + erf(x/√2)) / 2, the other way round. */
async function erf(x: Float64Array): Promise<Float64Array> {
  const scaled = x.map((value) => value * Math.SQRT2);
  const gelu = await activate({ name: 'gelu', slope: 1 }, scaled);
  return gelu.map((value, at) => (x[at] === 0 ? 0 : (2 * value) / scaled[at]! - 1));
}

async function swish(x: Float64Array, slope: number): Promise<Float64Array> {
  const gate = await activate({ name: 'sigmoid', slope }, x);
  return gate.map((value, at) => value * x[at]!);
}

function geluOf(node: NodeProto): 'gelu' | 'gelu_tanh' {
  const text = node.attribute.find(({ name }) => name === 'approximate')?.s;
  return text !== undefined && new TextDecoder().decode(text) === 'tanh' ? 'gelu_tanh' : 'gelu';
}

export function floatOf({ attribute }: NodeProto, wanted: string, otherwise: number): number {
  return attribute.find(({ name }) => name === wanted)?.f ?? otherwise;
}
