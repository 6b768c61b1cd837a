import type { Activation } from '../model/block.ts';
import { forward } from '../model/forward.ts';
import { fromFloat64 } from '../model/tensor.ts';
import { nativeMatrix } from '../model/weights.ts';
import { isMicrosoft, isStandard } from './graph.ts';
import { type NodeProto, TensorProto_DataType } from './proto/onnx_pb.js';

/** What an operator makes of numbers; an input that may be left out is undefined then. */
type Evaluate = (
  inputs: readonly (Float64Array | undefined)[],
  node: NodeProto,
) => Float64Array | Promise<Float64Array>;

interface Operator {
  /** As many inputs as it may have, and as it must have if these are fewer. */
  readonly inputs: number;
  readonly least?: number;
  readonly evaluate: Evaluate;
}

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
/** Comparisons are 1 or 0. */
const compare =
  (holds: (a: number, b: number) => boolean): Evaluate =>
  (inputs, node) =>
    pairwise((a, b) => Number(holds(a, b)))(inputs, node);

/** Operators that act element by element. */
const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['Identity', { inputs: 1, evaluate: each((x) => x) }],
  ['Cast', { inputs: 1, evaluate: each((x) => x) }],
  ['Neg', { inputs: 1, evaluate: each((x) => -x) }],
  ['Abs', { inputs: 1, evaluate: each(Math.abs) }],
  ['Exp', { inputs: 1, evaluate: each(Math.exp) }],
  ['Log', { inputs: 1, evaluate: each(Math.log) }],
  ['Sqrt', { inputs: 1, evaluate: each(Math.sqrt) }],
  ['Reciprocal', { inputs: 1, evaluate: each((x) => 1 / x) }],
  ['Erf', { inputs: 1, evaluate: ([x]) => erf(x!) }],
  ['Relu', { inputs: 1, evaluate: kernel('relu') }],
  ['LeakyRelu', { inputs: 1, evaluate: kernel('leaky_relu', (node) => floatOf(node, 'alpha', 0.01)) }],
  ['PRelu', { inputs: 2, evaluate: pairwise((x, slope) => (x < 0 ? slope * x : x)) }],
  ['Elu', { inputs: 1, evaluate: kernel('elu', (node) => floatOf(node, 'alpha', 1)) }],
  ['Selu', { inputs: 1, evaluate: selu }],
  ['Celu', { inputs: 1, evaluate: celu }],
  ['Tanh', { inputs: 1, evaluate: kernel('tanh') }],
  ['Sigmoid', { inputs: 1, evaluate: kernel('sigmoid') }],
  ['HardSigmoid', { inputs: 1, evaluate: hardSigmoid }],
  ['HardSwish', { inputs: 1, evaluate: kernel('hard_swish') }],
  ['Softplus', { inputs: 1, evaluate: kernel('softplus') }],
  ['Softsign', { inputs: 1, evaluate: each((x) => x / (1 + Math.abs(x))) }],
  ['Mish', { inputs: 1, evaluate: kernel('mish') }],
  ['Gelu', { inputs: 1, evaluate: ([x], node) => activate({ name: geluOf(node), slope: 1 }, x!) }],
  ['FastGelu', { inputs: 2, least: 1, evaluate: kernel('gelu_tanh') }],
  ['BiasGelu', { inputs: 2, evaluate: kernel('gelu') }],
  ['QuickGelu', { inputs: 1, evaluate: ([x], node) => swish(x!, floatOf(node, 'alpha', 1.702)) }],
  ['Swish', { inputs: 1, evaluate: ([x], node) => swish(x!, floatOf(node, 'alpha', 1)) }],
  ['Clip', { inputs: 3, least: 1, evaluate: clip }],
  ['Max', { inputs: 2, evaluate: pairwise(Math.max) }],
  ['Min', { inputs: 2, evaluate: pairwise(Math.min) }],
  ['Add', { inputs: 2, evaluate: pairwise((a, b) => a + b) }],
  ['Sub', { inputs: 2, evaluate: pairwise((a, b) => a - b) }],
  ['Mul', { inputs: 2, evaluate: pairwise((a, b) => a * b) }],
  ['Div', { inputs: 2, evaluate: pairwise((a, b) => a / b) }],
  ['Pow', { inputs: 2, evaluate: pairwise((a, b) => a ** b) }],
  ['Greater', { inputs: 2, evaluate: compare((a, b) => a > b) }],
  ['GreaterOrEqual', { inputs: 2, evaluate: compare((a, b) => a >= b) }],
  ['Less', { inputs: 2, evaluate: compare((a, b) => a < b) }],
  ['LessOrEqual', { inputs: 2, evaluate: compare((a, b) => a <= b) }],
  ['Where', { inputs: 3, evaluate: ([c, a, b]) => c!.map((value, at) => (value === 0 ? b : a)![at]!) }],
]);
/** Those that onnxruntime has, and those of them that ONNX has not. */
const MICROSOFT_OPERATORS: readonly string[] = ['Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu'];
const MICROSOFT_ONLY: readonly string[] = ['FastGelu', 'QuickGelu', 'BiasGelu'];
/** Those that may do something else to numbers far from 0. */
const CLIPPING: readonly string[] = ['Clip', 'Max', 'Min', 'HardSigmoid', 'HardSwish', 'Where'];

/** The operator of a node that acts element by element; undefined of any other. */
export function operatorOf(node: NodeProto): Operator | undefined {
  const { opType, input, output } = node;
  const isKnown = isStandard(node)
    ? !MICROSOFT_ONLY.includes(opType)
    : isMicrosoft(node) && MICROSOFT_OPERATORS.includes(opType);
  const operator = isKnown ? OPERATORS.get(opType) : undefined;
  if (operator === undefined || output.length !== 1) return undefined;
  const { inputs, least = inputs } = operator;
  if (input.length > inputs || input.length < least) return undefined;
  return opType !== 'Cast' || isCastToFloat(node) ? operator : undefined;
}

/** The biases that a node adds before it acts on each number (BiasGelu); undefined of one that adds none. */
export function addedBias(node: NodeProto): string | undefined {
  if (!isMicrosoft(node) || !['BiasGelu', 'FastGelu'].includes(node.opType)) return undefined;
  return node.input[1] || undefined;
}

/** Whether a function that nodes compute has to be looked at far from 0, too. */
export const isClipping = ({ opType }: NodeProto): boolean => CLIPPING.includes(opType);

const FLOATS: readonly number[] = [
  TensorProto_DataType.FLOAT,
  TensorProto_DataType.FLOAT16,
  TensorProto_DataType.DOUBLE,
  TensorProto_DataType.BFLOAT16,
];

/** Whether a node turns numbers into floating-point numbers of another size. */
export function isCastToFloat(node: NodeProto): boolean {
  const to = node.attribute.find(({ name }) => name === 'to')?.i;
  return isStandard(node) && node.opType === 'Cast' && FLOATS.includes(Number(to));
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

async function selu([x]: readonly (Float64Array | undefined)[], node: NodeProto): Promise<Float64Array> {
  const elu = await activate({ name: 'elu', slope: floatOf(node, 'alpha', 1.6732632) }, x!);
  const gamma = floatOf(node, 'gamma', 1.05070102);
  return elu.map((value) => gamma * value);
}

async function celu([x]: readonly (Float64Array | undefined)[], node: NodeProto): Promise<Float64Array> {
  const alpha = floatOf(node, 'alpha', 1);
  const scaled = x!.map((value) => value / alpha);
  return (await activate({ name: 'elu', slope: 1 }, scaled)).map((value) => alpha * value);
}

function hardSigmoid([x]: readonly (Float64Array | undefined)[], node: NodeProto): Float64Array {
  const [alpha, beta] = [floatOf(node, 'alpha', 0.2), floatOf(node, 'beta', 0.5)];
  return x!.map((value) => Math.min(1, Math.max(0, alpha * value + beta)));
}

/** Its limits are inputs, or attributes before opset 11. */
function clip([x, low, high]: readonly (Float64Array | undefined)[], node: NodeProto): Float64Array {
  const least = low?.[0] ?? floatOf(node, 'min', Number.NEGATIVE_INFINITY);
  const most = high?.[0] ?? floatOf(node, 'max', Number.POSITIVE_INFINITY);
  return x!.map((value) => Math.min(most, Math.max(least, value)));
}

function geluOf(node: NodeProto): 'gelu' | 'gelu_tanh' {
  const text = node.attribute.find(({ name }) => name === 'approximate')?.s;
  return text !== undefined && new TextDecoder().decode(text) === 'tanh' ? 'gelu_tanh' : 'gelu';
}

export function floatOf({ attribute }: NodeProto, wanted: string, otherwise: number): number {
  return attribute.find(({ name }) => name === wanted)?.f ?? otherwise;
}
