// node scripts/bench/quality/plot.mjs quality.json: draws docs/quality-<model>.svg from the suite's JSON.
import { readFile, writeFile } from 'node:fs/promises';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

const docs = new URL('../../../docs/', import.meta.url);
const HEIGHT = 260;
const WIDTH = 320;

/** The refitted data-free rows of one model as points. */
function pointsOf({ name, widths, metric }, rows) {
  const shown = rows.filter((row) => row.model === name && row.refit && !/samples|mails/.test(row.prior));
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

const { models, rows } = JSON.parse(await readFile(process.argv[2], 'utf8'));
for (const model of models) {
  const { spec } = compile(specOf(model, pointsOf(model, rows)));
  const svg = await new View(parse(spec), { renderer: 'none' }).toSVG();
  await writeFile(new URL(`quality-${model.name}.svg`, docs), `${svg}\n`);
}
