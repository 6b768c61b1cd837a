import type { CodedMatrix } from '../herm/exact_matrix.ts';
import type { Unfolding } from '../herm/unfolding.ts';
import { dtypeBytes } from '../model/tensor.ts';
import { type CodecOptions, floatWords, plainWords } from './codec.ts';
import { encodeGrowth, type GrowingMatrix } from './growing_matrix.ts';
import type { WeightLayout } from './layout.ts';
import { weightAxes } from './weight_axes.ts';

/** Sections that a level has for one tensor. */
export function weightSectionCount({ rowAxis, colAxis }: WeightLayout): number {
  return 2 + (rowAxis === undefined ? 0 : 2) + (colAxis === undefined ? 0 : 2);
}

/**
 * The sections of one coded tensor, [levels][{@link weightSectionCount}].
 *
 * @param unfoldings of all blocks, complete, with what coding this tensor noted.
 */
export async function encodeWeight(
  weight: WeightLayout,
  shift: number,
  coded: CodedMatrix,
  unfoldings: readonly Unfolding[],
  ladder: readonly (readonly number[])[],
  options: CodecOptions,
): Promise<Uint8Array[][]> {
  const axes = weightAxes(weight, unfoldings, ladder, 'original');
  const wordBytes = dtypeBytes(weight.dtype);
  const levels: Uint8Array[][] = [];
  for (let level = 0; level < ladder.length; level++) {
    const sections: Uint8Array[] = [];
    const add = async (matrix: GrowingMatrix, layout = plainWords(wordBytes)) => {
      sections.push(...(await encodeGrowth(matrix, layout, level, options)));
    };
    const { rows, cols } = weight;
    await add({ ...axes.floats, rows, cols, words: coded.words }, floatWords(wordBytes, shift));
    if (axes.rowIndex && coded.rowCode) {
      await add({ ...axes.rowIndex, rows: coded.rowCode.flags.length, cols, words: coded.rowCode.indexes });
    }
    if (axes.colIndex && coded.colCode) {
      await add({ ...axes.colIndex, rows: coded.colCode.flags.length, cols: rows, words: coded.colCode.indexes });
    }
    levels.push(sections);
  }
  return levels;
}
