import { HermError } from '../errors.ts';
import { type CodedMatrix, foldMatrix, type LaneMerges, tensorShift } from '../herm/exact_matrix.ts';
import { type NodeBiases, unfoldTree, withRecord } from '../herm/fold.ts';
import { buildLadder } from '../herm/ladder.ts';
import { coefficientsOf, type MergeTree } from '../herm/tree.ts';
import type { Unfolding } from '../herm/unfolding.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { quoteName } from '../model/messages.ts';
import { type Model, readNamed } from '../model/model.ts';
import { fromFloat64 } from '../model/tensor.ts';
import { joinSections } from './bytes.ts';
import { type CodecOptions, encodeWords, floatWords, plainWords } from './codec.ts';
import { encodeRefit, type GroupRefit } from './encode_refit.ts';
import { partForm, partOf, partShapes } from './hierarchy_parts.ts';
import { type Axis, type BiasLayout, biasBytes, type Layout, planLayout, type WeightLayout } from './layout.ts';
import { appendChunk, type Extent, type SpooledChunk, type SpoolFile } from './spool.ts';
import { encodeWeight } from './weight_encode.ts';

/** The blocks of one group in the order of the model's, and everything about them that a file holds. */
export interface GroupToCode {
  readonly blocks: readonly Block[];
  /** One a block. */
  readonly trees: readonly MergeTree[];
  /** Of these blocks, one for every refit of the file. */
  readonly refits: readonly GroupRefit[];
}

/** Where the chunks of a group lie in a spool. */
export interface CodedGroup {
  /** Of every weight tensor, by name: zero low bits that all its elements share. */
  readonly shifts: readonly (readonly [string, number])[];
  /** One chunk for every level at which the group grows, from the first one on. */
  readonly levels: readonly SpooledChunk[];
  /** One chunk for every refit. */
  readonly refits: readonly SpooledChunk[];
}

/**
 * Codes the hierarchies of a group and all weights that they merge, as if there were no other blocks. What is coded goes
 * into a spool tensor by tensor: no more than one of them is in memory.
 *
 * @param onTensor called with the size of each weight tensor that is done.
 * @throws HermError `BAD_ARGUMENT`, `SHARED_TENSOR`, `NON_FINITE`, `ABORTED`, `IO`.
 */
export async function encodeGroup(
  model: Model,
  { blocks, trees, refits }: GroupToCode,
  file: SpoolFile,
  options: CodecOptions,
  onTensor: (bytes: number) => void,
): Promise<CodedGroup> {
  checkTrees(blocks, trees);
  const names = new Set(blocks.flatMap(neuronTensors));
  const layout = planLayout(
    model.tensors.filter(({ name }) => names.has(name)),
    blocks,
  );
  const unfoldings = await Promise.all(trees.map((tree, block) => unfold(model, layout, tree, block)));
  const ladder = buildLadder(unfoldings.map(({ neurons, roots }) => ({ neurons, smallest: roots })));
  const sections = file.sibling('sections');
  /** [levels] of all tensors. */
  const coded: Extent[][] = ladder.map(() => []);
  const shifts: [string, number][] = [];
  for (const weight of layout.weights) {
    const { shift, levels, bytes } = await encodeTensor(model, weight, trees, unfoldings, ladder, sections, options);
    for (const [level, extents] of levels.entries()) coded[level]!.push(...extents);
    shifts.push([weight.name, shift]);
    onTensor(bytes);
  }
  const chunks: SpooledChunk[] = [];
  for (const [level, extents] of coded.entries()) {
    const hierarchies = await hierarchySections(unfoldings, layout, ladder, level, options);
    chunks.push(await appendChunk(file, joinSections([...hierarchies, ...(await sections.read(extents))]), options));
  }
  await sections.remove();
  const refitted: SpooledChunk[] = [];
  for (const refit of refits) {
    refitted.push(await appendChunk(file, await encodeRefit(refit, blocks, trees, layout, options), options));
  }
  return { shifts, levels: chunks, refits: refitted };
}

function checkTrees(blocks: readonly Block[], trees: readonly MergeTree[]): void {
  if (blocks.length !== trees.length) {
    throw new HermError('BAD_ARGUMENT', `${blocks.length} blocks need as many merge trees, not ${trees.length}.`);
  }
  for (const [index, { name, neurons, gate }] of blocks.entries()) {
    const tree = trees[index]!;
    if ((tree.gate === undefined) !== (gate === undefined)) {
      const why = `The merge tree of block ${quoteName(name)} and the block itself must both have a gate or both have none.`;
      throw new HermError('BAD_ARGUMENT', why, { block: name });
    }
    if (tree.neurons === neurons && tree.merges < neurons) continue;
    const why = `The merge tree of block ${quoteName(name)} has ${tree.merges} merges of ${tree.neurons} neurons, and the block ${neurons} neurons.`;
    throw new HermError('BAD_ARGUMENT', why, { block: name });
  }
}

async function unfold(model: Model, layout: Layout, tree: MergeTree, block: number): Promise<Unfolding> {
  const biases = await nodeBiases(model, layout.biases[block], tree.bias);
  if (tree.gate === undefined) return unfoldTree(tree, biases);
  return unfoldTree(tree, biases, await nodeBiases(model, layout.gates[block]?.bias, tree.gate.bias));
}

async function nodeBiases(model: Model, bias: BiasLayout | undefined, ofParents: Float64Array): Promise<NodeBiases> {
  if (bias === undefined) return { bytes: 0, leaves: new Uint8Array(0), parents: new Uint8Array(0) };
  const leaves = await wordsOf(model, bias.name);
  const parents = fromFloat64(ofParents, bias.dtype, bias.name, [ofParents.length]).data;
  return { bytes: biasBytes(bias), leaves, parents };
}

async function wordsOf(model: Model, name: string): Promise<Uint8Array> {
  return (await readNamed(model, [name]))[0]!.data;
}

/**
 * Codes one tensor into `file`. A function of its own, as is {@link foldTensor}, so that nothing of it is in memory when the
 * next one is coded.
 *
 * @returns `levels`: where its sections lie.
 */
async function encodeTensor(
  model: Model,
  weight: WeightLayout,
  trees: readonly MergeTree[],
  unfoldings: Unfolding[],
  ladder: readonly (readonly number[])[],
  file: SpoolFile,
  options: CodecOptions,
): Promise<{ shift: number; levels: Extent[][]; bytes: number }> {
  const { shift, matrix } = await foldTensor(model, weight, trees, unfoldings, options);
  const levels: Extent[][] = [];
  for (const parts of await encodeWeight(weight, shift, matrix, unfoldings, ladder, options)) {
    levels.push(await file.append(parts));
  }
  return { shift, levels, bytes: matrix.words.byteLength };
}

/**
 * Folds one tensor, and notes in `unfoldings` what that found. A function of its own, so that the original words are gone
 * when the folded ones are coded.
 */
async function foldTensor(
  model: Model,
  weight: WeightLayout,
  trees: readonly MergeTree[],
  unfoldings: Unfolding[],
  options: CodecOptions,
): Promise<{ shift: number; matrix: CodedMatrix }> {
  const { dtype, rows, cols, rowAxis, colAxis } = weight;
  const words = await wordsOf(model, weight.name);
  const shift = await naming(weight, () => tensorShift(dtype, words, options));
  const merges = (axis: Axis | undefined): LaneMerges | undefined => {
    if (axis === undefined) return undefined;
    const tree = trees[axis.block]!;
    return { pairs: tree.pairs, coefficients: coefficientsOf(tree, axis.side) };
  };
  const matrix = await foldMatrix({ dtype, shift, rows, cols, words }, merges(rowAxis), merges(colAxis), options);
  for (const [axis, code] of [[rowAxis, matrix.rowCode] as const, [colAxis, matrix.colCode] as const]) {
    if (axis && code) unfoldings[axis.block] = withRecord(unfoldings[axis.block]!, axis.side, code);
  }
  return { shift, matrix };
}

/** A kernel knows that there is an infinity or NaN, but not in which tensor. */
async function naming<T>({ name }: WeightLayout, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof HermError) || cause.code !== 'NON_FINITE') throw cause;
    const why = `Tensor ${quoteName(name)} holds an infinity or NaN, which no hierarchy can merge. Leave its block out.`;
    throw new HermError('NON_FINITE', why, { tensor: name }, { cause });
  }
}

async function hierarchySections(
  unfoldings: readonly Unfolding[],
  layout: Layout,
  ladder: readonly (readonly number[])[],
  level: number,
  options: CodecOptions,
): Promise<Uint8Array[]> {
  const sections: Uint8Array[] = [];
  for (const [block, unfolding] of unfoldings.entries()) {
    const [from, to] = [level === 0 ? 0 : ladder[level - 1]![block]!, ladder[level]![block]!];
    const part = partOf(unfolding, from, to);
    for (const { key, wordBytes, float } of partShapes(level, to - from, partForm(layout, block))) {
      sections.push(await encodeWords(part[key], float ? floatWords(wordBytes) : plainWords(wordBytes), options));
    }
  }
  return sections;
}
