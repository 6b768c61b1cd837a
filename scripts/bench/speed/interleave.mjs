import { median } from './stats.mjs';

const REPETITIONS = 3;
const LONG_SECONDS = 5;

/**
 * Runs contestants in turns (a, b, c, a, b, c, …), so that a slow minute of the machine hits all alike. One that takes
 * five seconds or more runs once.
 *
 * @param contestants by name, functions that resolve to `{seconds, …}`
 * @returns by name, all results and the median of their seconds
 */
export async function interleave(contestants, repetitions = REPETITIONS) {
  const results = Object.fromEntries(Object.keys(contestants).map((name) => [name, { runs: [] }]));
  for (let round = 0; round < repetitions; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const { runs } = results[name];
      if (runs.length > 0 && runs[0].seconds >= LONG_SECONDS) continue;
      runs.push(await run());
    }
  }
  for (const result of Object.values(results)) result.seconds = median(result.runs.map(({ seconds }) => seconds));
  return results;
}
