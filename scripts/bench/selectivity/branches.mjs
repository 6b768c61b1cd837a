// Pairs of neurons by where in a hierarchy they meet, and a permutation test of how they agree there.
import { shuffleInPlace } from 'simple-statistics';
import { forestOf, groupsAt } from '../../../dist/index.mjs';

/**
 * The band of every pair i > j, at i(i−1)/2 + j: the first of these widths at which both are in one neuron.
 *
 * @param widths falling
 * @returns Uint8Array; `widths.length` where a pair meets below all of them
 */
export function bandsOf(tree, widths) {
  const m = tree.neurons;
  const forest = forestOf(tree);
  const bands = new Uint8Array((m * (m - 1)) / 2).fill(widths.length);
  for (const [band, width] of [...widths.entries()].reverse()) {
    const groups = groupsAt(forest, width);
    for (let i = 1; i < m; i++) {
      for (let j = 0; j < i; j++) if (groups[i] === groups[j]) bands[(i * (i - 1)) / 2 + j] = band;
    }
  }
  return bands;
}

/** Sums of an agreement [m×m] over the pairs of each band, neuron i being that of number order[i]. */
function sumsOf(agreement, bands, count, order) {
  const m = order.length;
  const sums = new Float64Array(count);
  for (let i = 1, pair = 0; i < m; i++) {
    const row = order[i] * m;
    for (let j = 0; j < i; j++, pair++) sums[bands[pair]] += agreement[row + order[j]];
  }
  return sums;
}

/**
 * Mean agreement of the pairs inside the branches of each width, and of those alone that meet between it and the width
 * before. p: the share of permutations of the neurons over the same tree that agree at least as well (with this one).
 *
 * @param random draws from [0, 1)
 */
export function testBranches(agreement, bands, widths, permutations, random) {
  const bandCount = widths.length + 1;
  const pairs = new Float64Array(bandCount);
  for (const band of bands) pairs[band]++;
  const order = Array.from({ length: Math.round(Math.sqrt(agreement.length)) }, (_, i) => i);
  const statistics = (sums) => {
    const inside = cumulative(sums);
    return [...widths.keys()].map((at) => ({ inside: inside[at], meeting: sums[at] }));
  };
  const observed = sumsOf(agreement, bands, bandCount, order);
  const found = statistics(observed);
  const atLeast = found.map(() => ({ inside: 1, meeting: 1 }));
  for (let n = 0; n < permutations; n++) {
    shuffleInPlace(order, random);
    for (const [at, sum] of statistics(sumsOf(agreement, bands, bandCount, order)).entries()) {
      for (const key of ['inside', 'meeting']) if (sum[key] >= found[at][key] - 1e-9) atLeast[at][key]++;
    }
  }
  const pairsInside = cumulative(pairs);
  const whole = observed.reduce((a, b) => a + b) / bands.length;
  const result = (sum, count, more) => ({ pairs: count, mean: sum / count, p: more / (permutations + 1) });
  const rows = widths.map((width, at) => ({
    width,
    inside: result(found[at].inside, pairsInside[at], atLeast[at].inside),
    meeting: result(found[at].meeting, pairs[at], atLeast[at].meeting),
  }));
  return { random: whole, rows };
}

/** The largest branches of a width, each as the neurons in it. */
export function largestBranches(tree, width, count) {
  const branches = new Map();
  for (const [neuron, node] of groupsAt(forestOf(tree), width).entries()) {
    branches.set(node, [...(branches.get(node) ?? []), neuron]);
  }
  return [...branches.values()].sort((a, b) => b.length - a.length).slice(0, count);
}

function cumulative(values) {
  let sum = 0;
  return Array.from(values, (value) => {
    sum += value;
    return sum;
  });
}
