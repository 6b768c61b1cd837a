// node scripts/bench/quality/document.mjs MODEL.json…: puts what the suite found of all models (npm run --silent bench --
// quality --model MODEL --json) into docs/quality.md, and draws docs/quality-MODEL.svg of the models that have plots there.
import { readFile, writeFile } from 'node:fs/promises';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { table } from '../table.mjs';
import { render } from './render.mjs';

const docs = new URL('../../../docs/', import.meta.url);
const HEIGHT = 260;
const WIDTH = 320;

/** The refitted rows of a result without data. */
const dataFree = ({ rows }) => rows.filter((row) => row.refit && !/samples|mails|lines/.test(row.prior));

/** These rows of one model as points. */
function pointsOf({ name, widths, metric }, rows) {
  const shown = rows.filter((row) => row.model === name);
  return shown.flatMap(({ method, values }) =>
    widths.map((share, at) => ({ method, kept: 100 * share, value: values[at][metric] })),
  );
}

function specOf(model, points) {
  const methods = [...new Set(points.map(({ method }) => method))];
  const isHerm = 'test(/^HERM/, datum.method)';
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    title: `${model.title}, data-free, refitted`,
    background: 'white',
    width: WIDTH,
    height: HEIGHT,
    data: { values: points },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'kept', type: 'quantitative', title: '% of hidden neurons kept', scale: { type: 'log' } },
      y: { field: 'value', type: 'quantitative', title: model.metric, scale: { zero: false } },
      color: { field: 'method', type: 'nominal', sort: methods, scale: { scheme: 'tableau20' } },
      strokeWidth: { condition: { test: isHerm, value: 3 }, value: 1 },
    },
  };
}

/** Shares that every model is measured at. */
const SHARES = [0.5, 0.25, 0.125, 0.0625];

/** Two rows a model: HERM and the best of the others, refitted, without data. */
function summaryOf(result) {
  const [{ title, metric, widths, full, zeroed }] = result.models;
  const rows = dataFree(result).filter(({ method }) => !method.endsWith('(sequential)'));
  const herm = rows.find(({ method }) => method === 'HERM');
  const peers = rows.filter(({ method }) => !method.startsWith('HERM'));
  const measured = (row, share) => row.values[widths.indexOf(share)][metric];
  const bestOf = (share) => peers.toSorted((a, b) => measured(b, share) - measured(a, share))[0];
  const cells = (text) => Object.fromEntries(SHARES.map((share) => [`${100 * share}%`, text(share)]));
  const number = (value) => value.toFixed(4);
  const bold = (value, isBetter) => (isBetter ? `**${number(value)}**` : number(value));
  const isAhead = (share) => measured(herm, share) > measured(bestOf(share), share);
  return [
    {
      model: title,
      whole: `${metric} ${number(full[metric])}`,
      ' ': 'HERM',
      ...cells((share) => bold(measured(herm, share), isAhead(share))),
    },
    {
      model: '',
      whole: `zeroed ${number(zeroed[metric])}`,
      ' ': 'best other',
      ...cells((share) => `${bold(measured(bestOf(share), share), !isAhead(share))} ${bestOf(share).method}`),
    },
  ];
}

/** The page with another text between the marks of a model. */
function replaced(page, name, text) {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/quality.md has no ${begin} … ${end}.`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

const pagePath = new URL('quality.md', docs);
let page = await readFile(pagePath, 'utf8');
const results = [];
for (const path of process.argv.slice(2)) results.push(JSON.parse(await readFile(path, 'utf8')));
const summary = table(results.flatMap(summaryOf), { markdown: true });
page = replaced(page, 'summary', summary.join('\n'));
for (const result of results) {
  const [model] = result.models;
  page = replaced(page, model.name, render(result, { markdown: true }).trim());
  if (!page.includes(`](quality-${model.name}.svg)`)) continue;
  const { spec } = compile(specOf(model, pointsOf(model, dataFree(result))));
  const svg = await new View(parse(spec), { renderer: 'none' }).toSVG();
  await writeFile(new URL(`quality-${model.name}.svg`, docs), `${svg}\n`);
}
await writeFile(pagePath, page);
