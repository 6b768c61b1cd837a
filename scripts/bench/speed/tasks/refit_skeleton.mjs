import { buildTree, refitSkeleton } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { timed } from '../stats.mjs';

/** Output weights for the skeleton of half width. */
export async function run({ spec, threads }) {
  const { block, weights } = syntheticBlock(spec);
  const tree = await buildTree(block, weights, { threads });
  return await timed(async () => {
    await refitSkeleton(block, weights, tree, spec.neurons / 2, { threads });
  });
}
