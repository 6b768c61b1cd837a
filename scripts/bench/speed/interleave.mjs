import { median } from './stats.mjs';

const ROUNDS = 9;

/** Runs of something that takes so long; they divide the rounds. Short ones scatter more, and cost less to repeat. */
const runsFor = (seconds) => (seconds >= 5 ? 1 : seconds >= 1 ? 3 : ROUNDS);

/**
 * Runs contestants in turns (a, b, c, a, b, c, …), so that a slow minute of the machine hits all alike. Longer ones sit
 * out some rounds.
 *
 * @param contestants by name, functions that resolve to `{seconds, …}`
 * @returns by name, all results and the medians of their seconds and, where they have them, cold seconds
 */
export async function interleave(contestants) {
  const results = Object.fromEntries(Object.keys(contestants).map((name) => [name, { runs: [] }]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const { runs } = results[name];
      const every = round === 0 ? 1 : ROUNDS / runsFor(runs[0].seconds);
      if (round % every === 0) runs.push(await run());
    }
  }
  for (const result of Object.values(results)) {
    result.seconds = median(result.runs.map(({ seconds }) => seconds));
    const cold = result.runs.map(({ coldSeconds }) => coldSeconds).filter((seconds) => seconds !== undefined);
    if (cold.length > 0) result.coldSeconds = median(cold);
  }
  return results;
}
