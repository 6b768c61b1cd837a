import { buildTree } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { coldAndWarm, timed } from '../stats.mjs';
import { warmUp } from './warm_up.mjs';

/**
 * A block's whole hierarchy, from weights in memory to the tree with all its costs: the first one of this process, and
 * with `warm` later ones, too. The report is the last one's.
 */
export async function run({ spec, threads, warm }) {
  const { block, weights, tensors } = syntheticBlock(spec);
  await warmUp(spec, threads);
  let report;
  const onReport = (found) => {
    report = found;
  };
  const build = async () => (await timed(() => buildTree(block, weights, { threads, onReport }))).seconds;
  const taken = warm ? await coldAndWarm(build) : { seconds: await build() };
  return { ...taken, report, weightBytes: tensors.reduce((sum, { data }) => sum + data.byteLength, 0) };
}
