// The suite's result as tables for people, or in Markdown.
import { barLines, table } from '../table.mjs';

const percent = (share) => `${Number((100 * share).toFixed(2))}%`;

export function render({ models, rows, certificates, bars }, options = {}) {
  if (models.length === 0) return [...table(rows, options), '', ...barSummary(bars, options)].join('\n');
  const lines = options.markdown ? [] : ['Columns: share of the hidden neurons that is kept.', ''];
  for (const model of models) {
    const own = rows.filter((row) => row.model === model.name);
    for (const metric of model.metrics) {
      for (const prior of new Set(own.map((row) => row.prior))) {
        lines.push(...section(model, metric, prior, own, options), '');
      }
    }
    const proofs = certificates.filter((row) => row.model === model.name);
    if (proofs.length > 0) lines.push(...certificateLines(model, proofs, options), '');
  }
  return [...lines, ...barSummary(bars, options)].join('\n');
}

function section(model, metric, prior, rows, options) {
  const ends = `full ${model.full[metric].toFixed(4)}, zeroed ${model.zeroed[metric].toFixed(4)}`;
  const title = `${model.title}: ${metric}, ${prior} (${ends})`;
  const ofPrior = rows.filter((row) => row.prior === prior);
  const best = [false, true].map((refit) =>
    model.widths.map((_, at) =>
      Math.max(...ofPrior.filter((row) => row.refit === refit).map((row) => row.values[at][metric])),
    ),
  );
  const cells = ofPrior.map((row) => ({
    method: nameOf(row),
    ...Object.fromEntries(
      model.widths.map((share, at) => {
        const value = row.values[at][metric];
        return [
          percent(share),
          options.markdown && value === best[Number(row.refit)][at] ? `**${value.toFixed(4)}**` : value,
        ];
      }),
    ),
  }));
  return [options.markdown ? `### ${title}\n` : title, ...table(cells, options)];
}

/** A method with what was done to it. */
function nameOf({ method, refit, blend }) {
  if (!refit) return method;
  if (blend === undefined) return `${method} + refit`;
  return blend === 0 ? `${method} + least squares` : `${method} + blended refit`;
}

function certificateLines({ title, widths }, rows, options) {
  const cells = rows.flatMap((row) =>
    ['predicted', 'measured'].map((kind) => ({
      block: row.block,
      prior: row.prior,
      error: kind,
      ...Object.fromEntries(widths.map((share, at) => [percent(share), row[kind][at]])),
    })),
  );
  const heading = `${title}: relative error of HERM's blocks without refit, by certificate and on test inputs`;
  return [options.markdown ? `### ${heading}\n` : heading, ...table(cells, options)];
}

/** All goals; in Markdown how many hold, and those that are missed. */
function barSummary(bars, options) {
  if (!options.markdown) return barLines(bars);
  const missed = bars.filter(({ holds }) => !holds);
  const rows = missed.map(({ name, value, goal }) => ({ missed: name, measured: value, goal }));
  return [
    `${bars.length - missed.length} of ${bars.length} goals hold.`,
    '',
    ...(rows.length ? table(rows, options) : []),
  ];
}
