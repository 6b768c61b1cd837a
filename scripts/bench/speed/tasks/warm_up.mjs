import { buildTree } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';

/** Loads the addon and starts OpenBLAS and its threads, on a block too small to leave anything in caches. */
export async function warmUp(spec, threads) {
  const { block, weights } = syntheticBlock({ ...spec, neurons: 64, inputs: 64, outputs: 64 });
  await buildTree(block, weights, { threads });
}
