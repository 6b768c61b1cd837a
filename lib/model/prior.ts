import { requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { NativeBlock, NativeSamples } from '../native/binding.ts';
import type { Block } from './block.ts';

/**
 * Inputs x = mean + deviation∘(L z), z ~ N(0, I). Without a factor L that is N(mean, diag(deviation²)), as a LayerNorm (or
 * RMSNorm: mean 0) right before the block leaves them.
 */
export interface NormPrior {
  /** β [n]; default: zeros. */
  readonly mean?: Float64Array | undefined;
  /** γ [n], of either sign. */
  readonly deviation: Float64Array;
  /** L [n×n], row-major, nothing above its diagonal; {@link weightPrior} finds one. Default: I. */
  readonly factor?: Float64Array | undefined;
}

/** What a block's inputs are taken to look like without any data: x ~ N(0, I), or what its norm or its weights say. */
export type GaussianPrior = 'isotropic' | NormPrior;

/** Sample inputs of a block, blended with a Gaussian prior: Φ = (1 − ε) Φ_samples + ε s Φ_Gaussian, traces matched by s. */
export interface SamplesPrior {
  /** [N×n] row-major. */
  readonly inputs: Float32Array;
  /** ε in [0, 1]; {@link chooseBlends} finds them. */
  readonly blend: number;
  /** Default: `isotropic`. */
  readonly gaussian?: GaussianPrior | undefined;
  /**
   * [N×p] what should come of these inputs, without the output bias: refits are for it and errors against it. Default: the
   * block's own outputs.
   */
  readonly targets?: Float64Array | undefined;
}

/** How a block's inputs are taken to be distributed. */
export type Prior = GaussianPrior | SamplesPrior;

/** What calls take that depend on how inputs are distributed. */
export interface PriorOptions {
  /** Default: `isotropic`. */
  readonly prior?: Prior | undefined;
}

/** @throws HermError `BAD_ARGUMENT` for what is no prior at all, of callers without types. */
function isSamples(prior: Prior): prior is SamplesPrior {
  if (prior === 'isotropic') return false;
  if (typeof prior === 'object' && prior !== null && ('inputs' in prior || 'deviation' in prior)) {
    return 'inputs' in prior;
  }
  const why = 'prior must be "isotropic", { deviation, mean } of a norm, or { inputs, blend } of samples.';
  throw new HermError('BAD_ARGUMENT', why, { option: 'prior' });
}

/** @throws HermError `PRIOR` where the samples do not fit the block, `BAD_ARGUMENT` where they are no arrays. */
export function samplesOf(block: Block, prior: Prior = 'isotropic'): (NativeSamples & SamplesPrior) | undefined {
  if (!isSamples(prior)) return undefined;
  const { inputs, blend, targets } = prior;
  requireArray(`The samples of block ${block.name}`, inputs, Float32Array);
  if (targets !== undefined) requireArray(`The targets of block ${block.name}`, targets, Float64Array);
  const count = inputs.length / block.inputs;
  const refuse = (why: string) => {
    throw new HermError('PRIOR', `The samples of block ${block.name} ${why}.`, { block: block.name });
  };
  if (!(Number.isInteger(count) && count > 0)) {
    refuse(`are ${inputs.length} numbers, which is no matrix of rows of ${block.inputs} inputs`);
  }
  if (!(blend >= 0 && blend <= 1)) refuse(`need a blend from 0 to 1, not ${blend}`);
  if (targets && targets.length !== count * block.outputs) {
    refuse(`need ${count}×${block.outputs} targets, not ${targets.length} numbers`);
  }
  return prior;
}

/**
 * A block's weights with what is known of its inputs without samples.
 *
 * @throws HermError `PRIOR` where the prior does not fit the block, or is not finite, `BAD_ARGUMENT` where it is none
 */
export function withPrior(block: Block, weights: NativeBlock, prior: Prior = 'isotropic'): NativeBlock {
  if (prior === 'isotropic') return weights;
  if (isSamples(prior)) return withPrior(block, weights, prior.gaussian);
  const { deviation, mean = new Float64Array(block.inputs), factor } = prior;
  const requireNumbers = (name: string, values: Float64Array, count: number) => {
    requireArray(`The ${name} of block ${block.name}`, values, Float64Array);
    if (values.length === count && values.every(Number.isFinite)) return;
    const why = `The prior of block ${block.name} needs ${count} finite numbers as its ${name}; it has ${values.length}${values.length === count ? ', not all of them finite' : ''}.`;
    throw new HermError('PRIOR', why, { block: block.name, inputs: block.inputs, length: values.length });
  };
  requireNumbers('deviation', deviation, block.inputs);
  requireNumbers('mean', mean, block.inputs);
  if (factor !== undefined) requireNumbers('factor', factor, block.inputs ** 2);
  return { ...weights, priorMean: mean, priorScale: deviation, priorFactor: factor };
}
