// Other groups of as many neurons, by the distances of their weights (w, b, v), and the same test for them.
import { kmeansFolding, wardFolding } from '../quality/folding.mjs';
import { layerOf } from '../quality/layer.mjs';
import { testBranches } from './branches.mjs';

const SEED = 1;

/** By name, what gives every neuron its group where there are k. */
export function peersOf(block, lookup) {
  const layer = layerOf(block, lookup);
  const [ward, kmeans] = [wardFolding({ layer }), kmeansFolding({ layer, seed: SEED })];
  return { ward: (k) => ward(k).to, kmeans: (k) => kmeans(k).to };
}

/** How the pairs inside groups [m] agree: mean, and p as for branches. */
export function testGroups(agreement, groups, permutations, random) {
  const m = groups.length;
  const bands = new Uint8Array((m * (m - 1)) / 2);
  for (let i = 1, pair = 0; i < m; i++) {
    for (let j = 0; j < i; j++, pair++) bands[pair] = groups[i] === groups[j] ? 0 : 1;
  }
  const [{ inside }] = testBranches(agreement, bands, [new Set(groups).size], permutations, random).rows;
  return inside;
}
