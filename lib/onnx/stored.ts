import { isFloatDType } from '../model/tensor.ts';
import { isStandard, type OnnxGraph } from './graph.ts';
import { isCastToFloat } from './operators.ts';
import type { NodeProto } from './proto/onnx_pb.js';
import { infoOf, type OnnxTensor } from './tensor.ts';

/** A constant of the graph as a node reads it: as it is stored, or in another order or precision. */
export interface Stored {
  readonly tensor: OnnxTensor;
  readonly isTransposed: boolean;
  /** What nodes make of it on the way. */
  readonly made: readonly string[];
  readonly nodes: readonly number[];
}

/** The constant behind a value, through nodes that transpose a matrix or change how its numbers are stored. */
export function storedConstant({ constants, nodes, producers }: OnnxGraph, value: string): Stored | undefined {
  const made: string[] = [];
  const passed: number[] = [];
  let isTransposed = false;
  for (let name = value; ; ) {
    const tensor = constants.get(name);
    if (tensor !== undefined) return { tensor, isTransposed, made, nodes: passed };
    const index = producers.get(name) ?? -1;
    const node = nodes[index];
    // A graph in which a value is made of itself is not valid.
    if (node === undefined || passed.includes(index)) return undefined;
    if (isTransposition(node)) isTransposed = !isTransposed;
    else if (!isCastToFloat(node)) return undefined;
    made.push(name);
    passed.push(index);
    name = node.input[0]!;
  }
}

/** A constant of one number for every neuron. @param behind dimensions behind that of the neurons */
export function storedVector(graph: OnnxGraph, value: string, length: number, behind = 0): Stored | undefined {
  const stored = storedConstant(graph, value);
  if (stored === undefined || stored.isTransposed || infoOf(stored.tensor, graph.file) === undefined) return undefined;
  const { dtype, shape } = stored.tensor;
  const axis = shape.length - 1 - behind;
  if (!isFloatDType(dtype!) || shape[axis] !== length) return undefined;
  return shape.every((size, at) => at === axis || size === 1) ? stored : undefined;
}

/** Whether a node transposes a matrix; without an order its dimensions are reversed. */
function isTransposition(node: NodeProto): boolean {
  if (!isStandard(node) || node.opType !== 'Transpose') return false;
  const order = node.attribute.find(({ name }) => name === 'perm')?.ints ?? [1n, 0n];
  return order.length === 2 && order[0] === 1n && order[1] === 0n;
}
