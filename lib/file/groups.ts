import type { WeightLayout } from './layout.ts';

/** Blocks that hang together through the weights they share: a file codes them together, and each group on its own. */
export interface Group {
  /** Ascending. */
  readonly blocks: readonly number[];
  /** Numbers of the blocks' weights in the layout, ascending. */
  readonly weights: readonly number[];
}

/** The groups of blocks, in the order of their first blocks. */
export function planGroups(weights: readonly WeightLayout[], blockCount: number): Group[] {
  const shared = weights.flatMap(({ rowAxis, colAxis }): [number, number][] => {
    return rowAxis === undefined || colAxis === undefined ? [] : [[rowAxis.block, colAxis.block]];
  });
  const leader = connected(blockCount, shared);
  const groups = new Map<number, { blocks: number[]; weights: number[] }>();
  for (const block of leader.keys()) {
    const group = groups.get(leader[block]!);
    if (group === undefined) groups.set(block, { blocks: [block], weights: [] });
    else group.blocks.push(block);
  }
  for (const [weight, { rowAxis, colAxis }] of weights.entries()) {
    groups.get(leader[(rowAxis ?? colAxis)!.block]!)!.weights.push(weight);
  }
  return [...groups.values()];
}

/** [count] the smallest of the numbers below `count` that each one is connected with. */
export function connected(count: number, pairs: readonly (readonly [number, number])[]): number[] {
  const leader = Array.from({ length: count }, (_, at) => at);
  const find = (at: number): number => {
    while (leader[at] !== at) {
      leader[at] = leader[leader[at]!]!;
      at = leader[at]!;
    }
    return at;
  };
  for (const pair of pairs) {
    const [a, b] = [find(pair[0]), find(pair[1])];
    leader[Math.max(a, b)] = Math.min(a, b);
  }
  return leader.map((_, at) => find(at));
}

/** The levels that add something to a group, and so have a chunk of it. */
export function groupLevels(ladder: readonly (readonly number[])[], group: Group): number[] {
  return [...ladder.keys()].filter((level) => growsAt(ladder, group, level));
}

/** Whether a level adds something to a group: the first one does, and those where a width grows. */
export function growsAt(ladder: readonly (readonly number[])[], { blocks }: Group, level: number): boolean {
  return level === 0 || blocks.some((block) => ladder[level]![block] !== ladder[level - 1]![block]);
}
