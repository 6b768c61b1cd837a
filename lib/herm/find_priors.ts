import { createHash } from 'node:crypto';
import { weightPrior } from '../analysis/weight_prior.ts';
import { HermError } from '../errors.ts';
import type { HermHeader } from '../file/schema.ts';
import type { Block } from '../model/block.ts';
import { quoteName } from '../model/messages.ts';
import type { Model } from '../model/model.ts';
import { findNorms, knownNorm, type NormTensors, normOf, readNorm } from '../model/norm.ts';
import { type GaussianPrior, samplesOf } from '../model/prior.ts';
import type { NativeBlock } from '../native/binding.ts';
import type { CallOptions } from '../native/call.ts';
import type { CompressOptions } from './compress.ts';

/** Sample inputs [N×n] of blocks by name. */
export type BlockSamples = Readonly<Record<string, Float32Array>>;

/** What the inputs of every block look like. */
export interface InputPriors {
  readonly kind: HermHeader['prior'];
  /** What they follow from, as far as it is not in the model. */
  readonly origin: object;
  of(block: Block, weights: NativeBlock, options: CallOptions): Promise<GaussianPrior>;
  /** Sample inputs of its own. */
  samples(block: Block): Float32Array | undefined;
}

/** @throws HermError `PRIOR` before anything is computed, where norms or samples are missing, do not fit or are of no block; `BAD_ARGUMENT` */
export async function findPriors(
  model: Model,
  blocks: readonly Block[],
  options: CompressOptions,
): Promise<InputPriors> {
  const gaussian = findGaussian(model, blocks, options);
  const { samples: given, blend, sequential = false } = options;
  if (sequential && !options.refit?.length) {
    throw new HermError('BAD_ARGUMENT', 'sequential goes by refitted widths: say which (--refit, refit).');
  }
  if (given === undefined && blend !== undefined) {
    throw new HermError('BAD_ARGUMENT', 'A blend needs samples: give them (--samples, samples), or leave it out.');
  }
  const samples = typeof given === 'function' ? await given(blocks) : (given ?? {});
  checkSamples(blocks, samples, blend);
  const digests = Object.entries(samples).map(([name, values]) => [name, digest(values)]);
  return {
    ...gaussian,
    kind: Object.keys(samples).length > 0 ? 'samples' : gaussian.kind,
    origin: { gaussian: gaussian.kind, ...gaussian.origin, samples: digests, blend, sequential },
    samples: ({ name }) => (Object.hasOwn(samples, name) ? samples[name] : undefined),
  };
}

/**
 * What serves best where nobody says it: behind norms that names tell, the prior of the weights; with samples, which measure
 * how inputs correlate, the norms alone. So in mixtures of experts: with fewer neurons than inputs, their correlations would
 * take many times as long as merging.
 */
function defaultPrior(
  model: Model,
  blocks: readonly Block[],
  { norms = [], samples }: CompressOptions,
): NonNullable<CompressOptions['prior']> {
  if (norms.length > 0) return 'norm';
  if (!blocks.every((block) => knownNorm(model, block, {}) !== undefined)) return 'isotropic';
  const isCheap = blocks.every(({ neurons, inputs }) => neurons >= inputs);
  return samples === undefined && isCheap ? 'weights' : 'norm';
}

function findGaussian(model: Model, blocks: readonly Block[], options: CompressOptions): Omit<InputPriors, 'samples'> {
  const { norms: descriptions = [], prior: kind = defaultPrior(model, blocks, options) } = options;
  if (kind === 'isotropic') {
    if (descriptions.length === 0) return { kind, origin: {}, of: async () => kind };
    throw new HermError('BAD_ARGUMENT', 'Norms are of no use with the prior isotropic: leave out one of the two.');
  }
  const described = findNorms(blocks, descriptions);
  if (kind === 'weights') return byWeights(model, blocks, described);
  const norms = Object.fromEntries(blocks.map((block) => [block.name, normOf(model, block, described)]));
  return { kind, origin: { norms }, of: (block) => readNorm(model, norms[block.name]!) };
}

/** Means and deviations of norms, where these are known. */
function byWeights(
  model: Model,
  blocks: readonly Block[],
  described: Readonly<Record<string, NormTensors>>,
): Omit<InputPriors, 'samples'> {
  const norms = Object.fromEntries(blocks.map((block) => [block.name, knownNorm(model, block, described)]));
  const of = async (block: Block, weights: NativeBlock, options: CallOptions) => {
    const norm = norms[block.name];
    return weightPrior(block, weights, { ...options, prior: norm && (await readNorm(model, norm)) });
  };
  return { kind: 'weights', origin: { norms }, of };
}

function checkSamples(blocks: readonly Block[], samples: BlockSamples, blend = 0): void {
  for (const [name, inputs] of Object.entries(samples)) {
    const block = blocks.find((candidate) => candidate.name === name);
    if (block) samplesOf(block, { inputs, blend });
    else {
      const names = blocks.map((candidate) => candidate.name);
      const why = `There are samples of ${quoteName(name)}, but the blocks are ${names.map(quoteName).join(', ')}.`;
      throw new HermError('PRIOR', why, { samples: name, blocks: names });
    }
  }
}

function digest({ buffer, byteOffset, byteLength }: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}
