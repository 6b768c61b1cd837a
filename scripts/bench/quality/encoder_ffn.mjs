// The first feed-forward block of the sentence encoder at half its width, from few tokens: how far what is left is off on
// tokens that nothing was fitted to.
import { randomLcg } from 'd3-random';
import { blockOutputs, blockWeights, chooseBlends, lookupIn, weightPrior } from '../../../dist/index.mjs';
import { loadEncoder } from './encoder.mjs';
import { FOR_REFITS, HERM } from './evaluate.mjs';
import { MAILS, mailSets } from './mails.mjs';
import { SAMPLED } from './methods.mjs';
import { narrow, viewsOf } from './narrow.mjs';
import { shuffled } from './shuffled.mjs';

const KEPT = 0.5;
const COUNTS = [500, 2000];
const HELD_OUT = 4000;
const SEEDS = [1, 2, 3];
/** How tokens are chosen among those of the mails: anywhere, or one after the other. */
const CHOICES = {
  spread: (pool, count, random) => shuffled(pool, random).slice(0, count),
  'in a row': (pool, count, random) => {
    const from = Math.floor(random() * (pool.length - count));
    return pool.slice(from, from + count);
  },
};
/** Read as squared errors: docs/quality.md says why, and what not reading them so would mean. */
const GOALS = { 500: 0.36, 2000: 0.25 };
const RELATIVE = 1.05;

const rowsAt = (tokens, n, places) => {
  const rows = new Float32Array(places.length * n);
  for (const [at, place] of places.entries()) rows.set(tokens.subarray(place * n, (place + 1) * n), at * n);
  return rows;
};

/** ‖f − f_k‖²/‖f‖² */
function squaredError(wanted, found) {
  let [distance, norm] = [0, 0];
  for (const [at, value] of wanted.entries()) {
    distance += (value - found[at]) ** 2;
    norm += value ** 2;
  }
  return distance / norm;
}

/** The block as a model of its own, its Gaussian priors, and tokens: those of 120 mails, and those of 64 others. */
async function loadBlock() {
  const { inputs, model, norms } = await loadEncoder();
  const sets = mailSets(MAILS);
  const tokensOf = async (mails) => (await inputs(mails.map(({ text }) => text)))[0];
  const one = { ...model, blocks: model.blocks.slice(0, 1) };
  const [view] = viewsOf(one);
  const weights = await weightPrior(view.block, view.weights, { prior: norms[0] });
  const tokens = { sampled: await tokensOf(sets.sampled), tested: await tokensOf(sets.tested) };
  return { model: one, view, gaussians: { norm: norms[0], weights }, tokens };
}

/** `pool`: places of tokens to choose from, in the mails' sequence; `tested`: tokens held out of the same mails, and others. */
function partsOf({ sampled, tested }, n) {
  const places = shuffled([...Array(sampled.length / n).keys()], randomLcg(1));
  return {
    pool: places.slice(HELD_OUT).sort((a, b) => a - b),
    tested: { 'same mails': rowsAt(sampled, n, places.slice(0, HELD_OUT)), 'other mails': tested },
  };
}

/** What every method sees, and the refits of what it keeps. */
function trialsOf(inputs, gaussians, blends) {
  const prior = (kind, blend) => ({ inputs, blend, gaussian: gaussians[kind] });
  const refits = Object.entries(blends).map(([kind, blend]) => ({
    kind,
    label: `blended refit, ${kind}`,
    prior: prior(kind, blend.refit),
  }));
  const squares = { label: 'least squares', prior: prior('norm', 0) };
  return [
    ...[HERM, FOR_REFITS].flatMap((method) =>
      refits.map((refit) => ({ method, seen: prior(refit.kind, blends[refit.kind].merge), refits: [refit] })),
    ),
    ...SAMPLED.map((method) => ({ method, seen: squares.prior, refits: [squares, ...refits] })),
  ];
}

/** Errors {name: {where: error}} of one choice of tokens. */
async function errorsOf({ model, view, gaussians }, inputs, tested) {
  const { block, weights } = view;
  const blends = {};
  for (const [kind, gaussian] of Object.entries(gaussians)) {
    blends[kind] = await chooseBlends(block, weights, inputs, { gaussian, shares: [KEPT] });
  }
  const errors = {};
  for (const { method, seen, refits } of trialsOf(inputs, gaussians, blends)) {
    const cut = (await method.cut(view, seen, 0))(KEPT * block.neurons);
    for (const { label, prior } of refits) {
      const tensors = await narrow(model, [cut], [prior]);
      const narrowed = { ...block, neurons: cut.k };
      const found = blockWeights(narrowed, lookupIn(tensors));
      const name = `${method.name} + ${label}`;
      errors[name] = {};
      for (const [where, { tokens, outputs }] of Object.entries(tested)) {
        errors[name][where] = squaredError(outputs, await blockOutputs(narrowed, found, tokens));
      }
    }
  }
  return errors;
}

/** Columns of a table by what is tested; tokens in a row are tested on the same mails alone. */
const columnsOf = (count, choice) =>
  choice === 'spread'
    ? { 'same mails': `${count}, same mails`, 'other mails': `${count}, other mails` }
    : { 'same mails': `${count} ${choice}` };

/** Rows {method, column: mean error over seeds} and the goals. @param say gets what is being done */
export async function encoderFfn(say) {
  const known = await loadBlock();
  const { block, weights, layer } = known.view;
  const parts = partsOf(known.tokens, layer.n);
  const tested = {};
  for (const [where, tokens] of Object.entries(parts.tested)) {
    tested[where] = { tokens, outputs: await blockOutputs(block, weights, tokens) };
  }
  const rows = new Map();
  const add = (method, column, error) => {
    if (!rows.has(method)) rows.set(method, { method });
    rows.get(method)[column] = (rows.get(method)[column] ?? 0) + error / SEEDS.length;
  };
  const trials = COUNTS.flatMap((count) =>
    Object.keys(CHOICES).flatMap((choice) => SEEDS.map((seed) => ({ count, choice, seed }))),
  );
  for (const { count, choice, seed } of trials) {
    say(`sentence-encoder-ffn: ${count} tokens ${choice}, seed ${seed}`);
    const places = CHOICES[choice](parts.pool, count, randomLcg(seed / (SEEDS.length + 1)));
    const errors = await errorsOf(known, rowsAt(known.tokens.sampled, layer.n, places), tested);
    for (const [where, column] of Object.entries(columnsOf(count, choice))) {
      for (const [method, found] of Object.entries(errors)) add(method, column, found[where]);
    }
  }
  const all = [...rows.values()].sort((a, b) => (a.method < b.method ? -1 : 1));
  return { rows: all, bars: barsOf(all) };
}

function barsOf(rows) {
  const bars = [];
  const bar = (name, value, goal) => bars.push({ name, value, goal, sense: 'at most', holds: value <= goal });
  for (const [count, goal] of Object.entries(GOALS)) {
    const columns = Object.keys(rows[0]).filter((column) => column.startsWith(`${count}`));
    for (const herm of rows.filter(({ method }) => method.startsWith('HERM'))) {
      for (const column of columns) bar(`${herm.method}, ${column}: squared error`, herm[column], goal);
    }
    for (const column of columns) {
      const best = (isHerm) =>
        Math.min(...rows.filter(({ method }) => method.startsWith('HERM') === isHerm).map((row) => row[column]));
      bar(`HERM, ${column}: near the best peer`, best(true), RELATIVE * best(false));
    }
  }
  return bars;
}
