import type { Stage } from './stages.ts';

/** What counts, and how much. */
export interface Weights {
  readonly error: number;
  readonly cost: number;
}

/** From every state of every stage, the way to the end that is best for some weights. */
export interface Completions {
  /** [stages + 1][states] weighted sums to the end. */
  readonly value: readonly Float64Array[];
  /** [stages + 1][states] */
  readonly error: readonly Float64Array[];
  /** [stages + 1][states] */
  readonly cost: readonly Float64Array[];
  /** [stages][states] the option to take. */
  readonly option: readonly Uint16Array[];
}

/** Dynamic programming from the last stage to the first. Among equals, the way of the least error, then of the least cost. */
export function complete(stages: readonly Stage[], weights: Weights): Completions {
  const room = () => Array.from({ length: stages.length + 1 }, () => new Float64Array(1));
  const [value, error, cost] = [room(), room(), room()];
  const option: Uint16Array[] = [];
  for (let n = stages.length - 1; n >= 0; n--) {
    const { states, options, ...stage } = stages[n]!;
    const sums = new Float64Array(states).fill(Number.POSITIVE_INFINITY);
    const [errors, costs, chosen] = [new Float64Array(states), new Float64Array(states), new Uint16Array(states)];
    for (let entry = 0; entry < states * options; entry++) {
      const state = Math.floor(entry / options);
      const next = stage.next[entry]!;
      const e = stage.error[entry]! + error[n + 1]![next]!;
      const c = stage.cost[entry]! + cost[n + 1]![next]!;
      const sum = weights.error * stage.error[entry]! + weights.cost * stage.cost[entry]! + value[n + 1]![next]!;
      if (!isBetter(sum, e, c, sums[state]!, errors[state]!, costs[state]!)) continue;
      sums[state] = sum;
      errors[state] = e;
      costs[state] = c;
      chosen[state] = entry % options;
    }
    value[n] = sums;
    error[n] = errors;
    cost[n] = costs;
    option[n] = chosen;
  }
  return { value, error, cost, option };
}

function isBetter(sum: number, e: number, c: number, bestSum: number, bestE: number, bestC: number): boolean {
  if (sum !== bestSum) return sum < bestSum;
  return e < bestE || (e === bestE && c < bestC);
}

/** The options that a way takes from a stage's state on. */
export function follow(stages: readonly Stage[], { option }: Completions, from: number, state: number): number[] {
  const options: number[] = [];
  let at = state;
  for (let n = from; n < stages.length; n++) {
    const chosen = option[n]![at]!;
    options.push(chosen);
    at = stages[n]!.next[at * stages[n]!.options + chosen]!;
  }
  return options;
}
