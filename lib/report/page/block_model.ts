import { type HierarchyRectangularNode, hierarchy, partition } from 'd3-hierarchy';
import type { BlockData } from '../page_data.ts';

/** A node of the drawing: neuron i of m is i, the parent of merge t is m + t, and m + T is above all roots. */
export type PlacedNode = HierarchyRectangularNode<number>;

const bytesOf = (text: string): ArrayBuffer => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer;
export const floatsOf = (text: string): Float32Array => new Float32Array(bytesOf(text));
export const int8Of = (text: string): Int8Array => new Int8Array(bytesOf(text));

/** A block with its arrays unpacked, and its tree laid out from 0 to 1 by neurons. */
export class BlockModel {
  readonly data: BlockData;
  readonly cost: Float32Array;
  readonly gates: Float32Array;
  readonly angles: Float32Array;
  readonly parts: Float32Array;
  readonly shares: Float32Array;
  /** [m + T + 1] */
  readonly nodes: readonly PlacedNode[];
  /** Whether there is one root: then the node above all roots is none of the hierarchy's. */
  readonly root: PlacedNode;
  /** [m + T + 1] the largest cost at or below each node. */
  readonly heights: Float64Array;
  /** Widths to choose from, rising. */
  readonly cuts: readonly number[];
  readonly #children: Uint32Array;

  /** @param planned a width that shall be among the cuts. */
  constructor(data: BlockData, planned?: number) {
    this.data = data;
    this.cuts = cutsOf(data, planned);
    this.#children = new Uint32Array(bytesOf(data.children));
    this.cost = floatsOf(data.cost);
    this.gates = floatsOf(data.gates);
    this.angles = floatsOf(data.angles);
    this.parts = floatsOf(data.parts);
    this.shares = floatsOf(data.shares);
    const { neurons, merges } = data;
    const top = neurons + merges;
    const isChild = new Uint8Array(top);
    for (const child of this.#children) isChild[child] = 1;
    const roots = Array.from(isChild.keys()).filter((node) => isChild[node] === 0);
    const childrenOf = (node: number) => (node === top ? roots : this.#childrenOf(node));
    const tree = hierarchy(roots.length === 1 ? roots[0]! : top, childrenOf);
    tree.sum((node) => (node < neurons ? 1 : 0)).sort((a, b) => b.value! - a.value! || a.data - b.data);
    this.root = partition<number>()(tree);
    const nodes: PlacedNode[] = [];
    for (const node of this.root.descendants()) nodes[node.data] = node;
    this.nodes = nodes;
    this.heights = new Float64Array(top + 1);
    for (let t = 0; t < merges; t++) {
      const below = this.#childrenOf(neurons + t)!.map((child) => this.heights[child]!);
      this.heights[neurons + t] = Math.max(this.cost[t]!, ...below);
    }
    this.heights[top] = Math.max(0, ...roots.map((root) => this.heights[root]!));
  }

  #childrenOf(node: number): number[] | null {
    const at = 2 * (node - this.data.neurons);
    return at < 0 ? null : [this.#children[at]!, this.#children[at + 1]!];
  }

  /** The merge that made a node; −1 of an original neuron and of what is above all roots. */
  mergeOf({ data: node }: PlacedNode): number {
    const t = node - this.data.neurons;
    return t >= 0 && t < this.data.merges ? t : -1;
  }

  /** The children of a merge in its own order. */
  pairOf(t: number): readonly [PlacedNode, PlacedNode] {
    return [this.nodes[this.#children[2 * t]!]!, this.nodes[this.#children[2 * t + 1]!]!];
  }

  /** Neurons of the network in which a node first lives. */
  bornAt(node: PlacedNode): number {
    const t = this.mergeOf(node);
    return t < 0 ? this.data.neurons : this.data.neurons - t - 1;
  }

  /** The widest network in which a node lives no more; 0 of roots. */
  goneAt(node: PlacedNode): number {
    return node.parent && this.mergeOf(node.parent) >= 0 ? this.bornAt(node.parent) : 0;
  }

  /** Whether a node is a neuron of the network of this width. */
  livesAt(node: PlacedNode, width: number): boolean {
    return this.bornAt(node) >= width && this.goneAt(node) < width && this.isNeuron(node);
  }

  /** Whether a node is a neuron of any network: what is above several roots is not. */
  isNeuron({ data: node }: PlacedNode): boolean {
    return node < this.data.neurons + this.data.merges;
  }

  get smallest(): number {
    return this.data.neurons - this.data.merges;
  }

  /** The neurons of the network of a width, from left to right. */
  livingAt(width: number): PlacedNode[] {
    const living: PlacedNode[] = [];
    const stack = [this.root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (this.livesAt(node, width)) living.push(node);
      else stack.push(...(node.children ?? []).toReversed());
    }
    return living;
  }

  nameOf(node: PlacedNode): string {
    const t = this.mergeOf(node);
    if (t >= 0) return `Merge ${t}`;
    return this.isNeuron(node) ? `Neuron ${node.data}` : 'All neurons';
  }

  /** Numbers of the original neurons in a node, at most `most` of them. */
  leavesOf(node: PlacedNode, most: number): number[] {
    const leaves: number[] = [];
    const stack = [node];
    for (let next = stack.pop(); next !== undefined && leaves.length < most; next = stack.pop()) {
      if (next.children === undefined) leaves.push(next.data);
      else stack.push(...next.children.toReversed());
    }
    return leaves;
  }
}

/** Recorded widths, some between them, and the planned one. */
function cutsOf({ neurons, merges, curve }: BlockData, planned: number | undefined): number[] {
  const smallest = neurons - merges;
  const widths = new Set([...curve.map(({ width }) => width), planned ?? neurons]);
  for (let width = neurons; width > smallest; width = Math.min(width - 1, Math.round(width / 1.03))) {
    widths.add(Math.max(width, smallest));
  }
  return [...widths].sort((a, b) => a - b);
}
