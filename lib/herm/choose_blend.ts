import { requireArguments, requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';
import type { GaussianPrior } from '../model/prior.ts';
import type { NativeBlock } from '../native/binding.ts';
import type { CallOptions } from '../native/call.ts';
import { refitSkeleton } from './certificate.ts';
import { widthAt } from './ladder.ts';
import { buildTree } from './merge.ts';
import type { MergeTree } from './tree.ts';

/** The blends that are tried, and the one of the tree that they are tried on. */
const BLENDS = [0.01, 0.05, 0.2, 0.5, 0.8];
const TRIAL = 0.2;
/** Every so manieth sample is held out. */
const HELD_OUT = 5;

export interface ChooseBlendsOptions extends CallOptions {
  /** Default: `isotropic`. */
  readonly gaussian?: GaussianPrior | undefined;
  /** Shares of the neurons to be kept, in (0, 1], that the choice is for. Default: a half and a quarter. */
  readonly shares?: readonly number[] | undefined;
  /** As that of {@link buildTree}. */
  readonly memory?: number | undefined;
}

/** Samples [N×n] in two, every fifth one held out. @throws HermError `PRIOR` for fewer than five, `BAD_ARGUMENT` */
export function splitSamples(block: Block, inputs: Float32Array): { fit: Float32Array; heldOut: Float32Array } {
  requireArguments({ block });
  requireArray('inputs', inputs, Float32Array);
  const n = block.inputs;
  const count = inputs.length / n;
  if (!(Number.isInteger(count) && count >= HELD_OUT)) {
    const why = `At least ${HELD_OUT} samples of ${n} inputs are needed for block ${block.name}, so that some can be held out; these are ${inputs.length} numbers.`;
    throw new HermError('PRIOR', why, { block: block.name });
  }
  const held = Math.floor(count / HELD_OUT);
  const [fit, heldOut] = [new Float32Array((count - held) * n), new Float32Array(held * n)];
  for (let t = 0; t < count; t++) {
    const row = inputs.subarray(t * n, (t + 1) * n);
    const [round, place] = [Math.floor(t / HELD_OUT), t % HELD_OUT];
    const last = place === HELD_OUT - 1;
    (last ? heldOut : fit).set(row, (last ? round : t - round) * n);
  }
  return { fit, heldOut };
}

/** How much a Gaussian prior counts beside samples. */
export interface Blends {
  /** In errors and refits. */
  readonly refit: number;
  /** In merging. */
  readonly merge: number;
}

/**
 * How much a Gaussian prior should count beside samples: the ε whose refitted skeletons come closest to the block on
 * samples that were held out, by the geometric mean over the widths. One tree serves all of them. Where refits take
 * more of the prior than this tree, one that takes as much is tried, too, and the better of the two stands.
 *
 * @param inputs [N×n] row-major
 * @throws HermError `PRIOR`; as {@link buildTree} and {@link refitSkeleton}
 */
export async function chooseBlends(
  block: Block,
  weights: NativeBlock,
  inputs: Float32Array,
  options: ChooseBlendsOptions = {},
): Promise<Blends> {
  requireArguments({ block, weights, options });
  const { gaussian, memory, signal, threads } = options;
  const shares = options.shares?.length ? options.shares : [0.5, 0.25];
  const kernel = { signal, threads };
  const { fit, heldOut } = splitSamples(block, inputs);
  const prior = (blend: number) => ({ inputs: fit, blend, gaussian });
  const treeAt = (blend: number) => buildTree(block, weights, { ...kernel, memory, prior: prior(blend) });
  const errorOf = async (tree: MergeTree, blend: number) => {
    const range = { neurons: tree.neurons, smallest: tree.neurons - tree.merges };
    let error = 0;
    for (const width of new Set(shares.map((share) => widthAt(range, share)))) {
      const known = { ...kernel, prior: prior(blend), heldOut: { inputs: heldOut } };
      const { measured } = await refitSkeleton(block, weights, tree, width, known);
      error += Math.log(Math.max(measured!, Number.MIN_VALUE));
    }
    return error;
  };
  const trial = await treeAt(TRIAL);
  let best = { blend: TRIAL, error: Infinity };
  for (const [n, blend] of BLENDS.entries()) {
    const error = await errorOf(trial, blend);
    if (error < best.error) best = { blend, error };
    options.onProgress?.((n + 1) / (BLENDS.length + 1));
  }
  const { blend, error } = best;
  const alike = blend <= TRIAL || (await errorOf(await treeAt(blend), blend)) < error;
  options.onProgress?.(1);
  return { refit: blend, merge: alike ? blend : TRIAL };
}
