import type { Axis, Layout, WeightLayout } from './layout.ts';

/** What one section of a level holds; the sections of a level follow each other in the order of {@link levelSections}. */
export type SectionKind =
  /** Level 0: root slots [K]; later: slots i of the new instructions, then slots j [2×N], u32. */
  | 'slots'
  /** α₁, α₂, β₁, β₂ of the new instructions [4×N], half precision. */
  | 'coefficients'
  /** Level 0: node flags of the roots [K]; later: node flags of children i, of children j, followed flags [3×N], u8. */
  | 'flags'
  /** Costs of the new instructions [N], f32. */
  | 'costs'
  /** Level 0: biases of the roots [K]; later: of children i, then of children j [2×N], in the dtype of the biases. */
  | 'biases';

export type MatrixKind =
  /** The transformed weights. */
  | 'floats'
  /** Corrections of the row hierarchy: one row an instruction, one column a column of the floats. */
  | 'rowIndex'
  /** Corrections of the column hierarchy: one row an instruction, one column an original row, as they become visible. */
  | 'colIndex';

export interface HierarchySection {
  readonly kind: SectionKind;
  readonly block: number;
}

/** A rectangle of a matrix whose rows and columns are numbered in the order in which they unfold; ends exclusive. */
export interface Rectangle {
  readonly row0: number;
  readonly row1: number;
  readonly col0: number;
  readonly col1: number;
}

/** How far both axes of a matrix have unfolded. */
export interface Extent {
  readonly rows: number;
  readonly cols: number;
}

export const HIERARCHY_KINDS: readonly SectionKind[] = ['slots', 'coefficients', 'flags', 'costs', 'biases'];
export const MATRIX_KINDS: readonly MatrixKind[] = ['floats', 'rowIndex', 'colIndex'];

/** What grows from one extent to the next: the new rows over all columns, then the new columns of the old rows. */
export function growth(before: Extent, after: Extent): [Rectangle, Rectangle] {
  return [
    { row0: before.rows, row1: after.rows, col0: 0, col1: after.cols },
    { row0: 0, row1: before.rows, col0: before.cols, col1: after.cols },
  ];
}
