import { HermError } from '../errors.ts';
import { mergeRows, type RawMatrix, range, selectWords, transpose } from '../herm/exact_matrix.ts';
import type { MergeTree } from '../herm/tree.ts';
import type { Block } from '../model/block.ts';
import { quoteName } from '../model/messages.ts';
import { dtypeBytes } from '../model/tensor.ts';
import { joinSections } from './bytes.ts';
import type { CodecOptions } from './codec.ts';
import { type Layout, outputWeight, weightShape } from './layout.ts';
import { encodeTensor } from './number_codec.ts';

/** Output weights of a group's blocks, fitted to the skeleton of the given widths. */
export interface GroupRefit {
  /** [blocks] */
  readonly widths: readonly number[];
  /** [blocks] each [k×p] in its output tensor's dtype: neurons as rows, in ascending order of their slots. */
  readonly outputs: readonly Uint8Array[];
}

/**
 * One refit as a chunk: for every block the output weights in the skeleton's own shape.
 *
 * @throws HermError `BAD_ARGUMENT` when the outputs do not have the sizes that the widths say.
 */
export async function encodeRefit(
  { widths, outputs }: GroupRefit,
  blocks: readonly Block[],
  trees: readonly MergeTree[],
  layout: Layout,
  options: CodecOptions,
): Promise<Uint8Array> {
  const sections: Uint8Array[] = [];
  for (const [index, block] of blocks.entries()) {
    const { dtype, rowAxis, colAxis } = outputWeight(layout, index);
    const words = outputs[index];
    const width = widths[index] ?? 0;
    if (words?.byteLength !== width * block.outputs * dtypeBytes(dtype)) {
      const why = `The refit of block ${quoteName(block.name)} must have ${width}×${block.outputs} output weights of ${dtype}.`;
      throw new HermError('BAD_ARGUMENT', why, { block: block.name });
    }
    let matrix: RawMatrix = { dtype, shift: 0, rows: width, cols: block.outputs, words };
    // Between two hidden layers the outputs are the next block's neurons, which merge as in its skeleton.
    const next = block.output.transposed ? rowAxis : colAxis;
    if (next !== undefined) matrix = await mergeColumns(matrix, trees[next.block]!, widths[next.block]!, options);
    const oriented = block.output.transposed ? await transpose(matrix, options) : matrix.words;
    const shape = weightShape(outputWeight(layout, index), widths);
    sections.push(await encodeTensor({ dtype, shape, data: oriented }, options));
  }
  return joinSections(sections);
}

/** The matrix with its columns merged to `width` as the input weights of a block. */
async function mergeColumns(
  matrix: RawMatrix,
  tree: MergeTree,
  width: number,
  options: CodecOptions,
): Promise<RawMatrix> {
  const { rows, cols } = matrix;
  const lanes = { ...matrix, rows: cols, cols: rows, words: await transpose(matrix, options) };
  const merges = cols - width;
  const pairs = tree.pairs.subarray(0, 2 * merges);
  await mergeRows(lanes, { pairs, coefficients: tree.alpha.subarray(0, 2 * merges) }, options);
  const gone = new Set(pairs.filter((_, at) => at % 2 === 1));
  const living = range(cols).filter((slot) => !gone.has(slot));
  const words = await selectWords(lanes, living, range(rows), options);
  return { ...matrix, cols: width, words: await transpose({ ...lanes, rows: width, words }, options) };
}
