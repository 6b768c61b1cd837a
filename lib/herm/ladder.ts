import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';

/** Steps of the ladder in which a width halves. */
const STEPS_PER_HALVING = 4;

/** What the ladder needs of a block: m neurons, and K = m − T, the width after all merges. */
export interface WidthRange {
  readonly neurons: number;
  readonly smallest: number;
}

/**
 * The widths [levels][blocks] at which a .herm file can be cut: level j from the end holds max(K, round(m·2^(−j/4))) of
 * every block, so that each level adds about a fifth to the one before; of levels that do not differ there is one. Level 0
 * is every block's smallest width, the last one its full width.
 *
 * @throws HermError `BAD_ARGUMENT` unless 0 ≤ K ≤ m, whole numbers
 */
export function buildLadder(blocks: readonly WidthRange[]): number[][] {
  requireArguments({ blocks });
  for (const range of blocks) checkRange(range);
  const levels: number[][] = [];
  for (let step = 0; ; step++) {
    const widths = blocks.map((block) => widthAt(block, 2 ** (-step / STEPS_PER_HALVING)));
    if (step === 0 || widths.some((width, block) => width !== levels[0]![block])) levels.unshift(widths);
    if (widths.every((width, block) => width === blocks[block]!.smallest)) return levels;
  }
}

/** The width that stands for a share `ratio` in (0, 1] of a block's neurons. */
export function widthAt(range: WidthRange, ratio: number): number {
  requireArguments({ range });
  const { neurons, smallest } = range;
  return Math.max(smallest, Math.round(ratio * neurons));
}

function checkRange({ neurons, smallest }: WidthRange): void {
  if (Number.isSafeInteger(neurons) && Number.isSafeInteger(smallest) && smallest >= 0 && smallest <= neurons) return;
  const why = `A block has whole numbers of neurons, and at most as many when all are merged: not ${neurons} and ${smallest}.`;
  throw new HermError('BAD_ARGUMENT', why, { neurons, smallest });
}
