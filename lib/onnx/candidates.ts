import type { LeftAlone } from '../model/graph_blocks.ts';
import { isStandard, type OnnxGraph } from './graph.ts';
import { type LinearNode, linearAt } from './linear_nodes.ts';
import { biasedNodes, type Region, regionBefore } from './region.ts';
import { strangerBefore } from './strangers.ts';

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
  if (first === undefined || first.outputs !== second.inputs || !addsItsOwn(graph, region!, first)) return undefined;
  const hidden = [...first.inner, first.output, ...madeBy(graph, region!.nodes), ...madeFor(second, first)];
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
    if (!addsItsOwn(graph, region!, gate)) continue;
    if (first.inputs !== gate.inputs || first.outputs !== gate.outputs || first.outputs !== second.inputs) continue;
    const between = new Set([...region!.nodes, index]);
    const inner = [...first.inner, first.output, ...gate.inner, gate.output, ...madeFor(second, first, gate)];
    return { first, gate, second, region: region!, between, hidden: [...inner, ...madeBy(graph, between)] };
  }
  return undefined;
}

function madeBy({ nodes }: OnnxGraph, made: ReadonlySet<number>): string[] {
  return [...made].flatMap((node) => nodes[node]!.output);
}

/** Values that nodes make of constants of neurons for the layers that read them. */
function madeFor(second: LinearNode, ...firsts: readonly LinearNode[]): string[] {
  return [...firsts.flatMap(({ made }) => [...made.weight, ...made.bias]), ...second.made.weight];
}

/** Whether no node of an activation adds biases but those of its layer. */
function addsItsOwn(graph: OnnxGraph, region: Region, { biasedBy }: LinearNode): boolean {
  return biasedNodes(graph, region).every((node) => node === biasedBy);
}
