// Plans of widths: how long they take, how far from the best they can be, against simpler ways; and what samples add.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHerm } from '../../dist/index.mjs';
import { environment } from './environment.mjs';
import { FILES } from './plan/files.mjs';
import { measuredRows } from './plan/measured.mjs';
import { greedy, predictedError, uniform } from './plan/peers.mjs';
import { table } from './table.mjs';

const BUDGETS = [0.2, 0.4];

/** Plans of one file. */
async function planRows(name, path) {
  const file = await openHerm(path);
  const rows = [];
  for (const params of BUDGETS) {
    const before = process.cpuUsage();
    const { error, bound, whole } = await file.planWidths({ params });
    const { user, system } = process.cpuUsage(before);
    const peer = (way) => {
      const widths = way(file, params * whole.params);
      return widths && predictedError(file, widths);
    };
    rows.push({
      ...{ name, budget: params, milliseconds: (user + system) / 1000, error },
      // Both are sums of the same squares in different orders.
      gap: Math.max(0, error > 0 ? 1 - bound / error : 0),
      ...{ greedy: peer(greedy), uniform: peer(uniform) },
    });
  }
  await file.close();
  return rows;
}

/** @returns {{suite, environment, plans, measured}} */
export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'hermkit-plan-'));
  try {
    const plans = [];
    for (const [name, make] of Object.entries(FILES)) {
      process.stderr.write(`${name} …\n`);
      plans.push(...(await planRows(name, await make(folder))));
    }
    return { suite: 'plan', environment: environment(), plans, measured: await measuredRows(folder) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const share = (value) => `${Number((100 * value).toFixed(2))}%`;
const digits = (value) => (value === undefined ? 'none fits' : value.toPrecision(4));
/** Rounding of sums. */
const NOTHING = 1e-12;

export function render({ environment: where, plans, measured }, options) {
  const cells = plans.map(({ name, budget, milliseconds, error, gap, ...peers }) => ({
    file: name,
    numbers: share(budget),
    'CPU ms': milliseconds.toFixed(milliseconds < 10 ? 1 : 0),
    'error, plan': digits(error),
    'proven gap': gap < NOTHING ? '0' : gap.toExponential(1),
    'error, greedy': digits(peers.greedy),
    'error, uniform': digits(peers.uniform),
  }));
  const isSame = ({ alike, measured: own }) => alike.widths.join() === own.widths.join();
  const runs = measured
    .filter((row) => !isSame(row))
    .map(({ net, whole, budget, alike, measured: own }) => ({
      net,
      numbers: share(budget),
      'accuracy, all': share(whole),
      'widths, s = 1': alike.widths.join(' + '),
      accuracy: share(alike.accuracy),
      change: alike.change.toFixed(3),
      'widths, s measured': own.widths.join(' + '),
      'accuracy ': share(own.accuracy),
      'change ': own.change.toFixed(3),
    }));
  const sensitivities = new Map(measured.map(({ net, sensitivity }) => [net, Object.values(sensitivity)]));
  const notes = Array.from(sensitivities, ([net, values]) => {
    return `${net}: s = ${values.map((value) => value.toPrecision(2)).join(', ')}`;
  });
  return [
    ...Object.entries(where).map(([key, value]) => `${key}: ${value}`),
    '',
    ...table(cells, options),
    '',
    ...notes,
    `The same plan with both: ${measured.filter(isSame).length} of ${measured.length} (left out)`,
    '',
    ...table(runs, options),
  ].join('\n');
}
