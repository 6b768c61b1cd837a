import { requireArguments, requireArray } from '../arguments.ts';
import type { NativeMatrix } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';

/** How the singular values of a matrix, or the gates of a layer, spread. */
export interface Spread {
  /** exp of the entropy of σ_l/Σσ: how many of equal size would be as spread out (Roy and Vetterli 2007); 0 of zeros. */
  readonly effectiveRank: number;
  /** Σσ²/σ_1²; 0 of zeros. */
  readonly stableRank: number;
}

/**
 * How evenly singular values are spread: the ranks that they effectively make up.
 *
 * @param values σ_l ≥ 0, descending
 */
export function spreadOf(values: Float64Array): Spread {
  requireArray('values', values, Float64Array);
  const first = values[0] ?? 0;
  if (first === 0) return { effectiveRank: 0, stableRank: 0 };
  let [sum, squares] = [0, 0];
  for (const value of values) {
    sum += value / first;
    squares += (value / first) ** 2;
  }
  let entropy = 0;
  for (const value of values) {
    const share = value / first / sum;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return { effectiveRank: Math.exp(entropy), stableRank: squares };
}

/** The singular values of a weight matrix and what they say. */
export interface WeightSpectrum extends Spread {
  /** [min(rows, cols)] descending */
  readonly values: Float64Array;
  /** Condition number σ_1/σ_last; infinite where the matrix has not full rank. */
  readonly condition: number;
  /** What a matrix of this shape with independent normal entries has, about; infinite for an empty one. */
  readonly randomCondition: number;
}

/**
 * Singular values of a matrix, by LAPACK's divide and conquer in double precision.
 *
 * @param name as messages call it
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when two copies in double precision do not fit;
 * `NON_FINITE`; `TOO_LARGE`; `ABORTED` (before the work starts: LAPACK does not stop)
 */
export async function weightSpectrum(
  name: string,
  matrix: NativeMatrix,
  options?: CallOptions,
): Promise<WeightSpectrum> {
  requireArguments({ matrix });
  const { rows, cols } = matrix;
  requireMemory(`The singular values of ${name}`, 2 * 8 * rows * cols);
  const values = new Float64Array(Math.min(rows, cols));
  await callNative(options, (addon, job) => addon.singularValues({ matrix, values }, job));
  const last = values.at(-1) ?? 0;
  // Below the rounding of the decomposition a value says nothing but that the rank is not full.
  const full = last > (values[0] ?? 0) * Number.EPSILON * Math.max(rows, cols);
  return {
    values,
    ...spreadOf(values),
    condition: full ? values[0]! / last : Number.POSITIVE_INFINITY,
    randomCondition: randomCondition(rows, cols),
  };
}

/**
 * The condition number of a normal matrix: Marchenko and Pastur's edges (√a + √b)/(√a − √b) for an a×b one, but at most what
 * square ones have, exp(E ln κ) = b·exp(1.537) (Edelman 1988).
 */
export function randomCondition(rows: number, cols: number): number {
  const [long, short] = [Math.max(rows, cols), Math.min(rows, cols)];
  if (short === 0) return Number.POSITIVE_INFINITY;
  const edges = (Math.sqrt(long) + Math.sqrt(short)) / (Math.sqrt(long) - Math.sqrt(short));
  return Math.min(edges, short * Math.exp(1.537));
}

/** One weight matrix among those that could be fine-tuned. */
export interface TuningCandidate {
  readonly tensor: string;
  readonly condition: number;
}

/**
 * Which matrices to leave alone when fine-tuning, by the condition number as a proxy for how much a matrix has learned to
 * tell apart (Ludwig 2025, arXiv:2506.16289, whose KappaTune trains the matrices of the smallest condition numbers): the
 * half with the largest ones, none where there is one matrix alone. A suggestion, not a measurement of forgetting.
 *
 * @returns the names in falling order of condition numbers
 */
export function leaveAlone(candidates: readonly TuningCandidate[]): string[] {
  requireArguments({ candidates });
  return [...candidates]
    .sort((a, b) => (a.condition === b.condition ? 0 : b.condition - a.condition))
    .slice(0, Math.floor(candidates.length / 2))
    .map(({ tensor }) => tensor);
}
