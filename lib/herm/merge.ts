import { type Block, nativeActivation } from '../model/block.ts';
import type { NativeBlock } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';
import { allocateTree, type MergeTree } from './tree.ts';

// A larger share saves rounds, a smaller one lets costs be looked at again sooner; below 5% the trees hardly change.
const ROUND_SHARE = 0.05;
// Input Gram, output Gram and kernel, each m×m doubles.
const GRAM_MATRICES = 3;

/**
 * Merges the neurons of a block down to one and records how: HERM's rounds (docs/theory.md, section 4), prior x ~ N(0, I).
 * The same tree for every number of threads.
 *
 * @param block m neurons, n inputs, p outputs
 * @param weights their stored weights
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when 24·m² bytes do not fit; `NON_FINITE`; `ABORTED`
 */
export async function buildTree(block: Block, weights: NativeBlock, options?: CallOptions): Promise<MergeTree> {
  return search(block, weights, { roundShare: ROUND_SHARE, plain: false }, options);
}

/** {@link buildTree} one merge at a time, every cost evaluated: slow, the oracle for tests. */
export async function buildTreePlain(block: Block, weights: NativeBlock, options?: CallOptions): Promise<MergeTree> {
  return search(block, weights, { roundShare: 0, plain: true }, options);
}

async function search(
  block: Block,
  weights: NativeBlock,
  schedule: { roundShare: number; plain: boolean },
  options: CallOptions | undefined,
): Promise<MergeTree> {
  const { name, neurons, inputs, outputs } = block;
  const need = 8 * (GRAM_MATRICES * neurons ** 2 + neurons * (inputs + outputs));
  requireMemory(`Merging the ${neurons} neurons of block ${name}`, need);
  const merges = Math.max(0, neurons - 1);
  const tree = allocateTree(neurons, merges);
  const { pairs, alpha, beta, cost, bias: biasOut } = tree;
  const activation = nativeActivation(block.activation);
  await callNative(options, (addon, job) =>
    addon.mergeRounds({ ...weights, activation, ...schedule, pairs, alpha, beta, biasOut, cost }, job),
  );
  return tree;
}
