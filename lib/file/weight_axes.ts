import type { Side } from '../herm/tree.ts';
import { leafOrder, nodeOfInstruction, positionSlots, sideNotes, type Unfolding } from '../herm/unfolding.ts';
import { MERGE_FLAGS } from '../native/binding.ts';
import { type GrowingAxis, range, wholeAxis } from './growing_matrix.ts';
import type { Axis, WeightLayout } from './layout.ts';

/**
 * How the words of a matrix are numbered: as in the original tensor (`original`: slots, merges), or compactly in the
 * order in which they appear (`compact`: positions, merges that are there), as a reader holds them.
 */
export type Numbering = 'original' | 'compact';

/** How one axis that a hierarchy merges grows in the matrices of its tensor. */
interface HierarchyAxes {
  /** Of the floats, and of the other axis's indexes. */
  readonly positions: GrowingAxis;
  /** Rows of the axis's own indexes: its merges. */
  readonly merges: GrowingAxis;
  /** Original neurons as they become visible. */
  readonly leaves: GrowingAxis;
}

/** Rows and columns of the matrices of one weight tensor. */
export interface MatrixAxes {
  readonly rowAxis: GrowingAxis;
  readonly colAxis: GrowingAxis;
}

export interface WeightAxes {
  /** Roots and coded children. */
  readonly floats: MatrixAxes;
  /** Indexes of the row hierarchy: one row a merge, one column a column of the floats. */
  readonly rowIndex: MatrixAxes | undefined;
  /** Indexes of the column hierarchy: one row a merge, one column an original row. */
  readonly colIndex: MatrixAxes | undefined;
}

/**
 * How the matrices of a tensor grow.
 *
 * @param ladder [levels][blocks], as many levels as the unfoldings reach.
 */
export function weightAxes(
  weight: WeightLayout,
  unfoldings: readonly Unfolding[],
  ladder: readonly (readonly number[])[],
  numbering: Numbering,
): WeightAxes {
  const axesOf = (axis: Axis | undefined) => {
    if (axis === undefined) return undefined;
    const widths = ladder.map((level) => level[axis.block]!);
    return hierarchyAxes(unfoldings[axis.block]!, axis.side, widths, numbering);
  };
  const [row, col] = [axesOf(weight.rowAxis), axesOf(weight.colAxis)];
  const rowAxis = row?.positions ?? wholeAxis(weight.rows, ladder.length);
  const colAxis = col?.positions ?? wholeAxis(weight.cols, ladder.length);
  return {
    floats: { rowAxis, colAxis },
    rowIndex: row && { rowAxis: row.merges, colAxis },
    // The column hierarchy was applied first, to the original rows: its indexes belong to these.
    colIndex: col && { rowAxis: col.merges, colAxis: row?.leaves ?? rowAxis },
  };
}

function hierarchyAxes(
  unfolding: Unfolding,
  side: Side,
  widths: readonly number[],
  numbering: Numbering,
): HierarchyAxes {
  const { roots, instructions } = unfolding;
  const { flags, coarse } = sideNotes(unfolding, side);
  const { seen } = leafOrder(unfolding);
  const counts = widths.map((width) => width - roots);
  const original = numbering === 'original';
  return {
    positions: {
      list: original ? positionSlots(unfolding) : range(roots + instructions),
      classes: coarse,
      extents: widths,
    },
    merges: {
      list: Uint32Array.from({ length: instructions }, (_, n) => instructions - 1 - n),
      classes: Uint8Array.from(flags, indexClass),
      extents: counts,
    },
    leaves: {
      list: original ? leafSlots(unfolding) : range(seen[instructions]!),
      classes: undefined,
      extents: counts.map((count) => seen[count]!),
    },
  };
}

/** Indexes spread over different ranges by what they tell apart; where a child is absorbed they are all 0. */
function indexClass(flags: number): number {
  if ((flags & MERGE_FLAGS.absorbed) !== 0) return 2;
  return (flags & MERGE_FLAGS.followedCoarse) !== 0 ? 1 : 0;
}

/** Slots of the original neurons in the order in which they become visible as themselves. */
function leafSlots(unfolding: Unfolding): Uint32Array {
  const { rank, seen } = leafOrder(unfolding);
  const slots = new Uint32Array(seen[unfolding.instructions]!);
  for (let node = 0; node < nodeOfInstruction(unfolding.roots, unfolding.instructions); node++) {
    if (rank[node]! >= 0) slots[rank[node]!] = unfolding.slots[node]!;
  }
  return slots;
}
