import { buildTree } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { timed } from '../stats.mjs';
import { warmUp } from './warm_up.mjs';

/** A block's whole hierarchy, from weights in memory to the tree with all its costs. */
export async function run({ spec, threads }) {
  const { block, weights, tensors } = syntheticBlock(spec);
  await warmUp(spec, threads);
  let report;
  const onReport = (found) => {
    report = found;
  };
  const { seconds } = await timed(() => buildTree(block, weights, { threads, onReport }));
  return { seconds, report, weightBytes: tensors.reduce((sum, { data }) => sum + data.byteLength, 0) };
}
