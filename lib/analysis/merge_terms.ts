import { requireArguments } from '../arguments.ts';
import { nativeTree } from '../herm/certificate.ts';
import type { MergeTree } from '../herm/tree.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import { type GaussianPrior, withPrior } from '../model/prior.ts';
import type { NativeBlock } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import type { CallOptions } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';

/** What the merges of a hierarchy join: GID and SCA of the two children of each, as they are when they merge. */
export interface MergeTerms {
  /** [2T] gates σ_1 ≥ σ_2 of each pair; a merge costs at least σ_2². */
  readonly gates: Float64Array;
  /**
   * [T] oblique angle in radians, up to π/2: between the rows of the mixing M, with ‖φ_k‖ = ‖v_k‖. A right angle says that
   * one rotation tells the neurons apart on both sides; NaN where a pair has no two terms.
   */
  readonly angles: Float64Array;
  /** [T] share of the first child in term 1, the second one's being the rest; NaN where a pair computes nothing. */
  readonly parts: Float64Array;
  /** [2T] input shares of each pair's structural components, the larger first; NaN where there are not two. */
  readonly shares: Float64Array;
}

/**
 * GID and SCA of every merge of a tree (docs/theory.md, sections 2 and 3). Parents are combined in double precision by the
 * tree's coefficients.
 *
 * @param options.prior Gaussian; default: x ~ N(0, I)
 * @throws HermError `BAD_ARGUMENT` where the tree does not fit the block; `OUT_OF_MEMORY` before anything is allocated when
 * the block in double precision does not fit; `PRIOR`; `NON_FINITE`; `ABORTED`
 */
export async function mergeTerms(
  block: Block,
  weights: NativeBlock,
  tree: MergeTree,
  options?: CallOptions & { readonly prior?: GaussianPrior | undefined },
): Promise<MergeTerms> {
  requireArguments({ block, weights, tree, options });
  const { name, neurons, inputs, outputs, gate } = block;
  requireMemory(`The merges of block ${name}`, 8 * neurons * ((gate ? 2 : 1) * inputs + outputs));
  const { merges } = tree;
  const terms = {
    gates: new Float64Array(2 * merges),
    angles: new Float64Array(merges),
    parts: new Float64Array(merges),
    shares: new Float64Array(2 * merges),
  };
  const known = withPrior(block, weights, options?.prior);
  const activation = nativeActivation(block.activation);
  await callOnBlock(block, options, (addon, job) =>
    addon.mergeTerms({ ...known, ...nativeTree(tree), activation, ...terms }, job),
  );
  return terms;
}
