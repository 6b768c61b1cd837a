import { requireArguments } from '../arguments.ts';
import type { Block } from '../model/block.ts';
import { type GaussianPrior, type NormPrior, withPrior } from '../model/prior.ts';
import type { NativeBlock } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import type { CallOptions } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';

/** How much of the inputs' correlations the weights say; what is left is I. Not tuned: docs/research.md has another share. */
const WEIGHT_SHARE = 0.5;

/**
 * The prior of inputs that correlate as the weights that read them do (docs/theory.md, section 1): R = (I + corr(WᵀW))/2
 * instead of I, with the means and deviations of another prior.
 *
 * @param options `prior`: where means and deviations come from; default: 0 and 1.
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated where matrices of n² and m·n numbers do not fit; `NON_FINITE`;
 * `PRIOR`; `ABORTED`
 */
export async function weightPrior(
  block: Block,
  weights: NativeBlock,
  options?: CallOptions & { readonly prior?: GaussianPrior | undefined },
): Promise<NormPrior> {
  requireArguments({ block, weights, options });
  const { name, inputs, neurons } = block;
  const { priorMean, priorScale } = withPrior(block, weights, options?.prior);
  requireMemory(`The correlations of the ${inputs} inputs of block ${name}`, 12 * inputs ** 2 + 4 * inputs * neurons);
  const factor = new Float64Array(inputs * inputs);
  const { input, gate } = weights;
  await callOnBlock(block, options, (addon, job) =>
    addon.weightFactor({ input, gate, share: WEIGHT_SHARE, factor }, job),
  );
  // Correlations are those of x itself, whatever the signs of a norm's weights.
  const deviation = priorScale?.map(Math.abs) ?? new Float64Array(inputs).fill(1);
  return { mean: priorMean, deviation, factor };
}
