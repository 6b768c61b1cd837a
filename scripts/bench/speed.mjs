// How long things take, and how much memory: against goals, plain code and other tools, all measured in the same run.
import { loadavg } from 'node:os';
import { environment } from './environment.mjs';
import * as build from './speed/cases/build.mjs';
import * as clustering from './speed/cases/clustering.mjs';
import * as growth from './speed/cases/growth.mjs';
import * as load from './speed/cases/load.mjs';
import * as pairs from './speed/cases/pairs.mjs';
import * as threads from './speed/cases/threads.mjs';
import * as throughput from './speed/cases/throughput.mjs';
import { barLines, table } from './table.mjs';

const cases = { build, clustering, pairs, throughput, growth, threads, load };

/** Names of the cases, in the order in which they run. */
export const CASES = Object.keys(cases);

/** @returns {{suite, environment, cases, rows, bars}} `rows` and `bars` of all cases, each with its `case` */
export async function run(options) {
  const names = options.case === undefined ? CASES : [options.case];
  const result = {
    suite: 'speed',
    environment: { ...environment(), loadAverage: loadavg()[0] },
    cases: [],
    rows: [],
    bars: [],
  };
  for (const name of names) {
    process.stderr.write(`measuring ${name} …\n`);
    const found = await cases[name].run({ maxNeurons: options.maxNeurons ?? Number.POSITIVE_INFINITY });
    result.cases.push({ name, title: cases[name].title });
    result.rows.push(...found.rows.map((row) => ({ case: name, ...row })));
    result.bars.push(...found.bars.filter((bar) => bar !== undefined).map((bar) => ({ case: name, ...bar })));
    Object.assign(result.environment, found.environment);
  }
  return result;
}

/** The result as tables for people; in Markdown as docs/benchmarks.md has them. */
export function render({ environment, cases: measured, rows, bars }, { markdown }) {
  const item = markdown ? '- ' : '';
  const lines = Object.entries(environment).map(([key, value]) => `${item}${key}: ${text(value)}`);
  for (const { name, title } of measured) {
    const of = (all) => all.filter((one) => one.case === name).map(({ case: _, ...rest }) => rest);
    const own = of(rows);
    const shown =
      own.length > 0 ? table(own, { markdown }) : ['left out: its blocks have more neurons than --max-neurons'];
    lines.push('', ...(markdown ? [`### ${capitalized(name)}`, '', `${title}.`] : [`${name}: ${title}`]), '', ...shown);
    const judged = barLines(of(bars)).map((line) => item + line);
    if (judged.length > 0) lines.push('', ...judged);
  }
  return lines.join('\n');
}

const capitalized = (name) => name[0].toUpperCase() + name.slice(1);

const text = (value) => (typeof value === 'object' ? JSON.stringify(value) : value);
