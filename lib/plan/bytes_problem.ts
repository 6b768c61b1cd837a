import type { HermContent } from '../file/content.ts';
import { connected } from '../file/groups.ts';
import type { Decision, ErrorOf, WidthProblem } from './problem.ts';
import type { PlanOption } from './stages.ts';
import type { WidthClass } from './width_classes.ts';

/** How far groups of blocks must be read. */
interface Reading {
  /** [blocks] */
  readonly groupOf: readonly number[];
  /** [groups][levels] bytes of a group's chunks up to each level. */
  readonly bytes: readonly (readonly number[])[];
  /** [classes][candidates][members] the level that each member's width needs. */
  readonly needed: readonly (readonly (readonly number[])[])[];
}

/**
 * A group of blocks is read up to the level that its widest block needs, so a variable is how far a group is read: its
 * classes then have the least error that can be had. Groups that share a class are one variable, all read equally far.
 */
export function bytesProblem(content: HermContent, classes: readonly WidthClass[], errorOf: ErrorOf): WidthProblem {
  const { json, blocks } = content.header;
  const reading = readingOf(content, classes);
  const variables: PlanOption[][] = [];
  const decides: Decision[][][] = [];
  for (const together of boundTogether(classes, reading, blocks.length)) {
    const options: PlanOption[] = [];
    const decided: Decision[][] = [];
    for (const level of json.ladder.keys()) {
      const decisions = together.map((at): Decision => {
        return { class: at, candidate: reading.needed[at]!.findLastIndex((levels) => Math.max(...levels) <= level) };
      });
      if (decisions.some(({ candidate }) => candidate < 0)) continue;
      const error = decisions.reduce((sum, decision) => sum + errorOf(decision), 0);
      if (options.length > 0 && options.at(-1)!.error <= error) continue;
      options.push({ error, cost: bytesOf(decisions, classes, reading), size: 0 });
      decided.push(decisions);
    }
    variables.push(options);
    decides.push(decided);
  }
  const whole = reading.bytes.reduce((sum, levels) => sum + levels.at(-1)!, 0);
  const fixed = content.bytesFor(blocks.map(({ neurons }) => neurons)).bytes - whole;
  return { variables, pairs: [], decides, fixed };
}

function readingOf({ header }: HermContent, classes: readonly WidthClass[]): Reading {
  const { json, layout, blocks } = header;
  const groupOf: number[] = blocks.map(() => 0);
  for (const [group, members] of layout.groups.entries()) for (const block of members.blocks) groupOf[block] = group;
  const bytes = layout.groups.map(() => json.ladder.map(() => 0));
  for (const { kind, index, group, length } of json.chunks) if (kind === 'level') bytes[group!]![index] = length;
  for (const own of bytes) for (let level = 1; level < own.length; level++) own[level]! += own[level - 1]!;
  const levelOf = (block: number, width: number) => json.ladder.findIndex((widths) => widths[block]! >= width);
  const needed = classes.map(({ blocks: members, candidates }) =>
    candidates.map(({ width }) => members.map((block) => levelOf(block, width))),
  );
  return { groupOf, bytes, needed };
}

/** Classes that groups bind together, and groups that classes do. */
function boundTogether(classes: readonly WidthClass[], { groupOf }: Reading, blockCount: number): number[][] {
  const firstOf = new Map<number, number>();
  const bonds = classes.flatMap(({ blocks }) =>
    blocks.flatMap((block): [number, number][] => {
      const first = firstOf.get(groupOf[block]!) ?? block;
      firstOf.set(groupOf[block]!, first);
      return [
        [block, first],
        [block, blocks[0]!],
      ];
    }),
  );
  const leader = connected(blockCount, bonds);
  const found = new Map<number, number[]>();
  for (const [at, { blocks }] of classes.entries()) {
    const key = leader[blocks[0]!]!;
    found.set(key, [...(found.get(key) ?? []), at]);
  }
  return [...found.values()];
}

function bytesOf(decisions: readonly Decision[], classes: readonly WidthClass[], reading: Reading): number {
  const reached = new Map<number, number>();
  for (const { class: at, candidate } of decisions) {
    for (const [member, block] of classes[at]!.blocks.entries()) {
      const group = reading.groupOf[block]!;
      reached.set(group, Math.max(reached.get(group) ?? 0, reading.needed[at]![candidate]![member]!));
    }
  }
  return Array.from(reached).reduce((sum, [group, level]) => sum + reading.bytes[group]![level]!, 0);
}
