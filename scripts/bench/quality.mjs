// Accuracy of LeNet-300-100 on all 10,000 Fashion-MNIST test images with both hidden layers cut, HERM and data-free peers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, fileSource, openHerm } from '../../dist/index.mjs';
import { environment } from './environment.mjs';
import { accuracy, testImages } from './fashion.mjs';
import { layersOf, lenetPath, loadModel } from './lenet.mjs';
import { narrow, plan } from './peer_net.mjs';
import { kmeansFolding, l1Pruning } from './peers.mjs';
import { barLines, table } from './table.mjs';

const REMOVED = [0.5, 0.6, 0.7, 0.8, 0.9];
const SEEDS = [1, 2, 3];
// Set for ReLU and a net of 0.900: accuracy may be this much below it with this share removed, and half a point more.
const GOALS = { plain: { 0.5: 0.004, 0.7: 0.017, 0.8: 0.045 }, refit: { 0.5: 0.004, 0.7: 0.014, 0.8: 0.04 } };

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function hermRows(activation, images) {
  const folder = await mkdtemp(join(tmpdir(), 'herm-bench-'));
  try {
    const path = join(folder, `${activation}.herm`);
    await compress(lenetPath(activation), path, { refit: REMOVED.map((share) => 1 - share) });
    const file = await openHerm(await fileSource(path));
    const rows = [];
    for (const refit of [false, true]) {
      const accuracies = [];
      for (const share of REMOVED) {
        const { tensors } = await file.skeleton(1 - share, { refit });
        accuracies.push(await accuracy(layersOf(file.blocks, tensors), images));
      }
      rows.push({ activation, method: 'HERM', refit, accuracies });
    }
    await file.close();
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function peerRows(activation, model, images) {
  const rows = [];
  for (const [method, cut, seeds] of [
    ['L1 pruning', l1Pruning, [0]],
    ['k-means folding', kmeansFolding, SEEDS],
  ]) {
    const plans = REMOVED.map((share) => seeds.map((seed) => plan(model, cut, 1 - share, seed)));
    for (const refit of [false, true]) {
      const accuracies = [];
      for (const runs of plans) {
        const right = [];
        for (const run of runs) {
          right.push(await accuracy(layersOf(model.blocks, await narrow(model, run, refit)), images));
        }
        accuracies.push(mean(right));
      }
      rows.push({ activation, method, refit, seeds: seeds.length, accuracies });
    }
  }
  return rows;
}

function barsOf(rows, full) {
  const bars = [];
  for (const { activation, method, refit, accuracies } of rows) {
    if (activation !== 'relu' || method !== 'HERM') continue;
    for (const [share, loss] of Object.entries(GOALS[refit ? 'refit' : 'plain'])) {
      const value = accuracies[REMOVED.indexOf(Number(share))];
      const goal = full.relu - loss - 0.005;
      bars.push({
        name: `relu, ${share * 100}% removed${refit ? ', refit' : ''}`,
        value,
        goal,
        sense: 'at least',
        holds: value >= goal,
      });
    }
  }
  return bars;
}

/** @returns {{suite, environment, full, rows, bars}} */
export async function run(options) {
  const images = testImages();
  const full = {};
  const rows = [];
  for (const activation of options.model === undefined ? ['relu', 'tanh', 'gelu'] : [options.model]) {
    const model = await loadModel(lenetPath(activation));
    full[activation] = await accuracy(layersOf(model.blocks, model.tensors), images);
    rows.push(...(await hermRows(activation, images)), ...(await peerRows(activation, model, images)));
  }
  return { suite: 'quality', environment: environment(), removed: REMOVED, full, rows, bars: barsOf(rows, full) };
}

/** The result as one table a net, for people. */
export function render({ removed, full, rows, bars }, options = {}) {
  const lines = [
    'LeNet-300-100 on Fashion-MNIST, test accuracy with both hidden layers cut by the given share, data-free',
    '',
  ];
  for (const [activation, value] of Object.entries(full)) {
    const title = `${activation}, full net ${value.toFixed(4)}`;
    const cells = rows
      .filter((row) => row.activation === activation)
      .map(({ method, refit, accuracies }) => ({
        [title]: refit ? `${method} + refit` : method,
        ...Object.fromEntries(removed.map((share, at) => [`${share * 100}%`, accuracies[at]])),
      }));
    lines.push(...table(cells, options), '');
  }
  return [...lines, ...barLines(bars)].join('\n');
}
