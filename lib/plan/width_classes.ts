import { HermError } from '../errors.ts';
import type { HermContent } from '../file/content.ts';
import { smallestWidths } from '../file/header.ts';
import { quoteName } from '../model/messages.ts';

/** A width that blocks may have, and the recorded one of each whose certificate stands for it. */
export interface Candidate {
  readonly width: number;
  /** [members] the largest recorded width up to it. */
  readonly recorded: readonly number[];
  /** [members] certificates of these. */
  readonly errors: readonly number[];
}

/** Blocks that have one width, and the widths that they may have, ascending; each with less error than those before. */
export interface WidthClass {
  readonly blocks: readonly number[];
  readonly candidates: readonly Candidate[];
}

export interface ClassOptions {
  /** [blocks] equal ones have one width; undefined: every block has its own. */
  readonly groups: readonly (string | number)[] | undefined;
  readonly roundTo: number;
  /** [blocks] */
  readonly sensitivity: readonly number[];
}

/**
 * The widths to choose among: recorded ones with a certificate, rounded up, as far as this file holds them.
 *
 * @throws HermError `NO_CERTIFICATE` for a block whose widths have none, `WIDTH` where blocks have no width in common.
 */
export function widthClasses(content: HermContent, { groups, roundTo, sensitivity }: ClassOptions): WidthClass[] {
  const { blocks } = content.header;
  const members = new Map<string | number, number[]>();
  for (const block of blocks.keys()) {
    const key = groups === undefined ? block : groups[block]!;
    members.set(key, [...(members.get(key) ?? []), block]);
  }
  const certified = blocks.map((_, block) => certifiedWidths(content, block));
  const held = content.heldWidths();
  return Array.from(members.values(), (own): WidthClass => {
    const most = Math.min(...own.map((block) => blocks[block]!.neurons));
    const mostHeld = Math.min(...own.map((block) => held[block]!));
    const widths = own.flatMap((block) => certified[block]!.map(({ width }) => roundUp(width, roundTo, most)));
    const ascending = [...new Set(widths)].sort((a, b) => a - b).filter((width) => width <= mostHeld);
    const candidates = ascending.flatMap((width) =>
      candidateAt(
        width,
        own.map((block) => certified[block]!),
      ),
    );
    const better = falling(
      candidates,
      own.map((block) => sensitivity[block]!),
    );
    if (better.length > 0) return { blocks: own, candidates: better };
    const names = own.map((block) => quoteName(blocks[block]!.name)).join(', ');
    const why = `${content.file} has no recorded width with an error certificate for block ${names}, as far as it is here.`;
    throw new HermError('WIDTH', why, { file: content.file, blocks: own.map((block) => blocks[block]!.name) });
  });
}

interface Certified {
  readonly width: number;
  readonly error: number;
}

const roundUp = (width: number, to: number, most: number) => Math.min(Math.ceil(width / to) * to, most);

/** Ascending; nothing is lost at the full width, also where nothing could be certified. */
function certifiedWidths({ header, file }: HermContent, block: number): Certified[] {
  const { json, blocks } = header;
  const { name, neurons } = blocks[block]!;
  const found = json.ladder.flatMap((widths, level): Certified[] => {
    const [width, error] = [widths[block]!, json.errors[block]![level] ?? null];
    return error === null || width === neurons ? [] : [{ width, error }];
  });
  if (found.length === 0 && smallestWidths(json.blocks)[block]! < neurons) {
    const why = `${file} has no error certificates of block ${quoteName(name)}, so its width cannot be planned. Use --width.`;
    throw new HermError('NO_CERTIFICATE', why, { file, block: name });
  }
  const distinct = found.filter(({ width }, at) => found[at - 1]?.width !== width);
  return [...distinct, { width: neurons, error: 0 }];
}

/** A width that all members can have with a certificate each. */
function candidateAt(width: number, members: readonly (readonly Certified[])[]): Candidate[] {
  const standing = members.flatMap((certified) => certified.findLast((known) => known.width <= width) ?? []);
  if (standing.length < members.length) return [];
  return [{ width, recorded: standing.map((known) => known.width), errors: standing.map(({ error }) => error) }];
}

/** The candidates with less error than every narrower one: no plan needs the others. */
function falling(candidates: readonly Candidate[], sensitivity: readonly number[]): Candidate[] {
  let least = Number.POSITIVE_INFINITY;
  return candidates.filter(({ errors }) => {
    const error = squaredError(errors, sensitivity);
    const falls = error < least;
    if (falls) least = error;
    return falls;
  });
}

/** Σ s_l·error_l² */
export function squaredError(errors: readonly number[], sensitivity: readonly number[]): number {
  return errors.reduce((sum, error, at) => sum + sensitivity[at]! * error ** 2, 0);
}
