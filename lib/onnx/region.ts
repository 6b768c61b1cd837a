import type { OnnxGraph } from './graph.ts';
import { addedBias, isClipping, operatorOf } from './operators.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { storedConstant } from './stored.ts';
import { scalarOf } from './tensor.ts';

/** Nodes that together compute a function of one number, element by element. */
export interface Region {
  /** What goes in. */
  readonly input: string;
  /** What comes out. */
  readonly output: string;
  readonly nodes: ReadonlySet<number>;
}

/** No activation takes more operators. */
const MAX_NODES = 32;

/**
 * The region that ends in a value: everything before it that acts element by element on a single other value. Biases that a
 * node adds first (BiasGelu) are not part of its function.
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
      for (const input of varyingInputs(graph, graph.nodes[producer]!)) visit(input, producer);
    }
  };
  visit(output, graph.nodes.length);
  const [input] = leaves;
  if (input === undefined || leaves.size > 1 || nodes.size === 0 || nodes.size > MAX_NODES) return undefined;
  return { input, output, nodes };
}

/** Whether a node acts on each number of its inputs alone; other inputs than one are the same number everywhere. */
export function isElementwise(graph: OnnxGraph, node: NodeProto): boolean {
  if (operatorOf(node) === undefined) return false;
  const varying = varyingInputs(graph, node);
  return varying.length > 0 && varying.every((name) => storedConstant(graph, name) === undefined);
}

/** The inputs that its function acts on and that are not the same number everywhere. */
export function varyingInputs(graph: OnnxGraph, node: NodeProto): string[] {
  const bias = addedBias(node);
  return node.input.filter((name, at) => {
    return name !== '' && !(at === 1 && name === bias) && constantScalar(graph, name) === undefined;
  });
}

/** The value of a constant of one number, cast or not. */
function constantScalar(graph: OnnxGraph, name: string): number | undefined {
  const stored = storedConstant(graph, name);
  return stored && scalarOf(stored.tensor);
}

/** The nodes of a region that add biases of their own first. */
export function biasedNodes({ nodes }: OnnxGraph, region: Region): number[] {
  return [...region.nodes].filter((node) => addedBias(nodes[node]!) !== undefined);
}

/** Whether a region may do something else to numbers far from 0. */
export function clips({ nodes }: OnnxGraph, region: Region): boolean {
  return [...region.nodes].some((node) => isClipping(nodes[node]!));
}

/** What a region makes of numbers. */
export function evaluateRegion(graph: OnnxGraph, { input, output }: Region, x: Float64Array): Promise<Float64Array> {
  const known = new Map<string, Promise<Float64Array>>([[input, Promise.resolve(x)]]);
  const evaluate = async (name: string): Promise<Float64Array> => {
    const scalar = constantScalar(graph, name);
    if (scalar !== undefined) return new Float64Array(x.length).fill(scalar);
    const node = graph.nodes[graph.producers.get(name)!]!;
    const inputs: (Float64Array | undefined)[] = [];
    const bias = addedBias(node);
    for (const [at, value] of node.input.entries()) {
      const isLeftOut = value === '' || (at === 1 && value === bias);
      inputs.push(isLeftOut ? undefined : await resultOf(value));
    }
    return operatorOf(node)!.evaluate(inputs, node);
  };
  const resultOf = (name: string): Promise<Float64Array> => {
    const value = known.get(name) ?? evaluate(name);
    known.set(name, value);
    return value;
  };
  return resultOf(output);
}
