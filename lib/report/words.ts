import type { HermFile } from '../file/read.ts';

/** What inputs the errors of a file are for. */
export const PRIOR_WORDS: Readonly<Record<HermFile['prior'], string>> = {
  isotropic: 'x ~ N(0, I)',
  norm: 'x ~ N(β, diag(γ²)) of its norm',
  weights: 'inputs correlated as the weights that read them',
  samples: 'samples of its inputs, blended with a Gaussian prior; measured: on samples that were held out',
};
