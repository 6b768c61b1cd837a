import { type Completions, complete, follow, type Weights } from './completions.ts';
import type { Stage } from './stages.ts';

/** What to make least, and how large the other one may be. */
export interface PlanGoal {
  readonly least: 'error' | 'cost';
  readonly limit: number;
}

/** A choice within a limit. */
export interface Choice {
  /** [variables] */
  readonly options: readonly number[];
  readonly error: number;
  readonly cost: number;
  /** No choice within the limit has less of what was to be least: that of this one where it is the best. */
  readonly bound: number;
}

/** A partial choice: of the first stages, and what it adds up to. */
interface Label {
  readonly state: number;
  /** Of what is to be least. */
  readonly own: number;
  /** Of what is limited. */
  readonly other: number;
  /** No way on from here ends with less. */
  readonly bound: number;
  readonly option: number;
  readonly parent: Label | undefined;
}

/** Partial choices that are kept beside each other: few first, for a good choice early, then as many as memory allows. */
const BEAMS = [2 ** 5, 2 ** 10, 2 ** 14];

/** Partial choices of all stages together. */
const MOST_LABELS = 2 ** 19;

/** Differences that rounding can make, relative. */
const ROUNDING = 1e-12;

/** Any multiplier gives a bound; products of this one are finite. */
const MOST_MULTIPLIER = 1e250;

/**
 * The best choice within a limit (docs/theory.md, section 5.1): a Lagrangian bound from dynamic programming, then partial
 * choices stage by stage, without those that the bound or another one rules out.
 *
 * @returns undefined where no choice is within the limit
 */
export function search(stages: readonly Stage[], { least, limit }: PlanGoal): Choice | undefined {
  const other = otherThan(least);
  const objective = complete(stages, weightsOf(least, 1, 0));
  if (objective[other][0]![0]! <= limit) return choiceOf(stages, objective, objective[least][0]![0]!);
  const frugal = complete(stages, weightsOf(least, 0, 1));
  if (frugal[other][0]![0]! > limit) return undefined;
  const { multiplier, ways, feasible } = maximiseDual(stages, { least, limit }, objective, frugal);
  const found = new Search(stages, { least, limit }, { multiplier, ways, frugal, objective }, feasible);
  const most = Math.max(BEAMS[0]!, Math.floor(MOST_LABELS / stages.length));
  for (const beam of new Set(BEAMS.map((size) => Math.min(size, most)))) if (found.gap > ROUNDING) found.run(beam);
  return found.choice();
}

const otherThan = (least: PlanGoal['least']) => (least === 'error' ? 'cost' : 'error');

/** Weights of what is to be least and of the other one. */
function weightsOf(least: PlanGoal['least'], own: number, other: number): Weights {
  return least === 'error' ? { error: own, cost: other } : { error: other, cost: own };
}

function choiceOf(stages: readonly Stage[], ways: Completions, bound: number): Choice {
  return { options: follow(stages, ways, 0, 0), error: ways.error[0]![0]!, cost: ways.cost[0]![0]!, bound };
}

/**
 * The multiplier λ that makes the bound min(objective + λ·(other − limit)) largest: it is concave and piecewise linear in
 * λ, so the crossing of the lines of a choice within and one beyond the limit is either its peak or shows a better line.
 */
function maximiseDual(
  stages: readonly Stage[],
  { least, limit }: PlanGoal,
  objective: Completions,
  frugal: Completions,
): { multiplier: number; ways: Completions; feasible: Completions } {
  const other = otherThan(least);
  const line = (ways: Completions) => [ways[least][0]![0]!, ways[other][0]![0]!] as const;
  let [within, beyond] = [frugal, objective];
  for (;;) {
    const [[p, q], [p2, q2]] = [line(within), line(beyond)];
    const multiplier = Math.min((p - p2) / (q2 - q), MOST_MULTIPLIER);
    const ways = complete(stages, weightsOf(least, 1, multiplier));
    const [p3, q3] = line(ways);
    const crossing = p + multiplier * q;
    const isPeak = p3 + multiplier * q3 >= crossing * (1 - ROUNDING) || q3 === q || q3 === q2;
    if (isPeak) return { multiplier, ways, feasible: within };
    if (q3 <= limit) within = ways;
    else beyond = ways;
  }
}

interface Bounds {
  readonly multiplier: number;
  /** Best for objective + λ · other. */
  readonly ways: Completions;
  /** Least of the other one. */
  readonly frugal: Completions;
  /** Least objective. */
  readonly objective: Completions;
}

/** A whole choice: a beginning, and from the stage after it on what the ways say. */
interface Whole {
  readonly label: Label;
  readonly stage: number;
  readonly ways: Completions;
}

const ROOT: Label = { state: 0, own: 0, other: 0, bound: 0, option: 0, parent: undefined };

class Search {
  readonly #stages: readonly Stage[];
  readonly #least: 'error' | 'cost';
  readonly #other: 'error' | 'cost';
  readonly #limit: number;
  readonly #bounds: Bounds;
  #best: Whole;
  /** What the best one has of what is to be least. */
  #value: number;
  /** No choice has less. */
  #bound: number;
  /** The smallest bound of what a beam had no room for. */
  #lost = Number.POSITIVE_INFINITY;

  constructor(stages: readonly Stage[], { least, limit }: PlanGoal, bounds: Bounds, feasible: Completions) {
    this.#stages = stages;
    this.#least = least;
    this.#other = otherThan(least);
    this.#limit = limit;
    this.#bounds = bounds;
    this.#best = { label: ROOT, stage: 0, ways: feasible };
    this.#value = feasible[least][0]![0]!;
    this.#bound = Math.min(this.#value, bounds.ways.value[0]![0]! - bounds.multiplier * limit);
  }

  /** How far the best one can be from the best there is, relative. */
  get gap(): number {
    return 1 - this.#bound / this.#value;
  }

  choice(): Choice {
    const { label, stage, ways } = this.#best;
    const own = label.own + ways[this.#least][stage]![label.state]!;
    const other = label.other + ways[this.#other][stage]![label.state]!;
    const [error, cost] = this.#least === 'error' ? [own, other] : [other, own];
    const options: number[] = [];
    for (let at = label; at.parent !== undefined; at = at.parent) options.push(at.option);
    options.reverse();
    return {
      options: [...options, ...follow(this.#stages, ways, stage, label.state)],
      error,
      cost,
      bound: this.#bound,
    };
  }

  run(beam: number): void {
    this.#lost = Number.POSITIVE_INFINITY;
    let labels = [ROOT];
    for (let n = 0; n < this.#stages.length && labels.length > 0; n++) {
      labels = this.#fit(undominated(this.#grow(labels, n)), beam);
    }
    this.#bound = Math.min(this.#value, Math.max(this.#bound, this.#lost));
  }

  /** Ways on that can still be within the limit and better than the best so far. */
  #grow(labels: readonly Label[], n: number): Label[] {
    const { multiplier, ways, frugal, objective } = this.#bounds;
    const { options, next, [this.#least]: own, [this.#other]: other } = this.#stages[n]!;
    const [least, dual] = [objective[this.#least][n + 1]!, ways.value[n + 1]!];
    const rest = frugal[this.#other][n + 1]!;
    const grown: Label[] = [];
    for (const parent of labels) {
      for (let option = 0; option < options; option++) {
        const entry = parent.state * options + option;
        const state = next[entry]!;
        const used = parent.other + other[entry]!;
        if (used + rest[state]! > this.#limit) continue;
        const value = parent.own + own[entry]!;
        const bound = Math.max(value + dual[state]! + multiplier * (used - this.#limit), value + least[state]!);
        if (!this.#improves(bound)) continue;
        const label = { state, own: value, other: used, bound, option, parent };
        this.#tryWay(label, n + 1, frugal);
        this.#tryWay(label, n + 1, ways);
        grown.push(label);
      }
    }
    return grown;
  }

  #improves(value: number): boolean {
    return value < this.#value * (1 - ROUNDING);
  }

  #tryWay(label: Label, stage: number, ways: Completions): void {
    const value = label.own + ways[this.#least][stage]![label.state]!;
    if (!this.#improves(value)) return;
    if (label.other + ways[this.#other][stage]![label.state]! > this.#limit) return;
    this.#best = { label, stage, ways };
    this.#value = value;
  }

  /** The most promising ones, as many as the beam takes, and none that the best found meanwhile rules out. */
  #fit(labels: readonly Label[], beam: number): Label[] {
    const open = labels.filter(({ bound }) => this.#improves(bound));
    if (open.length <= beam) return open;
    open.sort((a, b) => a.bound - b.bound);
    this.#lost = Math.min(this.#lost, open[beam]!.bound);
    return open.slice(0, beam);
  }
}

/** Without labels that another one of the same state equals or beats in both sums. */
function undominated(labels: Label[]): Label[] {
  labels.sort((a, b) => a.state - b.state || a.other - b.other || a.own - b.own);
  let last: Label | undefined;
  return labels.filter((label) => {
    const beaten = last !== undefined && last.state === label.state && last.own <= label.own;
    if (!beaten) last = label;
    return !beaten;
  });
}
