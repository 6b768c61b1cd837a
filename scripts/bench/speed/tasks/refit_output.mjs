import { refitOutput, toFloat64 } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { timed } from '../stats.mjs';
import { warmUp } from './warm_up.mjs';

/** Output weights for the first half of the block's own neurons. */
export async function run({ spec, threads }) {
  const { block, weights, tensors } = syntheticBlock(spec);
  const width = spec.neurons / 2;
  const [w, b] = tensors.map(toFloat64);
  await warmUp(spec, threads);
  return await timed(async () => {
    await refitOutput(block, weights, w.subarray(0, width * spec.inputs), b.subarray(0, width), { threads });
  });
}
