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
  const leader = Array.from({ length: blockCount }, (_, block) => block);
  const find = (block: number): number => {
    while (leader[block] !== block) {
      leader[block] = leader[leader[block]!]!;
      block = leader[block]!;
    }
    return block;
  };
  for (const { rowAxis, colAxis } of weights) {
    if (rowAxis === undefined || colAxis === undefined) continue;
    const [a, b] = [find(rowAxis.block), find(colAxis.block)];
    leader[Math.max(a, b)] = Math.min(a, b);
  }
  const groups = new Map<number, { blocks: number[]; weights: number[] }>();
  for (const block of leader.keys()) {
    const group = groups.get(find(block));
    if (group === undefined) groups.set(block, { blocks: [block], weights: [] });
    else group.blocks.push(block);
  }
  for (const [weight, { rowAxis, colAxis }] of weights.entries()) {
    groups.get(find((rowAxis ?? colAxis)!.block))!.weights.push(weight);
  }
  return [...groups.values()];
}

/** The levels that add something to a group, and so have a chunk of it. */
export function groupLevels(ladder: readonly (readonly number[])[], group: Group): number[] {
  return [...ladder.keys()].filter((level) => growsAt(ladder, group, level));
}

/** Whether a level adds something to a group: the first one does, and those where a width grows. */
export function growsAt(ladder: readonly (readonly number[])[], { blocks }: Group, level: number): boolean {
  return level === 0 || blocks.some((block) => ladder[level]![block] !== ladder[level - 1]![block]);
}
