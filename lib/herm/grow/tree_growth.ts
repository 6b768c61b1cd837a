import { halvesOf } from '../../model/tensor.ts';
import type { MergeTree } from '../tree.ts';
import { drawShare, type Growth, type Split } from './split_neurons.ts';

/** The recorded output weights of a block at the width to which it grows. */
export interface RecordedOutputs {
  /** How many outputs the block has. */
  readonly outputs: number;
  /** [width] the weights of all neurons to one output; the caller may write to them. */
  to(output: number): Float64Array;
}

/** Children whose outputs differ by less than this share of their sum (squares of lengths) would train alike. */
const LEAST_DIFFERENCE = 1 / 16;

/**
 * The growth that undoes merges: the neurons of width `from` become those of width `to`, both in the order in which a skeleton has
 * them. A merge added up β₁v₁ + β₂v₂ to the parent's outputs; of each of its outputs as they are now, a child gets the share that it
 * had (docs/theory.md, section 7).
 */
export function growthByTree(
  tree: MergeTree,
  [from, to]: readonly [number, number],
  recorded: RecordedOutputs,
  random: () => number,
): Growth {
  const { neurons, pairs } = tree;
  const wide = slotsAt(tree, to);
  const positions = new Uint32Array(neurons);
  for (const [position, slot] of wide.entries()) positions[slot] = position;
  const splits = Array.from({ length: to - from }, (_, at): Split => {
    const t = neurons - from - 1 - at;
    return { neuron: positions[pairs[2 * t]!]!, copy: positions[pairs[2 * t + 1]!]! };
  });
  const partsTo = partsOf(tree, from, splits, recorded);
  const drawn = splits.map(() => drawShare(random));
  const useless = uselessIn(partsTo, recorded.outputs, splits.length);
  const sharesOf = (output: number) => {
    const parts = partsTo(output);
    return Float64Array.from(splits, (_, at) => {
      const share = parts[2 * at]! / (parts[2 * at]! + parts[2 * at + 1]!);
      // Where parts have opposite signs, the larger one takes all.
      return useless[at] || Number.isNaN(share) ? drawn[at]! : Math.min(Math.max(share, 0), 1);
    });
  };
  return { width: to, places: slotsAt(tree, from).map((slot) => positions[slot]!), splits, sharesOf };
}

/** [width] slots of the neurons of a width, ascending. */
function slotsAt({ neurons, pairs }: MergeTree, width: number): Uint32Array {
  const gone = new Uint8Array(neurons);
  for (let t = 0; t < neurons - width; t++) gone[pairs[2 * t + 1]!] = 1;
  return Uint32Array.from(gone.keys()).filter((slot) => gone[slot] === 0);
}

/** For an output, [2·splits] what the two children of each split added to the weight of the neuron that was split. */
function partsOf(
  { neurons, beta }: MergeTree,
  from: number,
  splits: readonly Split[],
  recorded: RecordedOutputs,
): (output: number) => Float64Array {
  const coefficients = halvesOf(beta);
  const parts = new Float64Array(2 * splits.length);
  return (output) => {
    const weights = recorded.to(output);
    for (let at = splits.length - 1; at >= 0; at--) {
      const { neuron, copy } = splits[at]!;
      const t = neurons - from - 1 - at;
      parts[2 * at] = coefficients[2 * t]! * weights[neuron]!;
      parts[2 * at + 1] = coefficients[2 * t + 1]! * weights[copy]!;
      weights[neuron] = parts[2 * at]! + parts[2 * at + 1]!;
    }
    return parts;
  };
}

/** [splits] whether what is recorded is no use: the children would have outputs that hardly differ, or one of them none. */
function uselessIn(partsTo: (output: number) => Float64Array, outputs: number, splits: number): boolean[] {
  const [sums, differences] = [new Float64Array(splits), new Float64Array(splits)];
  const energies = new Float64Array(2 * splits);
  for (let output = 0; output < outputs; output++) {
    const parts = partsTo(output);
    for (let at = 0; at < splits; at++) {
      const [one, other] = [parts[2 * at]!, parts[2 * at + 1]!];
      sums[at]! += (one + other) ** 2;
      differences[at]! += (one - other) ** 2;
      energies[2 * at]! += one ** 2;
      energies[2 * at + 1]! += other ** 2;
    }
  }
  return Array.from(sums, (sum, at) => {
    const isApart = differences[at]! >= LEAST_DIFFERENCE * sum;
    return !(isApart && energies[2 * at]! > 0 && energies[2 * at + 1]! > 0);
  });
}
