// The goals that were set for the suite, and whether a run meets them.
import { LENETS } from './models.mjs';

// Of the ReLU net: accuracy may be this much below the full net with this share kept, and half a point more.
const LOSSES = { plain: { 0.5: 0.004, 0.3: 0.017, 0.2: 0.045 }, refit: { 0.5: 0.004, 0.3: 0.014, 0.2: 0.04 } };
// Neuron Merging as published (arXiv:2010.13160, table 1), on a net of 0.8980.
const PUBLISHED = { 0.5: 0.8869, 0.4: 0.8692, 0.3: 0.8275, 0.2: 0.8002 };
const BLENDED_300 = { 0.3: 0.887, 0.2: 0.872, 0.1: 0.77 };
const ENCODER = {
  norm: { 0.75: 0.855, 0.5: 0.72 },
  samples: { 0.75: 0.96, 0.5: 0.89 },
};
const POINTS = 0.005;
const NARROW = 0.2;
const RELATIVE = 1.05;

const percent = (share) => `${Number((100 * share).toFixed(2))}%`;
const bar = (name, value, goal) => ({ name, value, goal, sense: 'at least', holds: value >= goal });

export function barsOf({ models, rows }) {
  return models.flatMap((model) => {
    const own = rows.filter((row) => row.model === model.name);
    return [...ofModel(model, own), ...againstPeers(model, own)];
  });
}

const measured = (model, row, share) => row?.values[model.widths.indexOf(Number(share))]?.[model.metric];

/** Goals in numbers of their own. */
function ofModel(model, rows) {
  const bars = [];
  const add = (row, goals, label) => {
    for (const [share, goal] of Object.entries(goals)) {
      const value = measured(model, row, share);
      if (value !== undefined) bars.push(bar(`${model.name}, ${percent(share)} kept, ${label}`, value, goal));
    }
  };
  const find = (method, refit, prior) =>
    rows.find((row) => row.method === method && row.refit === refit && prior.test(row.prior));
  if (model.name === 'relu') {
    for (const refit of [false, true]) {
      const row = find('HERM', refit, /isotropic/);
      const losses = Object.entries(LOSSES[refit ? 'refit' : 'plain']);
      const goals = Object.fromEntries(losses.map(([share, loss]) => [share, model.full.accuracy - loss - POINTS]));
      add(row, goals, refit ? 'refit: loss' : 'loss');
      add(row, PUBLISHED, `${refit ? 'refit: ' : ''}Neuron Merging as published`);
    }
    add(find('HERM (sequential)', true, /^300 /), BLENDED_300, '300 samples, blended, sequential, refit');
  }
  if (model.name === 'sentence-encoder') {
    const free = find('HERM', true, /^(norm|weights)$/);
    add(free, ENCODER.norm, `${free?.prior} prior, refit: cosine`);
    add(find('HERM', true, /mails/), ENCODER.samples, 'block inputs of 120 mails, refit: cosine');
  }
  return bars;
}

/** HERM (one hierarchy a layer) against the best peer under the same prior: refit against refit, plain against plain. */
function againstPeers(model, rows) {
  const bars = [];
  for (const herm of rows.filter(({ method }) => method === 'HERM')) {
    const isPeer = ({ method, refit, prior }) =>
      !method.startsWith('HERM') && !method.endsWith('(sequential)') && refit === herm.refit && prior === herm.prior;
    const peers = rows.filter(isPeer);
    if (peers.length === 0) continue;
    for (const share of model.widths) {
      const best = Math.max(...peers.map((row) => measured(model, row, share)));
      const inPoints = LENETS.includes(model.name) && share <= NARROW;
      // Elsewhere the error, 1 − accuracy or 1 − cosine, may be 5% above the best peer's.
      const goal = inPoints ? best + POINTS : 1 - RELATIVE * (1 - best);
      const label = `${herm.prior}${herm.refit ? ', refit' : ''}: ${inPoints ? 'half a point above' : 'near'} the best peer`;
      bars.push(bar(`${model.name}, ${percent(share)} kept, ${label}`, measured(model, herm, share), goal));
    }
  }
  return bars;
}
