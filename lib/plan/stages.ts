/** One way to decide a variable. */
export interface PlanOption {
  /** What it adds to the squared error. */
  readonly error: number;
  /** What it adds to the cost by itself. */
  readonly cost: number;
  /** What pairs multiply: a width. */
  readonly size: number;
}

/** Two variables that also cost factor · size · size together: the matrix between two hidden layers. */
export interface PlanPair {
  readonly first: number;
  readonly second: number;
  readonly factor: number;
}

/** One option of every variable is to be chosen. */
export interface PlanProblem {
  /** [variables][options] */
  readonly variables: readonly (readonly PlanOption[])[];
  readonly pairs: readonly PlanPair[];
}

/**
 * One step of a choice, one variable after the other: what its options add depends on what of the earlier choices still
 * matters, the *state*.
 */
export interface Stage {
  readonly states: number;
  readonly options: number;
  /** [states×options] */
  readonly error: Float64Array;
  /** [states×options] */
  readonly cost: Float64Array;
  /** [states×options] the state of the next stage. */
  readonly next: Uint32Array;
}

/** Earlier variables whose choices matter to later ones, as digits of a number. */
interface Frontier {
  readonly members: readonly number[];
  readonly states: number;
}

/**
 * The problem as stages: variables in their order, the state being the choices of those that have pairs with later ones. In
 * a chain of layers that is the one before, and nothing at all between layers that share no matrix.
 *
 * @returns undefined where a state could have more than `mostStates` values
 */
export function toStages({ variables, pairs }: PlanProblem, mostStates = 2 ** 16): Stage[] | undefined {
  const frontiers = [-1, ...variables.keys()].map((last) => frontierAfter(variables, pairs, last));
  if (frontiers.some(({ states }) => states > mostStates)) return undefined;
  return variables.map((options, at) => {
    const [before, after] = [frontiers[at]!, frontiers[at + 1]!];
    const factors = new Map(
      pairs.flatMap(({ first, second, factor }): [number, number][] => {
        return Math.max(first, second) === at ? [[Math.min(first, second), factor]] : [];
      }),
    );
    const length = before.states * options.length;
    const stage = { error: new Float64Array(length), cost: new Float64Array(length), next: new Uint32Array(length) };
    for (let state = 0; state < before.states; state++) {
      const chosen = digitsOf(state, before, variables);
      let shared = 0;
      for (const [other, factor] of factors) shared += factor * variables[other]![chosen.get(other)!]!.size;
      for (const [option, { error, cost, size }] of options.entries()) {
        const entry = state * options.length + option;
        stage.error[entry] = error;
        stage.cost[entry] = cost + shared * size;
        stage.next[entry] = numberOf(chosen.set(at, option), after, variables);
      }
    }
    return { states: before.states, options: options.length, ...stage };
  });
}

function frontierAfter(variables: PlanProblem['variables'], pairs: PlanProblem['pairs'], last: number): Frontier {
  const open = pairs.flatMap(({ first, second }) => {
    return Math.min(first, second) <= last && Math.max(first, second) > last ? [Math.min(first, second)] : [];
  });
  const members = [...new Set(open)].sort((a, b) => a - b);
  return { members, states: members.reduce((product, member) => product * variables[member]!.length, 1) };
}

function digitsOf(state: number, { members }: Frontier, variables: PlanProblem['variables']): Map<number, number> {
  const chosen = new Map<number, number>();
  let rest = state;
  for (const member of members) {
    chosen.set(member, rest % variables[member]!.length);
    rest = Math.floor(rest / variables[member]!.length);
  }
  return chosen;
}

function numberOf(
  chosen: ReadonlyMap<number, number>,
  { members }: Frontier,
  variables: PlanProblem['variables'],
): number {
  return members.reduceRight((rest, member) => rest * variables[member]!.length + chosen.get(member)!, 0);
}
