import { HermError } from '../errors.ts';
import { tensorShift } from '../herm/exact_matrix.ts';
import { type NodeBiases, unfoldTree } from '../herm/fold.ts';
import { buildLadder } from '../herm/ladder.ts';
import type { MergeTree } from '../herm/tree.ts';
import type { Unfolding } from '../herm/unfolding.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { quoteName } from '../model/messages.ts';
import { type Model, readNamed } from '../model/model.ts';
import { fromFloat64 } from '../model/tensor.ts';
import { joinSections } from './bytes.ts';
import type { CodecOptions } from './codec.ts';
import { encodeRefit, type GroupRefit } from './encode_refit.ts';
import { encodeHierarchy, hierarchyForm } from './hierarchy_code.ts';
import { type BiasLayout, biasBytes, type Layout, planLayout, type WeightLayout } from './layout.ts';
import { appendChunk, type Extent, type SpooledChunk, type SpoolFile } from './spool.ts';
import { encodeWeight, type Hierarchies } from './weight_encode.ts';

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
  /** Of the levels' bytes, those that are hierarchies and no weights. */
  readonly hierarchyBytes: number;
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
    const { shift, bytes, levels } = await encodeTensor(model, weight, { trees, unfoldings, ladder }, options);
    for (const [level, parts] of levels.entries()) coded[level]!.push(...(await sections.append(parts)));
    shifts.push([weight.name, shift]);
    onTensor(bytes);
  }
  const chunks: SpooledChunk[] = [];
  const hierarchies = await encodeHierarchies(unfoldings, layout, ladder, options);
  for (const [level, extents] of coded.entries()) {
    chunks.push(
      await appendChunk(file, joinSections([...hierarchies[level]!, ...(await sections.read(extents))]), options),
    );
  }
  await sections.remove();
  const refitted: SpooledChunk[] = [];
  for (const refit of refits) {
    refitted.push(await appendChunk(file, await encodeRefit(refit, blocks, trees, layout, options), options));
  }
  const hierarchyBytes = hierarchies.flat().reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { shifts, levels: chunks, refits: refitted, hierarchyBytes };
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

async function encodeTensor(
  model: Model,
  weight: WeightLayout,
  hierarchies: Hierarchies,
  options: CodecOptions,
): Promise<{ shift: number; bytes: number; levels: Uint8Array[][] }> {
  const words = await wordsOf(model, weight.name);
  const shift = await naming(weight, () => tensorShift(weight.dtype, words, options));
  // Coding works in place, and the words may be somebody's buffer. Not slice(): that of a Buffer shares its bytes.
  const levels = await encodeWeight(weight, shift, new Uint8Array(words), hierarchies, options);
  return { shift, bytes: words.byteLength, levels };
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

/** [levels][blocks] */
async function encodeHierarchies(
  unfoldings: readonly Unfolding[],
  layout: Layout,
  ladder: readonly (readonly number[])[],
  options: CodecOptions,
): Promise<Uint8Array[][]> {
  const levels: Uint8Array[][] = ladder.map(() => []);
  for (const [block, unfolding] of unfoldings.entries()) {
    const widths = ladder.map((level) => level[block]!);
    const streams = await encodeHierarchy(unfolding, hierarchyForm(layout, block), widths, options);
    for (const [level, stream] of streams.entries()) levels[level]!.push(stream);
  }
  return levels;
}
