/*
 * Kernel calls whose arguments nobody holds any more, under a garbage collector that runs all the time: prints the
 * distinct results. node --expose-gc gc_addon.mjs <addon>
 */
import { createRequire } from 'node:module';

const addon = createRequire(import.meta.url)(process.argv[2]);
const [m, n, merges] = [150, 24, 149];

const weight = (phase) => {
  const values = Float64Array.from({ length: m * n }, (_, k) => Math.sin(12.9898 * k + phase));
  return { data: new Uint8Array(values.buffer), dtype: 0, rows: m, cols: n, transposed: false };
};
const collect = setInterval(() => {
  for (let k = 0; k < 20; k++) new Float64Array(m * n).fill(Number.NaN);
  globalThis.gc();
}, 1);

/** Only `cost` is held while the kernel works; in a call of its own, so that no stack slot keeps the rest. */
function start(cost) {
  const outputs = {
    pairs: new Uint32Array(2 * merges),
    alpha: new Uint16Array(2 * merges),
    beta: new Uint16Array(2 * merges),
    biasOut: new Float64Array(merges),
    cost,
    report: new Float64Array(10),
  };
  const block = { input: weight(1), bias: undefined, output: weight(2), activation: { kind: 1, slope: 0 } };
  const job = { control: new Int32Array(2), threads: 2 };
  return addon.mergeRounds({ ...block, ...outputs, roundShare: 0.05, plain: false, refit: false, stored: true }, job);
}

const results = new Set();
for (let round = 0; round < 5; round++) {
  // The first of them waits for nothing but its promise, and the others for results.
  start(new Float64Array(merges)).catch(() => results.add('failed'));
  const costs = Array.from({ length: 4 }, () => new Float64Array(merges));
  await Promise.all(costs.map(start));
  for (const cost of costs) results.add(cost.join());
}
clearInterval(collect);
console.log(JSON.stringify({ distinct: results.size, finite: ![...results].join().includes('NaN') }));
