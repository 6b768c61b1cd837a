// A trained skeleton grows along its tree or by fresh splits, and is trained on.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, growTo, openHerm, writeSafetensors } from '../../dist/index.mjs';
import { runScript } from './elastic/python.mjs';
import { environment } from './environment.mjs';
import { lenetPath } from './lenet.mjs';
import { table } from './table.mjs';

/** What the network was made for, on fewer images. */
const TASK = 'fashion';
const NARROW = 0.125;
const WIDE = 0.5;
const SEEDS = [0, 1, 2];
const RATES = [0.0003, 0.001, 0.003, 0.01];
/** Of 250 images: so many steps see all 20,000 once. */
const EPOCH = 80;
const EPOCHS_BEFORE = 2;
const EPOCHS_AFTER = [1, 2];

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

/** Nets (paths) trained with one seed, each at the learning rate that is best on validation data. */
async function train(nets, epochs, seed) {
  const methods = nets.map(({ name, net, output }) => ({ name, net, output, kind: 'skeleton' }));
  const plan = { task: TASK, seeds: [seed], rates: RATES, steps: epochs * EPOCH, methods };
  const found = [];
  await runScript('tune', [], plan, (method) => found.push(method));
  return found.map(({ rate, parameters, runs: [run] }) => ({
    rate,
    parameters,
    accuracy: run.new,
    output: run.output,
  }));
}

async function score(paths) {
  const scores = [];
  await runScript('score', [TASK], paths, (found) => scores.push(...found));
  return scores.map((found) => found.new);
}

/** The nets that one seed goes on with. */
async function netsOf(herm, skeletons, folder, seed) {
  const at = (name) => join(folder, `${name}-${seed}`);
  const [{ output: trained }] = await train(
    [{ name: 'narrow', net: skeletons.narrow, output: at('trained') }],
    EPOCHS_BEFORE,
    seed,
  );
  const [tree, fresh] = ['tree', 'fresh'].map((name) => `${at(name)}.safetensors`);
  await growTo(trained, tree, { tree: herm, widths: WIDE, seed });
  await growTo(trained, fresh, { widths: skeletons.widths, seed });
  return [
    { name: `stays at ${100 * NARROW}%`, net: trained },
    { name: 'grown by fresh splits', net: fresh },
    { name: 'grown along the tree', net: tree },
    { name: `skeleton of ${100 * WIDE}%, not grown`, net: skeletons.wide },
  ];
}

/** Options: `model` (relu). */
export async function run({ model = 'relu' }) {
  const folder = await mkdtemp(join(tmpdir(), 'hermkit-grow-'));
  try {
    const herm = join(folder, 'model.herm');
    await compress(lenetPath(model), herm);
    const file = await openHerm(herm);
    const save = async (name, share) => {
      const { tensors, metadata, widths } = await file.skeleton(share, { refit: false });
      const path = join(folder, `${name}.safetensors`);
      await writeSafetensors(path, tensors, metadata);
      return { path, widths };
    };
    const [narrow, wide] = [await save('narrow', NARROW), await save('wide', WIDE)];
    await file.close();
    const skeletons = { narrow: narrow.path, wide: wide.path, widths: wide.widths };
    const found = new Map();
    for (const seed of SEEDS) {
      const nets = await netsOf(herm, skeletons, folder, seed);
      const starts = await score(nets.map(({ net }) => net));
      for (const epochs of EPOCHS_AFTER) {
        for (const [at, { rate, parameters, accuracy }] of (await train(nets, epochs, seed)).entries()) {
          const { name } = nets[at];
          const row = found.get(name) ?? { name, parameters, start: [], after: EPOCHS_AFTER.map(() => []), rates: [] };
          if (epochs === EPOCHS_AFTER[0]) row.start.push(starts[at]);
          row.after[EPOCHS_AFTER.indexOf(epochs)].push(accuracy);
          row.rates.push(rate);
          found.set(name, row);
        }
      }
      process.stderr.write(`${model}: seed ${seed} is done\n`);
    }
    const settings = { narrow: NARROW, wide: WIDE, seeds: SEEDS, rates: RATES, epochs: [EPOCHS_BEFORE, EPOCHS_AFTER] };
    return { suite: 'grow', environment: environment(), settings, model, rows: [...found.values()] };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function render({ rows }, options) {
  const shown = rows.map(({ name, parameters, start, after }) => ({
    ...{ network: name, numbers: parameters, before: mean(start) },
    ...Object.fromEntries(
      EPOCHS_AFTER.flatMap((epochs, at) => [
        [`after ${epochs}`, mean(after[at])],
        [`± ${epochs}`, spread(after[at])],
      ]),
    ),
  }));
  return table(shown, options).join('\n');
}
