import { measureGram } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { coldAndWarm } from '../stats.mjs';
import { warmUp } from './warm_up.mjs';

/** The Gram products of a block's weights alone: what any method that compares all neurons must do. */
export async function run({ spec, threads }) {
  const { block, weights } = syntheticBlock(spec);
  await warmUp(spec, threads);
  return await coldAndWarm(() => measureGram(block, weights, { threads }));
}
