import { requireArguments } from '../arguments.ts';
import { childrenOf, depthsOf, type Forest, forestOf, heightsOf, rootsOf, sizesOf } from './forest.ts';
import type { MergeTree } from './tree.ts';

/** How much of a hierarchy is written. */
export interface TreeTextOptions {
  /** Merges from a root down to what is still shown; nodes below are told by their counts. Default: all. */
  readonly depth?: number | undefined;
}

/** One node of a hierarchy: an original neuron, or what came of a merge. */
export interface TreeNode {
  /** Neuron i of m is i, the parent of merge t is m + t. */
  readonly node: number;
  /** Original neurons in it. */
  readonly neurons: number;
  /** δ of the merge that made it; none of an original neuron. */
  readonly cost?: number;
  /** Absent for an original neuron, and where the depth ends. */
  readonly children?: readonly [number, number];
}

/** A node where a walk through a hierarchy meets it. */
interface Visit {
  readonly node: number;
  readonly depth: number;
  /** Of the visit that led here; −1 of a root. */
  readonly parent: number;
  /** Whether it is the second child. */
  readonly second: boolean;
}

/**
 * The nodes from the roots down, parents first, each followed by all that is below its first child. Hierarchies may be
 * thousands of merges deep, so nothing here recurses.
 */
function* walk(forest: Forest, limit: number, order = (children: readonly [number, number]) => children) {
  const stack: Visit[] = rootsOf(forest)
    .reverse()
    .map((node) => ({ node, depth: 0, parent: -1, second: false }));
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { node, depth } = visit;
    const found = depth < limit ? childrenOf(forest, node) : undefined;
    const children = found && order(found);
    yield { ...visit, children };
    if (children === undefined) continue;
    stack.push({ node: children[1], depth: depth + 1, parent: node, second: true });
    stack.push({ node: children[0], depth: depth + 1, parent: node, second: false });
  }
}

/** The nodes of a hierarchy from the roots down, parents before children. */
export function treeNodes(tree: MergeTree, options: TreeTextOptions = {}): TreeNode[] {
  requireArguments({ options });
  const { depth = Number.POSITIVE_INFINITY } = options;
  const forest = forestOf(tree);
  const sizes = sizesOf(forest);
  return Array.from(walk(forest, depth), ({ node, children }) => ({
    node,
    neurons: sizes[node]!,
    ...(node >= tree.neurons && { cost: tree.cost[node - tree.neurons]! }),
    ...(children && { children }),
  }));
}

/** How text names a node: `17` is an original neuron, `m42` what merge 42 made. */
function labelOf({ neurons }: MergeTree, node: number): string {
  return node < neurons ? String(node) : `m${node - neurons}`;
}

/**
 * The hierarchy in Newick's format, one line a root. A node is as high as the largest cost at or below it, original neurons
 * are at 0, and a branch is as long as its ends differ in height.
 */
export function treeNewick(tree: MergeTree, options: TreeTextOptions = {}): string {
  requireArguments({ options });
  const { depth = Number.POSITIVE_INFINITY } = options;
  const forest = forestOf(tree);
  const heights = heightsOf(forest, tree.cost);
  const depths = depthsOf(forest);
  const texts: string[] = [];
  for (let node = 0; node < tree.neurons + tree.merges; node++) {
    const children = depths[node]! < depth ? childrenOf(forest, node) : undefined;
    const branch = (child: number) => `${texts[child]!}:${heights[node]! - heights[child]!}`;
    // Concatenated and never joined: joining would copy every text into its parent's.
    const below = children === undefined ? '' : `(${branch(children[0])},${branch(children[1])})`;
    texts[node] = below + labelOf(tree, node);
  }
  return rootsOf(forest)
    .map((root) => `${texts[root]!};\n`)
    .join('');
}

/** The hierarchy in Graphviz's language, one graph; boxes are merges and say their neurons and costs. */
export function treeDot(name: string, tree: MergeTree, options: TreeTextOptions = {}): string {
  requireArguments({ name });
  const lines = [`digraph ${dotString(name)} {`, '  node [shape=box];'];
  for (const { node, neurons, cost, children } of treeNodes(tree, options)) {
    const id = dotString(labelOf(tree, node));
    if (cost === undefined) lines.push(`  ${id} [shape=plaintext];`);
    else lines.push(`  ${id} [label="${neurons} neurons\\n${cost.toPrecision(3)}"];`);
    for (const child of children ?? []) lines.push(`  ${id} -> ${dotString(labelOf(tree, child))};`);
  }
  return `${lines.join('\n')}\n}\n`;
}

/** A quoted string, in which only quotes and backslashes mean something. */
function dotString(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** How lines of a drawing are made up. */
export interface DrawStyle {
  readonly branch: string;
  readonly corner: string;
  readonly line: string;
  /** Where the depth ends. */
  readonly more: string;
}

/** The hierarchy as lines of text, the child with more neurons first. */
export function drawTree(
  tree: MergeTree,
  style: DrawStyle,
  costText: (cost: number) => string,
  { depth = Number.POSITIVE_INFINITY }: TreeTextOptions = {},
): string {
  const forest = forestOf(tree);
  const sizes = sizesOf(forest);
  const heavyFirst = (children: readonly [number, number]): readonly [number, number] =>
    sizes[children[0]]! >= sizes[children[1]]! ? children : [children[1], children[0]];
  const blank = ' '.repeat(style.line.length);
  const lines: string[] = [];
  /** What stands to the left of a depth's children. */
  const margins: string[] = [''];
  for (const { node, depth: at, parent, second, children } of walk(forest, depth, heavyFirst)) {
    const [margin, turn] = parent < 0 ? ['', ''] : [margins[at - 1]!, second ? style.corner : style.branch];
    margins[at] = parent < 0 ? '' : margin + (second ? blank : style.line);
    lines.push(`${margin}${turn}${describe(node, children === undefined)}`);
  }
  return lines.join('\n');

  function describe(node: number, last: boolean): string {
    if (node < tree.neurons) return `neuron ${node}`;
    const cost = `cost ${costText(tree.cost[node - tree.neurons]!)}`;
    return `${sizes[node]!} neurons, ${cost}${last ? ` ${style.more}` : ''}`;
  }
}
