// Do neurons under one branch of a hierarchy serve the same classes? LeNets on the test images of Fashion-MNIST.
import { randomLcg } from 'd3-random';
import { blockValues, blockWeights, buildTree } from '../../dist/index.mjs';
import { environment } from './environment.mjs';
import { testImages } from './fashion.mjs';
import { lenetPath, loadModel } from './lenet.mjs';
import { bandsOf, largestBranches, testBranches } from './selectivity/branches.mjs';
import { peersOf, testGroups } from './selectivity/peers.mjs';
import { agreementOf, CLASSES, profilesOf, strongestClass } from './selectivity/profiles.mjs';
import { table } from './table.mjs';

const NETS = ['relu', 'tanh', 'gelu'];
const SHARES = [1 / 2, 1 / 4, 1 / 8, 1 / 16];
/** The largest branches at one of the shares. */
const BRANCHES = { share: 2, count: 5 };
const PERMUTATIONS = 9_999;
/** Of other clusterings. */
const PEER_PERMUTATIONS = 999;
const SEED = 0.42;
/** Of one test; all of them together are held to it by Bonferroni's division. */
const LEVEL = 0.05;

export async function run() {
  const images = testImages();
  const [rows, branches] = [[], []];
  for (const net of NETS) {
    process.stderr.write(`${net} …\n`);
    const { blocks, lookup } = await loadModel(lenetPath(net));
    let inputs = Float32Array.from(images.pixels);
    for (const block of blocks) {
      const weights = blockWeights(block, lookup);
      const values = await blockValues(block, weights, inputs);
      const found = await blockRows(net, block, lookup, values, images.labels);
      rows.push(...found.rows);
      branches.push(...found.branches);
      inputs = values;
    }
  }
  return { suite: 'selectivity', environment: environment(), permutations: PERMUTATIONS, rows, branches };
}

async function blockRows(net, block, lookup, values, labels) {
  const tree = await buildTree(block, blockWeights(block, lookup));
  const widths = SHARES.map((share) => Math.round(share * block.neurons));
  const bands = bandsOf(tree, widths);
  const odd = block.activation.name === 'tanh';
  const profiles = profilesOf(values, labels, block.neurons);
  const agreement = agreementOf(profiles, odd);
  const [byProfile, byClass] = [agreement.correlation, agreement.same].map((matrix) =>
    testBranches(matrix, bands, widths, PERMUTATIONS, randomLcg(SEED)),
  );
  const peers = Object.entries(peersOf(block, lookup)).map(([name, groupsAt]) => [
    name,
    widths.map((k) => testGroups(agreement.correlation, groupsAt(k), PEER_PERMUTATIONS, randomLcg(SEED))),
  ]);
  const rows = byProfile.rows.map((row, at) => ({
    net,
    block: block.name,
    neurons: block.neurons,
    ...row,
    random: byProfile.random,
    sameClass: { ...byClass.rows[at], random: byClass.random },
    peers: Object.fromEntries(peers.map(([name, tests]) => [name, tests[at]])),
  }));
  const width = widths[BRANCHES.share];
  const branches = largestBranches(tree, width, BRANCHES.count).map((neurons) => ({
    ...{ net, block: block.name, width, neurons: neurons.length },
    classes: countClasses(neurons.map((neuron) => strongestClass(profiles[neuron], odd))),
    size: Math.sqrt(mean(neurons.map((neuron) => norm(profiles[neuron])))) / Math.sqrt(mean(profiles.map(norm))),
  }));
  return { rows, branches };
}

const mean = (values) => values.reduce((a, b) => a + b) / values.length;
const norm = (profile) => profile.reduce((sum, value) => sum + value ** 2, 0);

/** How many neurons answer most to each class, the most frequent ones first. */
function countClasses(strongest) {
  const counts = CLASSES.map((name, at) => ({ name, neurons: strongest.filter((found) => found === at).length }));
  return counts.filter(({ neurons }) => neurons > 0).sort((a, b) => b.neurons - a.neurons);
}

const share = (value) => `${(100 * value).toFixed(1)}%`;
const chance = (value) => value.toFixed(4);

export function render({ environment: where, permutations, rows, branches }, options) {
  const lines = Object.entries(where).map(([key, value]) => `${key}: ${value}`);
  const cells = rows.map(({ net, block, neurons, width, inside, meeting, random, sameClass }) => ({
    net,
    block,
    width: `${width} of ${neurons}`,
    pairs: inside.pairs,
    inside: inside.mean.toFixed(3),
    random: random.toFixed(3),
    p: chance(inside.p),
    'meeting here': meeting.mean.toFixed(3),
    'p ': chance(meeting.p),
    'same class inside': share(sameClass.inside.mean),
    'random ': share(sameClass.random),
    'p  ': chance(sameClass.inside.p),
  }));
  const compared = rows.map(({ net, block, neurons, width, inside, random, peers: { ward, kmeans } }) => ({
    net,
    block,
    width: `${width} of ${neurons}`,
    random: random.toFixed(3),
    ...{ HERM: inside.mean.toFixed(3), pairs: inside.pairs },
    ...{ Ward: ward.mean.toFixed(3), 'pairs ': ward.pairs, p: ward.p.toFixed(3) },
    ...{ 'k-means': kmeans.mean.toFixed(3), 'pairs  ': kmeans.pairs, 'p ': kmeans.p.toFixed(3) },
  }));
  const shown = branches.map(({ net, block, width, neurons, classes, size }) => ({
    net,
    block,
    width,
    'neurons in the branch': neurons,
    'profile size': size.toFixed(2),
    'answer most to': classes.map((entry) => `${entry.name} ${entry.neurons}`).join(', '),
  }));
  const tests = 3 * rows.length;
  const limit = LEVEL / tests;
  const holds = (test) => rows.filter((row) => test(row) <= limit).length;
  const counts = [
    `profiles inside branches: ${holds(({ inside }) => inside.p)} of ${rows.length}`,
    `profiles of pairs that meet there: ${holds(({ meeting }) => meeting.p)} of ${rows.length}`,
    `classes inside branches: ${holds(({ sameClass }) => sameClass.inside.p)} of ${rows.length}`,
  ];
  return [
    ...lines,
    '',
    ...table(cells, options),
    '',
    `p of ${permutations} permutations; at most ${limit.toFixed(5)} (${LEVEL} over ${tests} tests): ${counts.join('; ')}.`,
    '',
    ...table(compared, options),
    '',
    ...table(shown, options),
  ].join('\n');
}
