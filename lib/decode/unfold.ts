import type { Hierarchy } from './hierarchy.ts';

/*
 * Positions number living neurons as they appear: the roots, then child j of each instruction; child i stays at its
 * parent's position. The first k positions are the neurons of width k.
 */

/** Child i of an instruction; child j is the next node. */
export function firstChild({ roots }: Pick<Hierarchy, 'roots'>, instruction: number): number {
  return roots + 2 * instruction;
}

/** The position of each node that lives at a width up to this one. */
export function nodePositions(hierarchy: Hierarchy, width: number): number[] {
  const { roots, parents } = hierarchy;
  const positions = Array.from({ length: roots }, (_, root) => root);
  for (let position = roots; position < width; position++) {
    positions.push(positions[parents[position - roots]!]!, position);
  }
  return positions;
}

/** The node at each position of a width. */
export function livingNodes(hierarchy: Hierarchy, width: number): number[] {
  const nodes: number[] = [];
  for (const [node, position] of nodePositions(hierarchy, width).entries()) nodes[position] = node;
  return nodes;
}

/** The positions of a width by slot: the order of a skeleton's neurons. */
export function positionsBySlot(hierarchy: Hierarchy, width: number): number[] {
  const nodes = livingNodes(hierarchy, width);
  const slot = (position: number) => hierarchy.slots[nodes[position]!]!;
  return Array.from(nodes.keys()).sort((a, b) => slot(a) - slot(b));
}

/** The original neurons in the order in which they appear, as nodes. */
export function leaves({ leaf }: Hierarchy, nodes: number): number[] {
  return Array.from(leaf.slice(0, nodes).keys()).filter((node) => leaf[node]);
}
