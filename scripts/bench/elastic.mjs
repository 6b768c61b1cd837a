// A net that knows one task is tuned on another: through lifts, as a skeleton that is lifted, and as others do.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, openHerm, writeSafetensors } from '../../dist/index.mjs';
import { groupAdapter, randomGroups, wardGroups } from './elastic/groups.mjs';
import { runScript } from './elastic/python.mjs';
import { environment } from './environment.mjs';
import { lenetPath, loadModel } from './lenet.mjs';
import { barLines, table } from './table.mjs';

export const TASKS = ['rotated', 'digits', 'turned', 'noisy', 'negative'];
const DEFAULT_TASKS = ['rotated', 'digits'];
/** The block that becomes narrower; the second one is small, and stays whole. */
const TUNED_BLOCK = 'fc1';
const SHARES = [0.0625, 0.125, 0.25, 0.5];
const SEEDS = [0, 1, 2];
const RATES = [0.001, 0.003, 0.01, 0.03];
/** Of 250 images: four times all of the 20,000 that are rotated. */
const STEPS = 320;
const KEEPS = [1, 0.75, 0.5, 0.25];
/** Points of accuracy that a lift may lie below LoRA with as many parameters. */
const LIFT_MARGIN = 0.005;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share) => `${Number((100 * share).toFixed(2))}%`;
const spread = (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

/** The files of a net: its .herm, and of every share its skeleton and adapters. */
async function prepare(model, folder) {
  const path = lenetPath(model);
  const { blocks, lookup } = await loadModel(path);
  const herm = join(folder, 'model.herm');
  await compress(path, herm);
  const file = await openHerm(herm);
  const ward = wardGroups(blocks, lookup);
  const files = [];
  for (const share of SHARES) {
    const at = (name) => join(folder, `${name}-${share}`);
    const widths = { [TUNED_BLOCK]: Math.round(share * blocks.find(({ name }) => name === TUNED_BLOCK).neurons) };
    const skeleton = await file.skeleton(widths);
    // The metadata says the activation.
    await writeSafetensors(`${at('skeleton')}.safetensors`, skeleton.tensors, skeleton.metadata);
    const { tensors } = await file.adapter(widths);
    await writeSafetensors(`${at('hierarchy')}.safetensors`, tensors);
    const groups = (of) =>
      Object.fromEntries(blocks.map((block) => [block.name, of(block, skeleton.widths[block.name])]));
    const save = (name, of) => writeSafetensors(`${name}.safetensors`, groupAdapter(blocks, groups(of)));
    await save(at('Ward'), ({ name }, k) => ward[name](k));
    await save(at('random'), ({ neurons }, k) => randomGroups(neurons, k, 1));
    files.push({ share, at });
  }
  return { path, file, files };
}

/** What tune.py is to do for one task. */
function planOf({ path, files }, task, folder) {
  const methods = files.flatMap(({ share, at }) => {
    const own = (name) => `${name} ${percent(share)}`;
    const through = (groups) => {
      const adapter = `${at(groups)}.safetensors`;
      return { name: own(`through the lift, ${groups}`), kind: 'through', net: path, adapter, share };
    };
    const hierarchy = through('hierarchy');
    const skeleton = { name: own('skeleton alone'), kind: 'skeleton', net: `${at('skeleton')}.safetensors`, share };
    return [
      hierarchy,
      through('Ward'),
      through('random'),
      { name: own('LoRA'), kind: 'lora', net: path, like: hierarchy.name, share },
      { ...skeleton, output: join(folder, `tuned-${share}`) },
    ];
  });
  const whole = [
    { name: 'last layer', kind: 'last', net: path },
    { name: 'all weights', kind: 'full', net: path },
  ];
  return { task, seeds: SEEDS, rates: RATES, steps: STEPS, methods: [...methods, ...whole] };
}

/** A row of the table from the runs of a method: means over seeds. */
function rowOf(model, task, { name, share, parameters, rate, runs }, keep) {
  const numbers = (key) => runs.map((run) => run[key]);
  const method = share === undefined ? name : name.slice(0, name.lastIndexOf(' '));
  return {
    ...{ model, task, share, method, ...(keep !== undefined && { keep }), parameters, rate },
    ...{ new: mean(numbers('new')), spread: spread(numbers('new')), old: mean(numbers('old')) },
    seconds: mean(numbers('seconds')),
  };
}

async function score(task, paths) {
  const scores = [];
  await runScript('score', [task], paths, (found) => scores.push(...found));
  return scores;
}

/** The tuned skeletons of one share lifted: all of the original kept, and the share that suits the validation data of the first seed. */
async function liftedRows(model, task, file, found, folder) {
  const scored = [];
  for (const keep of KEEPS) {
    const paths = [];
    for (const { output, seed } of found.runs) {
      const path = join(folder, `lifted-${found.share}-${keep}-${seed}.safetensors`);
      await file.liftTo(path, output, { keep });
      paths.push(path);
    }
    const scores = await score(task, paths);
    const runs = found.runs.map((run, seed) => ({ ...run, ...scores[seed] }));
    scored.push({ keep, valid: scores[0].valid, runs });
  }
  const best = scored.reduce((a, b) => (b.valid > a.valid ? b : a));
  const name = `skeleton, then lift ${percent(found.share)}`;
  const rows = [scored[0], best].map(({ keep, runs }) => rowOf(model, task, { ...found, name, runs }, keep));
  return best.keep === 1 ? rows.slice(0, 1) : rows;
}

async function measureTask(model, task, prepared, root) {
  const folder = join(root, task);
  await mkdir(folder);
  const plan = planOf(prepared, task, folder);
  const found = [];
  await runScript('tune', [], plan, (method) => {
    found.push(method);
    process.stderr.write(
      `${model}, ${task}: ${method.name}: ${mean(method.runs.map((run) => run.new)).toFixed(4)} (${method.parameters} at ${method.rate})\n`,
    );
  });
  const [untouched] = await score(task, [prepared.path]);
  const nothing = { name: 'nothing', parameters: 0, runs: [{ ...untouched, seconds: 0 }] };
  const rows = [rowOf(model, task, nothing)];
  for (const method of found) {
    rows.push(rowOf(model, task, method));
    if (method.kind === 'skeleton') rows.push(...(await liftedRows(model, task, prepared.file, method, folder)));
  }
  return rows;
}

function barsOf(rows) {
  const bars = [];
  for (const row of rows) {
    const { model, task, share, method } = row;
    const others = rows.filter((other) => other.model === model && other.task === task && other.share === share);
    const lora = others.find((other) => other.method === 'LoRA');
    const bar = (what, goal) => {
      const value = row.new - lora.new;
      bars.push({
        name: `${model}, ${task}, ${percent(share)}: ${what} over LoRA`,
        value,
        goal,
        sense: '≥',
        holds: value >= goal,
      });
    };
    if (method === 'through the lift, hierarchy') bar('through the lift', -LIFT_MARGIN);
    const lifted = others.findLast((other) => other.method === 'skeleton, then lift');
    if (row === lifted && share >= 0.5) bar('skeleton, then lift', 0);
  }
  return bars;
}

/** Options: `model` (relu), `tasks`. */
export async function run({ model = 'relu', tasks = DEFAULT_TASKS }) {
  const folder = await mkdtemp(join(tmpdir(), 'hermkit-elastic-'));
  try {
    const prepared = await prepare(model, folder);
    // Two processes of one thread each; the tasks do not depend on each other.
    const rows = (await Promise.all(tasks.map((task) => measureTask(model, task, prepared, folder)))).flat();
    await prepared.file.close();
    const settings = { seeds: SEEDS, rates: RATES, steps: STEPS, keeps: KEEPS };
    return { suite: 'elastic', environment: environment(), settings, rows, bars: barsOf(rows) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function render({ rows, bars }, options) {
  const shown = rows.map(({ share, keep, ...row }) => ({
    ...{ task: row.task, width: share === undefined ? undefined : percent(share) },
    method: keep === undefined ? row.method : `${row.method} (keep ${percent(keep)})`,
    ...{ trained: row.parameters, rate: row.rate === undefined ? undefined : String(row.rate) },
    ...{ new: row.new, '±': row.spread, old: row.old, seconds: row.seconds },
  }));
  return [...table(shown, options), '', ...barLines(bars)].join('\n');
}
