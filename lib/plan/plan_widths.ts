import { HermError } from '../errors.ts';
import type { HermContent } from '../file/content.ts';
import { uniformGroups } from '../herm/loader_widths.ts';
import { quoteName } from '../model/messages.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import { type CostKind, type WidthCost, widthCost } from './cost.ts';
import { type WidthProblem, widthProblem } from './problem.ts';
import { type Choice, search } from './search.ts';
import { toStages } from './stages.ts';
import { type WidthClass, widthClasses } from './width_classes.ts';

/** What to spread over the blocks: a budget, or an error that may be made. */
export interface PlanRequest extends Pick<CallOptions, 'signal'> {
  /** At most so many numbers in all tensors; up to 1: this share of the original's. */
  readonly params?: number | undefined;
  /** At most so many operations of the blocks' matrices for one row; up to 1: this share. */
  readonly flops?: number | undefined;
  /** At most so many bytes read of the file; up to 1: this share. */
  readonly bytes?: number | undefined;
  /** The predicted error may be as large as this, and the cost is made least. */
  readonly maxError?: number | undefined;
  /** What `maxError` makes least; by default `params`. */
  readonly minimize?: CostKind | undefined;
  /** By block name, how much its squared error counts; by default 1 for all. */
  readonly sensitivity?: Readonly<Record<string, number>> | undefined;
  /** One width for all blocks that loaders give one. */
  readonly uniform?: boolean | undefined;
  /** Multiples of it alone, and full widths. */
  readonly roundTo?: number | undefined;
}

/** What a plan gives one block. */
export interface PlannedBlock {
  readonly name: string;
  readonly neurons: number;
  readonly width: number;
  /** The certificate of {@link recorded}. */
  readonly error: number;
  /** The largest recorded width up to `width`; the same unless widths are rounded. */
  readonly recorded: number;
  readonly sensitivity: number;
}

/** Widths for all blocks, what they cost, and what they are predicted to lose. */
export interface WidthPlan {
  readonly blocks: readonly PlannedBlock[];
  /** By block name: what `skeleton` takes. */
  readonly widths: Readonly<Record<string, number>>;
  /** √Σ sensitivity·error² */
  readonly error: number;
  readonly cost: WidthCost;
  /** Of the full network. */
  readonly whole: WidthCost;
  /** What was made least, and a number that no widths to choose among can be below: that of this plan where it is the best. */
  readonly least: 'error' | CostKind;
  readonly bound: number;
}

/**
 * The widths of the least predicted error within a budget, or of the least cost within an error (docs/theory.md, section 5):
 * among all combinations of recorded widths the best, or one that is at most as far from it as `bound` says.
 *
 * @throws HermError `BAD_ARGUMENT`; `BUDGET` where no widths are within it; `NO_CERTIFICATE`; `WIDTH` where this part of a
 * file lacks a block; `TOO_LARGE`; `CONFIG`, `ABORTED` and as reading the file does, with `uniform`.
 */
export async function planWidths(content: HermContent, request: PlanRequest): Promise<WidthPlan> {
  const { kind, limit, least } = goalOf(request);
  const sensitivity = sensitivitiesOf(content, request.sensitivity);
  const { roundTo = 1, uniform = false, signal } = request;
  throwIfAborted(signal);
  if (!Number.isSafeInteger(roundTo) || roundTo < 1)
    throw badArgument(`roundTo must be a whole number above 0`, roundTo);
  const groups = uniform ? await uniformGroups(content, { signal }) : undefined;
  const classes = widthClasses(content, { groups, roundTo, sensitivity });
  const problem = widthProblem(content, classes, sensitivity, kind);
  const whole = widthCost(
    content,
    content.header.blocks.map(({ neurons }) => neurons),
  );
  const choice = solve(problem, least, least === 'error' ? budgetOf(limit, whole[kind]) : limit, kind);
  return describe(content, classes, problem, { choice, sensitivity, whole, kind, least });
}

interface Goal {
  readonly kind: CostKind;
  readonly limit: number;
  readonly least: 'error' | 'cost';
}

const KINDS: readonly CostKind[] = ['params', 'flops', 'bytes'];

function goalOf(request: PlanRequest): Goal {
  if (typeof request !== 'object' || request === null) throw badArgument('A plan is made of an object', request);
  const given = [...KINDS, 'maxError' as const].filter((key) => request[key] !== undefined);
  const [key] = given;
  if (key === undefined || given.length > 1) {
    throw badArgument('A plan needs one of params, flops, bytes and maxError', given.join(', ') || 'none');
  }
  const limit = request[key]!;
  if (typeof limit !== 'number' || !(limit >= 0) || (key !== 'maxError' && limit === 0))
    throw badArgument(`${key} must be a number ${key === 'maxError' ? 'from 0 on' : 'above 0'}`, limit);
  if (key !== 'maxError') return { kind: key, limit, least: 'error' };
  const { minimize = 'params' } = request;
  if (!KINDS.includes(minimize)) throw badArgument(`minimize must be one of ${KINDS.join(', ')}`, minimize);
  return { kind: minimize, limit, least: 'cost' };
}

function badArgument(why: string, given: unknown): HermError {
  return new HermError('BAD_ARGUMENT', `${why}, not ${given}.`);
}

const budgetOf = (limit: number, whole: number) => (limit <= 1 ? limit * whole : limit);

/** [blocks] @throws HermError `BAD_ARGUMENT` unless every block has one, and no other. */
function sensitivitiesOf({ header }: HermContent, given: PlanRequest['sensitivity']): number[] {
  const { blocks } = header;
  if (given === undefined) return blocks.map(() => 1);
  if (typeof given !== 'object' || given === null)
    throw badArgument('sensitivity must be numbers by block name', given);
  const unknown = Object.keys(given).find((name) => blocks.every((block) => block.name !== name));
  if (unknown !== undefined) {
    throw new HermError('BAD_ARGUMENT', `There is no block ${quoteName(unknown)} to have a sensitivity.`, {
      block: unknown,
    });
  }
  return blocks.map(({ name }) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
    const needed =
      value === undefined ? 'is missing: every block needs one' : `must be a number from 0 on, not ${value}`;
    const why = `The sensitivity of block ${quoteName(name)} ${needed}.`;
    throw new HermError('BAD_ARGUMENT', why, { block: name });
  });
}

function solve(problem: WidthProblem, least: 'error' | 'cost', limit: number, kind: CostKind): Choice {
  const stages = toStages(problem);
  if (stages === undefined) {
    throw new HermError('TOO_LARGE', 'Too many layers of a chain share their widths: plan without "uniform".');
  }
  if (least === 'cost') {
    const cheapest = search(stages, { least, limit: limit ** 2 * (1 + ROUNDING) });
    if (cheapest === undefined) throw beyond('maxError', limit, Math.sqrt(search(stages, ANY)!.error));
    // Many plans may cost the same: the one with the least error.
    const closest = search(stages, { least: 'error', limit: cheapest.cost })!;
    return { ...closest, bound: cheapest.bound + problem.fixed };
  }
  const choice = search(stages, { least, limit: limit - problem.fixed });
  if (choice !== undefined) return choice;
  throw beyond(kind, limit, search(stages, { least: 'cost', limit: Number.POSITIVE_INFINITY })!.cost + problem.fixed);
}

/** Of a root that is squared again. */
const ROUNDING = 1e-12;

const ANY = { least: 'error', limit: Number.POSITIVE_INFINITY } as const;

/** What budgets are of, in messages. */
const NAMES = { params: 'parameters', flops: 'operations', bytes: 'bytes', maxError: 'a predicted error' } as const;

function beyond(what: CostKind | 'maxError', limit: number, smallest: number): HermError {
  // Costs are whole numbers; an error is said in full, as it may be given back as the next limit.
  const text = (value: number) => (what === 'maxError' ? String(value) : Math.floor(value).toLocaleString('en'));
  const why = `No recorded widths have ${NAMES[what]} of at most ${text(limit)}: the smallest that they give is ${text(smallest)}. Allow as much.`;
  return new HermError('BUDGET', why, { limit, smallest });
}

interface Solution {
  readonly choice: Choice;
  readonly sensitivity: readonly number[];
  readonly whole: WidthCost;
  readonly kind: CostKind;
  readonly least: 'error' | 'cost';
}

function describe(
  content: HermContent,
  classes: readonly WidthClass[],
  { decides }: WidthProblem,
  { choice, sensitivity, whole, kind, least }: Solution,
): WidthPlan {
  const planned: PlannedBlock[] = [];
  for (const [variable, option] of choice.options.entries()) {
    for (const { class: at, candidate } of decides[variable]![option]!) {
      const { blocks, candidates } = classes[at]!;
      const { width, recorded, errors } = candidates[candidate]!;
      for (const [member, block] of blocks.entries()) {
        const { name, neurons } = content.header.blocks[block]!;
        const own = { width, error: errors[member]!, recorded: recorded[member]! };
        planned[block] = { name, neurons, ...own, sensitivity: sensitivity[block]! };
      }
    }
  }
  return {
    blocks: planned,
    widths: Object.fromEntries(planned.map(({ name, width }) => [name, width])),
    error: Math.sqrt(planned.reduce((sum, block) => sum + block.sensitivity * block.error ** 2, 0)),
    cost: widthCost(
      content,
      planned.map(({ width }) => width),
    ),
    whole,
    least: least === 'error' ? 'error' : kind,
    bound: least === 'error' ? Math.sqrt(Math.max(0, choice.bound)) : choice.bound,
  };
}
