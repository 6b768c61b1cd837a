import type { HermContent } from '../file/content.ts';
import type { CheckedHeader } from '../file/header.ts';
import type { Axis } from '../file/layout.ts';

/** What a network of some widths takes. */
export interface WidthCost {
  /** Numbers in all tensors, those that no block owns included. */
  readonly params: number;
  /** Floating-point operations of the blocks' matrices for one input row: two a weight. */
  readonly flops: number;
  /** Bytes that are read of the file: the header, tensors that no block owns, and of every group of blocks its levels. */
  readonly bytes: number;
  /** Bytes of the shortest beginning of the file that serves these widths. */
  readonly prefixBytes: number;
}

/** What a budget may be of. */
export type CostKind = 'params' | 'flops' | 'bytes';

/** A matrix or vector [product of its axes], each axis either of a fixed size or as wide as a block. */
interface Area {
  readonly fixed: number;
  /** One or two blocks. */
  readonly blocks: readonly number[];
}

/** The tensors whose size depends on widths, as far as a kind of cost counts them. */
export function areasOf({ layout }: CheckedHeader, kind: 'params' | 'flops'): Area[] {
  const factor = kind === 'flops' ? 2 : 1;
  const matrices = layout.weights.map(({ rows, cols, rowAxis, colAxis }): Area => {
    const size = (axis: Axis | undefined, whole: number) => (axis === undefined ? whole : 1);
    return {
      fixed: factor * size(rowAxis, rows) * size(colAxis, cols),
      blocks: [rowAxis, colAxis].flatMap((axis) => (axis === undefined ? [] : [axis.block])),
    };
  });
  if (kind === 'flops') return matrices;
  const biases = [...layout.biases, ...layout.gates.map((gate) => gate?.bias)];
  return [...matrices, ...biases.flatMap((bias) => (bias === undefined ? [] : [{ fixed: 1, blocks: [bias.block] }]))];
}

/** Numbers in the tensors that no block owns. */
export function flatNumbers({ layout }: CheckedHeader): number {
  return layout.flat.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

/** What a network of these widths [blocks] takes; refits are not counted. */
export function widthCost(content: HermContent, widths: readonly number[]): WidthCost {
  const { header } = content;
  const sum = (kind: 'params' | 'flops') =>
    areasOf(header, kind).reduce((total, { fixed, blocks }) => {
      return total + blocks.reduce((product, block) => product * widths[block]!, fixed);
    }, 0);
  return {
    params: flatNumbers(header) + sum('params'),
    flops: sum('flops'),
    ...content.bytesFor(widths),
  };
}
