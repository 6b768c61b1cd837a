import type { Block } from '../model/block.ts';
import type { GaussianPrior, Prior } from '../model/prior.ts';
import type { NativeBlock, NativeMatrix } from '../native/binding.ts';
import type { CallOptions } from '../native/call.ts';
import { blockOutputs, blockValues } from './block_samples.ts';
import { type Refit, skeletonWeights } from './certificate.ts';
import type { MergeTree } from './tree.ts';

/** Samples of what goes into a block, or of what should come out: those that are fitted to, and those held out. */
export interface SampleParts<T = Float32Array> {
  readonly fit: T;
  readonly heldOut: T;
}

/** A block and what goes into it: that of the model, or of a model whose block before it is narrower. */
export interface BlockView {
  readonly block: Block;
  readonly weights: NativeBlock;
  readonly gaussian: GaussianPrior;
  readonly samples: SampleParts | undefined;
  /** What should come out; undefined: what this block makes of it. */
  readonly targets?: SampleParts<Float64Array> | undefined;
}

/** What a narrowed block leaves to the one after it. */
export interface NarrowedBlock {
  /** [k×p], neurons as rows. */
  readonly output: NativeMatrix;
  /** [N×k] its neurons' values. */
  readonly samples: SampleParts | undefined;
}

/** A block behind a narrowed one: its input weights are what is left of that one's output weights. */
export function behind(whole: BlockView, { output, samples }: NarrowedBlock): BlockView {
  const block = { ...whole.block, inputs: output.rows };
  const weights = {
    ...whole.weights,
    input: { ...output, transposed: true },
    priorMean: undefined,
    priorScale: undefined,
    priorFactor: undefined,
  };
  return { block, weights, gaussian: 'isotropic', samples, targets: whole.targets };
}

/** A block at a width with refitted output weights, as the block after it sees it. */
export async function narrowed(
  { block, weights, samples }: BlockView,
  tree: MergeTree,
  { width, output }: Refit,
  options: CallOptions,
): Promise<NarrowedBlock> {
  const kept = await skeletonWeights(block, weights, tree, width, options);
  return {
    output: { data: output, dtype: weights.output.dtype, rows: width, cols: block.outputs, transposed: false },
    samples: samples && (await onBoth(samples, (x) => blockValues(kept.block, kept.weights, x, options))),
  };
}

/** What a block's neurons make of its samples: the samples of the block after it. */
export const valuesOf = (
  { block, weights, samples }: BlockView,
  options: CallOptions,
): Promise<SampleParts> | undefined => samples && onBoth(samples, (x) => blockValues(block, weights, x, options));

/** What a block makes of its samples. */
export const outputsOf = (
  { block, weights, samples }: BlockView,
  options: CallOptions,
): Promise<SampleParts<Float64Array>> | undefined =>
  samples && onBoth(samples, (x) => blockOutputs(block, weights, x, options));

/** The prior of a block's inputs; `blend` counts where there are samples. */
export function priorOf({ gaussian, samples, targets }: BlockView, blend: number | undefined): Prior {
  return samples && blend !== undefined ? { inputs: samples.fit, blend, gaussian, targets: targets?.fit } : gaussian;
}

async function onBoth<T>({ fit, heldOut }: SampleParts, run: (x: Float32Array) => Promise<T>): Promise<SampleParts<T>> {
  return { fit: await run(fit), heldOut: await run(heldOut) };
}
