import { HermError } from '../errors.ts';
import type { HermHeader } from '../file/schema.ts';
import type { Block } from '../model/block.ts';
import type { Model } from '../model/model.ts';
import { findNorms, normOf, readNorm } from '../model/norm.ts';
import type { GaussianPrior } from '../model/prior.ts';
import type { CompressOptions } from './compress.ts';

/** What the inputs of every block look like. */
export interface InputPriors {
  readonly kind: HermHeader['prior'];
  /** What they follow from, as far as it is not in the model. */
  readonly origin: object;
  of(block: Block): Promise<GaussianPrior>;
}

/** @throws HermError `PRIOR` before anything is computed, where norms are missing or are of no block; `BAD_ARGUMENT` */
export function findPriors(
  model: Model,
  blocks: readonly Block[],
  { norms: descriptions = [], prior: kind = descriptions.length > 0 ? 'norm' : 'isotropic' }: CompressOptions,
): InputPriors {
  if (kind === 'isotropic') {
    if (descriptions.length === 0) return { kind, origin: {}, of: async () => kind };
    throw new HermError('BAD_ARGUMENT', 'Norms are of no use with the prior isotropic: leave out one of the two.');
  }
  const described = findNorms(blocks, descriptions);
  const norms = Object.fromEntries(blocks.map((block) => [block.name, normOf(model, block, described)]));
  return { kind, origin: { norms }, of: (block) => readNorm(model, norms[block.name]!) };
}
