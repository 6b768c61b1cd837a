import { pairGates, scaPairs, toFloat64 } from '../../../../dist/index.mjs';
import { transpose } from '../../quality/layer.mjs';
import { syntheticBlock } from '../blocks.mjs';
import { plainGates, plainShares } from '../peers/pairs_plain.mjs';
import { svdGates, svdShares } from '../peers/pairs_svd.mjs';
import { timed } from '../stats.mjs';
import { warmUp } from './warm_up.mjs';

const PEERS = { plain: { sca: plainShares, gid: plainGates }, svd: { sca: svdShares, gid: svdGates } };

/** Seconds for the first `count` pairs of a block by one method, and the first `sample` pairs' results. */
export async function run({ spec, method, quantity, count, sample, threads }) {
  const { block, weights, tensors } = syntheticBlock(spec);
  const pairs = firstPairs(spec.neurons, count);
  const call =
    method === 'hermkit' ? await ours(block, weights, quantity, spec, threads) : peer(block, tensors, method, quantity);
  const { seconds, value } = await timed(() => call(pairs));
  return { seconds, sample: Array.from(value.subarray(0, 2 * sample)) };
}

async function ours(block, weights, quantity, spec, threads) {
  await warmUp(spec, threads);
  return quantity === 'sca'
    ? async (pairs) => (await scaPairs(block, weights, pairs, { threads })).shares
    : (pairs) => pairGates(block, weights, pairs, { threads });
}

function peer({ neurons, inputs, outputs }, tensors, method, quantity) {
  const [w, down] = tensors.map(toFloat64);
  const rows = { w, v: transpose(down, outputs, neurons) };
  return (pairs) => PEERS[method][quantity]({ inputs, outputs }, rows, pairs);
}

/** [2P] (0, 1), (0, 2), …, (1, 2), … */
function firstPairs(neurons, count) {
  const pairs = new Uint32Array(2 * count);
  let at = 0;
  for (let i = 0; i < neurons && at < pairs.length; i++) {
    for (let j = i + 1; j < neurons && at < pairs.length; j++) {
      pairs[at++] = i;
      pairs[at++] = j;
    }
  }
  return pairs;
}
