import type { LeftAlone } from '../model/graph_blocks.ts';
import { isStandard, nodeName, type OnnxGraph } from './graph.ts';
import { type LinearNode, linearAt } from './linear_nodes.ts';
import { type Region, regionBefore } from './region.ts';

/** Linear layers of a graph and what is between them. */
export interface Candidate {
  /** Of two that are multiplied, the one that the activation does not act on. */
  readonly first: LinearNode;
  /** The one that it does, if there are two. */
  readonly gate: LinearNode | undefined;
  readonly second: LinearNode;
  /** The activation. */
  readonly region: Region;
  /** The nodes between the layers. */
  readonly between: ReadonlySet<number>;
  /** Values that change with the number of neurons. */
  readonly hidden: readonly string[];
}

type ByOutput = ReadonlyMap<string, LinearNode>;

/** Linear layers with something in between that acts element by element, and others that look like them. */
export function candidatesOf(graph: OnnxGraph): (Candidate | LeftAlone)[] {
  const linears = [...graph.nodes.keys()].flatMap((node) => linearAt(graph, node) ?? []);
  const byOutput = new Map(linears.map((linear) => [linear.output, linear]));
  return linears.flatMap((second): (Candidate | LeftAlone)[] => {
    const found = plainBefore(graph, second, byOutput) ?? gatedBefore(graph, second, byOutput);
    return found === undefined ? strangerBefore(graph, second, byOutput) : [found];
  });
}

function plainBefore(graph: OnnxGraph, second: LinearNode, byOutput: ByOutput): Candidate | undefined {
  const region = regionBefore(graph, second.input);
  const first = region && byOutput.get(region.input);
  if (first === undefined || first.outputs !== second.inputs) return undefined;
  const hidden = [...first.inner, first.output, ...madeBy(graph, region!.nodes), ...transpositions(first, second)];
  return { first, gate: undefined, second, region: region!, between: region!.nodes, hidden };
}

/** Two layers of the same input, the activation of one times the other. */
function gatedBefore(graph: OnnxGraph, second: LinearNode, byOutput: ByOutput): Candidate | undefined {
  const index = graph.producers.get(second.input) ?? -1;
  const node = graph.nodes[index];
  if (node === undefined || !isStandard(node) || node.opType !== 'Mul' || node.input.length !== 2) return undefined;
  for (const [at, name] of node.input.entries()) {
    const first = byOutput.get(node.input[1 - at]!);
    const region = regionBefore(graph, name);
    const gate = region && byOutput.get(region.input);
    if (first === undefined || gate === undefined || first === gate || first.input !== gate.input) continue;
    if (first.inputs !== gate.inputs || first.outputs !== gate.outputs || first.outputs !== second.inputs) continue;
    const between = new Set([...region!.nodes, index]);
    const inner = [...first.inner, first.output, ...gate.inner, gate.output, ...transpositions(first, gate, second)];
    return { first, gate, second, region: region!, between, hidden: [...inner, ...madeBy(graph, between)] };
  }
  return undefined;
}

function madeBy({ nodes }: OnnxGraph, made: ReadonlySet<number>): string[] {
  return [...made].flatMap((node) => nodes[node]!.output);
}

/** Weights that nodes transpose. */
function transpositions(...linears: readonly LinearNode[]): string[] {
  return linears.flatMap(({ transposed }) => transposed ?? []);
}

/** A node that is no activation between two linear layers that would fit each other. */
function strangerBefore(graph: OnnxGraph, second: LinearNode, byOutput: ByOutput): LeftAlone[] {
  const value = regionBefore(graph, second.input)?.input ?? second.input;
  const node = graph.nodes[graph.producers.get(value) ?? -1];
  const first = node?.input
    .flatMap((input) => byOutput.get(input) ?? [])
    .find(({ outputs }) => outputs === second.inputs);
  if (node === undefined || first === undefined) return [];
  return [{ tensor: first.weight.name, why: `${node.opType} ${nodeName(node)} stands behind it` }];
}
