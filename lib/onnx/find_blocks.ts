import type { PrecedingNorm } from '../model/architectures/norm.ts';
import type { Block } from '../model/block.ts';
import type { GraphBlocks, LeftAlone } from '../model/graph_blocks.ts';
import { quoteName } from '../model/messages.ts';
import { isFloatDType } from '../model/tensor.ts';
import { type Candidate, candidatesOf } from './candidates.ts';
import { nodeName, type OnnxGraph, type Use } from './graph.ts';
import type { LinearNode } from './linear_nodes.ts';
import { normBefore } from './norms.ts';
import { recogniseActivation } from './recognise.ts';
import { remarksOn } from './remarks.ts';
import { infoOf, type OnnxTensor } from './tensor.ts';

/**
 * The hidden layers of a graph: a linear layer, an activation, however it is written (or two layers, one of them behind an
 * activation, and their product), and another linear layer, where
 * nothing else reads what is in between, nor the weights and biases.
 */
export async function findGraphBlocks(graph: OnnxGraph): Promise<GraphBlocks> {
  const blocks: Block[] = [];
  const leftAlone: LeftAlone[] = [];
  const norms = new Map<string, PrecedingNorm>();
  const names = new Set<string>();
  // A layer that several others follow has one reason.
  const leave = (tensor: string, why: string): void => {
    if (!leftAlone.some((other) => other.tensor === tensor)) leftAlone.push({ tensor, why });
  };
  for (const candidate of candidatesOf(graph)) {
    if ('why' in candidate) {
      leave(candidate.tensor, candidate.why);
      continue;
    }
    const { first } = candidate;
    const fault = faultOf(graph, candidate);
    const activation = fault === undefined ? await recogniseActivation(graph, candidate.region) : undefined;
    if (fault !== undefined) leave(first.weight.name, fault);
    else if (activation === undefined) {
      leave(
        first.weight.name,
        `what stands behind it (${operatorsOf(graph, candidate)}) is no activation that hermkit knows`,
      );
    } else {
      const name = blockName(graph, first, names);
      names.add(name);
      blocks.push(toBlock(name, candidate, activation));
      const norm = normBefore(graph, first.input, first.inputs);
      if (norm !== undefined) norms.set(first.weight.name, norm);
    }
  }
  return { blocks, leftAlone, norms, remarks: remarksOn(graph) };
}

/** The operators of what would be an activation. */
function operatorsOf({ nodes }: OnnxGraph, { region }: Candidate): string {
  return [...new Set([...region.nodes].sort((a, b) => a - b).map((node) => nodes[node]!.opType))].join(', ');
}

/** Why two layers cannot be a block; undefined if they can. */
function faultOf(graph: OnnxGraph, { first, gate, second, between, hidden }: Candidate): string | undefined {
  const fault = first.fault ?? gate?.fault;
  if (fault !== undefined) return fault;
  if (first.outputs === 0) return 'it has no neurons';
  const own = [gate?.weight, gate?.bias, first.weight, first.bias, second.weight];
  for (const tensor of own.filter((one) => one !== undefined)) {
    const fault = tensorFault(graph, tensor);
    if (fault !== undefined) return fault;
  }
  for (const value of hidden) {
    const isOwn = ({ node, input }: Use) =>
      between.has(node) ||
      first.own.has(node) ||
      gate?.own.has(node) ||
      (value === second.input && node === second.node && input === 0) ||
      (second.made.weight.includes(value) && second.own.has(node));
    const reader = (graph.uses.get(value) ?? []).find((use) => !isOwn(use));
    if (reader !== undefined) return `${nodeName(graph.nodes[reader.node]!)} reads its hidden values, too`;
    if (graph.exported.has(value))
      return `its hidden value ${quoteName(value)} is an output of the graph, or read elsewhere`;
  }
  return undefined;
}

function tensorFault({ uses, exported, file }: OnnxGraph, tensor: OnnxTensor): string | undefined {
  const name = quoteName(tensor.name);
  const { dtype } = tensor;
  if (dtype === undefined || !isFloatDType(dtype)) return `${name} does not hold floating-point numbers`;
  if (infoOf(tensor, file) === undefined)
    return `the numbers of ${name} have no bytes of their own (raw_data, float_data, external data)`;
  const readers = uses.get(tensor.name)?.length ?? 0;
  if (readers > 1) return `${name} is shared: ${readers} nodes read it`;
  return exported.has(tensor.name) ? `${name} is an output of the graph, or read elsewhere` : undefined;
}

function toBlock(name: string, { first, gate, second }: Candidate, activation: Block['activation']): Block {
  const refOf = ({ weight }: LinearNode, transposed: boolean) => {
    const [rows, cols] = weight.shape as [number, number];
    return { tensor: weight.name, rows, cols, transposed };
  };
  const plain = {
    name,
    activation,
    neurons: first.outputs,
    inputs: first.inputs,
    outputs: second.outputs,
    input: refOf(first, first.byColumns),
    bias: first.bias?.name,
    output: refOf(second, !second.byColumns),
    outputBias: undefined,
  };
  return gate === undefined
    ? plain
    : { ...plain, gate: { weight: refOf(gate, gate.byColumns), bias: gate.bias?.name } };
}

/** What exporters make up for weights that they have transposed. */
const MADE_UP = /^(onnx::.*|_?v?_?\d+)$/;

/** After its weights, or its node where those have no name of their own; without what options take for something else. */
function blockName({ nodes }: OnnxGraph, { weight, node }: LinearNode, taken: ReadonlySet<string>): string {
  const own = weight.name.replace(/\.weight$/, '');
  const path = nodes[node]!.name.replace(/^\//, '').replace(/\/(MatMul|Gemm)(_\d+)?$/, '');
  const chosen = MADE_UP.test(own) && path !== '' ? path.replaceAll('/', '.') : own;
  const plain = chosen.replace(/[,=>]/g, '_');
  return taken.has(plain) ? `${plain}#${taken.size}` : plain;
}
