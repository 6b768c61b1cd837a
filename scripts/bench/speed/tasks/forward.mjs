import { forward, lookupIn, mlpLayers } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { timed } from '../stats.mjs';
import { warmUp } from './warm_up.mjs';

/** A batch through the block. */
export async function run({ spec, batch, threads }) {
  const { block, tensors } = syntheticBlock(spec);
  const layers = mlpLayers([block], lookupIn(tensors));
  const x = Float64Array.from({ length: batch * spec.inputs }, (_, i) => Math.sin(i));
  await warmUp(spec, threads);
  return await timed(async () => {
    await forward(layers, x, batch, { threads });
  });
}
