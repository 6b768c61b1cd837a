import type { Block } from '../model/block.ts';

/** `stored`: Gram matrices in memory. `computed`: their rows are multiplied anew whenever they are read. */
export type MergeMode = 'stored' | 'computed';

const FLOAT = 4;
// Parents take new columns and rows until the dead ones are dropped: merge_capacity in kernels/merge_rounds.cc.
const SMALL = 8192;
const room = (neurons: number): number => (neurons <= SMALL ? 1.4 : 1.1);
// Candidates, series, profiles and bookkeeping of one neuron, measured.
const PER_NEURON = 3500;
// A thread's window on computed rows, and what else does not grow with the block.
const FIXED = 64 * 2 ** 20;

/**
 * Bytes that a merge takes at its peak beside the weights themselves (docs/engine.md says what for).
 *
 * @param block m neurons, n inputs, p outputs
 */
export function mergeMemory({ neurons, inputs, outputs, gate }: Block): Record<MergeMode, number> {
  const matrices = gate ? 5 : 2;
  const width = inputs * (gate ? 2 : 1) + outputs;
  const computed = neurons * (room(neurons) * FLOAT * width + PER_NEURON) + FIXED;
  return { computed, stored: computed + matrices * FLOAT * room(neurons) * neurons ** 2 };
}
