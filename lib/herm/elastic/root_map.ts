import { halvesOf } from '../../model/tensor.ts';
import { coefficientsOf, type MergeTree, type Side } from '../tree.ts';

/** A sparse m×k matrix with one non-zero a row: of every neuron the root above it, and its coefficient. */
export interface AxisMap {
  /** [m] positions in a skeleton of width k. */
  readonly index: Uint32Array;
  /** [m] */
  readonly coefficient: Float64Array;
}

/**
 * How long the columns of a map are. `least-norm`: what lifts the change of a skeleton; `unit`: all of length 1, so that numbers
 * that are trained through the map count as much as the weights that they change.
 */
export type MapScale = 'least-norm' | 'unit';

/**
 * The m×k matrix A that takes changes of the k roots of a width to changes of all m neurons, on one side (docs/theory.md, section
 * 6). With ω_i the product of the coefficients on the way down from its root, a neuron has ω_i / Σ ω², summed over all neurons
 * below that root: of all changes that merge to the root's, the smallest; or ω_i / √Σ ω². Roots with Σ ω² = 0 lift nothing.
 *
 * @param copies [m] of every neuron the first one with equal inputs: those below one root then share their ω alike, so that they move alike.
 */
export function rootMap(
  tree: MergeTree,
  width: number,
  side: Side,
  scale: MapScale = 'least-norm',
  copies?: Uint32Array,
): AxisMap {
  const index = rootsOf(tree, width);
  const coefficient = pathProducts(tree, width, side);
  if (copies !== undefined) shareAmongCopies(coefficient, index, copies);
  const squares = new Float64Array(width);
  for (const [neuron, root] of index.entries()) squares[root]! += coefficient[neuron]! ** 2;
  const lengths = scale === 'unit' ? squares.map(Math.sqrt) : squares;
  for (const [neuron, root] of index.entries()) coefficient[neuron]! /= lengths[root]! || 1;
  return { index, coefficient };
}

/** Of copies below one root every one gets the mean of their coefficients, unless these have opposite signs and cancel. */
function shareAmongCopies(coefficient: Float64Array, index: Uint32Array, copies: Uint32Array): void {
  const members = new Map<string, number[]>();
  for (const [neuron, root] of index.entries()) {
    const key = `${root} ${copies[neuron]}`;
    const known = members.get(key);
    if (known === undefined) members.set(key, [neuron]);
    else known.push(neuron);
  }
  for (const own of members.values()) {
    const isMixed = own.some((neuron) => coefficient[neuron]! > 0) && own.some((neuron) => coefficient[neuron]! < 0);
    if (own.length === 1 || isMixed) continue;
    const mean = own.reduce((sum, neuron) => sum + coefficient[neuron]!, 0) / own.length;
    for (const neuron of own) coefficient[neuron] = mean;
  }
}

/** [m] of every neuron the position, by ascending slot, of the root above it. */
function rootsOf({ neurons, pairs }: MergeTree, width: number): Uint32Array {
  const slots = Uint32Array.from({ length: neurons }, (_, slot) => slot);
  for (let t = neurons - width - 1; t >= 0; t--) slots[pairs[2 * t + 1]!] = slots[pairs[2 * t]!]!;
  const positions = new Uint32Array(neurons);
  let roots = 0;
  // A root's slot is the smallest below it.
  return slots.map((slot, neuron) => {
    if (slot === neuron) positions[slot] = roots++;
    return positions[slot]!;
  });
}

/** [m] the coefficients between every neuron and its root multiplied, so that a root is the sum of these times its neurons. */
function pathProducts(tree: MergeTree, width: number, side: Side): Float64Array {
  const { neurons, pairs } = tree;
  const coefficients = halvesOf(coefficientsOf(tree, side));
  const products = new Float64Array(neurons).fill(1);
  for (let t = neurons - width - 1; t >= 0; t--) {
    const [i, j] = [pairs[2 * t]!, pairs[2 * t + 1]!];
    const parent = products[i]!;
    products[i] = parent * coefficients[2 * t]!;
    products[j] = parent * coefficients[2 * t + 1]!;
  }
  return products;
}
