// One model at all widths, by all methods: rows {model, prior, samples, method, refit, seeds, values: [widths]{metric}}.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, fileSource, fromFloat64, openHerm, widthAt } from '../../../dist/index.mjs';
import { hermBy } from './methods.mjs';
import { narrow, narrowInTurn, viewsOf } from './narrow.mjs';

/** `values` of several runs as their mean, metric by metric. */
const meanOf = (runs) =>
  Object.fromEntries(
    Object.keys(runs[0]).map((key) => [key, runs.reduce((sum, run) => sum + run[key], 0) / runs.length]),
  );

const widthOf = ({ layer }, share) => widthAt({ neurons: layer.m, smallest: 1 }, share);

/** What the model does as it is, and with all hidden neurons' outputs zeroed. */
export async function endsOf(model) {
  const zeroed = model.tensors.map((tensor) =>
    model.blocks.some(({ output }) => output.tensor === tensor.name)
      ? fromFloat64(new Float64Array(tensor.shape.reduce((a, b) => a * b)), 'F64', tensor.name, tensor.shape)
      : tensor,
  );
  return { full: await model.evaluate(model.tensors), zeroed: await model.evaluate(zeroed) };
}

/**
 * A method on the original neurons of every block.
 *
 * @param priors by block, what the method sees
 * @param refits `{label, priors}` by which output weights are solved anew; each model is also measured without
 */
export async function methodRows(model, { name, cut, seeds }, priors, refits, labels = {}) {
  const views = viewsOf(model);
  const found = new Map([undefined, ...refits].map((refit) => [refit, model.widths.map(() => [])]));
  for (const seed of seeds) {
    const plans = [];
    for (const [l, view] of views.entries()) plans.push(await cut(view, priors[l], seed + l));
    for (const [at, share] of model.widths.entries()) {
      const cuts = plans.map((plan, l) => plan(widthOf(views[l], share)));
      for (const [refit, values] of found) {
        values[at].push(await model.evaluate(await narrow(model, cuts, refit?.priors)));
      }
    }
  }
  return [...found].map(([refit, values]) => ({
    ...{ model: model.name, ...labels, method: name, refit: refit !== undefined, ...refit?.labels },
    ...(seeds.length > 1 && { seeds: seeds.length }),
    values: values.map(meanOf),
  }));
}

/** What the rows of a method in sequence are called. */
export const sequential = (name) => `${name} (sequential)`;

/** A method on a chain of blocks, each as it stands behind narrowed ones; everything is found anew for every width. */
export async function inTurnRows(model, { name, cut, seeds }, settings, labels = {}) {
  const rows = [];
  // Nothing is before the first block.
  let first;
  for (const refit of [false, true]) {
    const values = [];
    for (const share of model.widths) {
      const plan = async (view, prior, l) => {
        if (l === 0) first ??= await cut(view, prior, seeds[0]);
        return (l === 0 ? first : await cut(view, prior, seeds[0] + l))(widthOf(view, share));
      };
      values.push(await model.evaluate(await narrowInTurn(model, plan, refit, settings)));
    }
    rows.push({ model: model.name, ...labels, method: sequential(name), refit, values });
  }
  return rows;
}

/** HERM as users run it: skeletons out of a file. */
export async function fileRows(model, labels) {
  const folder = await mkdtemp(join(tmpdir(), 'herm-bench-'));
  try {
    const path = join(folder, 'model.herm');
    const { kind: prior } = model.prior;
    await compress(model.path, path, { prior, refit: model.widths });
    const file = await openHerm(await fileSource(path));
    const rows = [];
    for (const refit of [false, true]) {
      const values = [];
      for (const share of model.widths) {
        values.push(await model.evaluate((await file.skeleton(share, { refit })).tensors));
      }
      rows.push({ model: model.name, ...labels, method: 'HERM', refit, values });
    }
    await file.close();
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const HERM = { name: 'HERM', cut: hermBy('pair'), seeds: [0] };
export const FOR_REFITS = { name: 'HERM for refits', cut: hermBy('refit'), seeds: [0] };
