import type { HermContent } from '../file/content.ts';
import { bytesProblem } from './bytes_problem.ts';
import { areasOf, type CostKind, flatNumbers } from './cost.ts';
import type { PlanOption, PlanPair, PlanProblem } from './stages.ts';
import { squaredError, type WidthClass } from './width_classes.ts';

/** A choice of widths as a problem: which candidate of every class an option of every variable stands for. */
export interface WidthProblem extends PlanProblem {
  /** What no choice changes. */
  readonly fixed: number;
  /** [variables][options] the candidates of the classes that the variable decides. */
  readonly decides: readonly (readonly (readonly Decision[])[])[];
}

export interface Decision {
  readonly class: number;
  readonly candidate: number;
}

/** The problem for one kind of cost. */
export function widthProblem(
  content: HermContent,
  classes: readonly WidthClass[],
  sensitivity: readonly number[],
  kind: CostKind,
): WidthProblem {
  const errorOf = ({ class: at, candidate }: Decision) => {
    const { blocks, candidates } = classes[at]!;
    const weights = blocks.map((block) => sensitivity[block]!);
    return squaredError(candidates[candidate]!.errors, weights);
  };
  return kind === 'bytes' ? bytesProblem(content, classes, errorOf) : areaProblem(content, classes, errorOf, kind);
}

/** What a decision adds to the squared error. */
export type ErrorOf = (decision: Decision) => number;

/** Tensors cost their areas: linear in the width of one class, quadratic in it, or the product of two. */
function areaProblem(
  { header }: HermContent,
  classes: readonly WidthClass[],
  errorOf: ErrorOf,
  kind: 'params' | 'flops',
): WidthProblem {
  const classOf = new Map(classes.flatMap(({ blocks }, at) => blocks.map((block): [number, number] => [block, at])));
  const own = classes.map(() => ({ linear: 0, quadratic: 0 }));
  const pairs: PlanPair[] = [];
  for (const { fixed, blocks } of areasOf(header, kind)) {
    const [first, second] = blocks.map((block) => classOf.get(block)!);
    if (second === undefined) own[first!]!.linear += fixed;
    else if (first === second) own[first]!.quadratic += fixed;
    else pairs.push({ first: first!, second, factor: fixed });
  }
  const decides = classes.map(({ candidates }, at) => candidates.map((_, candidate) => [{ class: at, candidate }]));
  const variables = classes.map(({ candidates }, at) =>
    candidates.map(({ width }, candidate): PlanOption => {
      const { linear, quadratic } = own[at]!;
      return { error: errorOf({ class: at, candidate }), cost: linear * width + quadratic * width ** 2, size: width };
    }),
  );
  return { variables, pairs, decides, fixed: kind === 'params' ? flatNumbers(header) : 0 };
}
