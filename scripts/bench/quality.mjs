// How well narrowed models still work: HERM and its peers, with the same refit of output weights and without.

import { weightPrior } from '../../dist/index.mjs';
import { environment } from './environment.mjs';
import { barsOf } from './quality/bars.mjs';
import { certificateRows } from './quality/certificates.mjs';
import { encoderFfn } from './quality/encoder_ffn.mjs';
import { endsOf, FOR_REFITS, fileRows, HERM, inTurnRows, methodRows, sequential } from './quality/evaluate.mjs';
import { DATA_FREE } from './quality/methods.mjs';
import { MODELS, modelNamed } from './quality/models.mjs';
import { viewsOf } from './quality/narrow.mjs';
import { sampledRows } from './quality/sampled.mjs';

export { render } from './quality/render.mjs';

/** Not a model but a block of one, with tables of its own; measured when it is named. */
const FFN = 'sentence-encoder-ffn';
export const MODEL_NAMES = [...Object.keys(MODELS), FFN];
const say = (text) => process.stderr.write(`${text} …\n`);

/** The prior of the weights, instead of the model's own but with its means and deviations. */
async function byWeights(model) {
  const priors = viewsOf(model).map(({ block, weights }, l) =>
    weightPrior(block, weights, { prior: model.prior.blocks[l] }),
  );
  return { kind: 'weights', blocks: await Promise.all(priors) };
}

/** Rows of one model, data-free. */
async function dataFree(model, wanted) {
  const rows = [];
  const labels = { prior: model.prior.kind };
  const { blocks: priors } = model.prior;
  const refits = [{ priors }];
  if (wanted(HERM)) {
    if (model.path) rows.push(...(await fileRows(model, labels)));
    else rows.push(...(await methodRows(model, HERM, priors, refits, labels)));
  }
  for (const method of [FOR_REFITS, ...DATA_FREE].filter(wanted)) {
    say(`${model.name}: ${method.name}`);
    rows.push(...(await methodRows(model, method, priors, refits, labels)));
  }
  if (model.chain && wanted({ name: sequential(HERM.name) })) rows.push(...(await inTurnRows(model, HERM, {}, labels)));
  return rows;
}

async function runModel(model, { methods, samples }) {
  const wanted = ({ name }) => (methods === undefined || methods.includes(name)) && !model.leftOut?.includes(name);
  const rows = await dataFree(model, wanted);
  const tested = methods === undefined ? await model.testedInputs() : undefined;
  const certificates = tested
    ? await certificateRows(model, model.prior.blocks, tested, { prior: model.prior.kind })
    : [];
  for (const count of samples ? model.sampleCounts : []) {
    say(`${model.name}: ${count} samples`);
    const inputs = await model.samples(count);
    const found = await sampledRows(model, count, inputs, model.prior.blocks, tested, wanted);
    rows.push(...found.rows);
    certificates.push(...found.certificates);
  }
  return { rows, certificates };
}

/**
 * @param options `model` one of MODEL_NAMES; `prior` weights: instead of the model's own; `methods` names of rows, without certificates; `widths` shares kept; `samples` false: data-free alone
 * @returns {{suite, environment, models, rows, certificates, bars}}
 */
export async function run({ model: only, prior, methods, widths, samples = true }) {
  if (only === FFN) return { suite: 'quality', environment: environment(), models: [], ...(await encoderFfn(say)) };
  const result = { suite: 'quality', environment: environment(), models: [], rows: [], certificates: [] };
  for (const name of only === undefined ? Object.keys(MODELS) : [only]) {
    const model = await modelNamed(name);
    if (widths !== undefined) model.widths = widths;
    if (prior === 'weights') model.prior = await byWeights(model);
    say(`${name}: ends`);
    result.models.push({ ...(await endsOf(model)), ...describe(model) });
    const { rows, certificates } = await runModel(model, { methods, samples });
    result.rows.push(...rows);
    result.certificates.push(...certificates);
  }
  return { ...result, bars: barsOf(result) };
}

const describe = ({ name, title, metric, metrics, widths }) => ({ name, title, metric, metrics, widths });
