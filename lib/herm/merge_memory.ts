import { requireArguments } from '../arguments.ts';
import type { Block } from '../model/block.ts';
import { threadsOf } from '../native/call.ts';

/** `stored`: Gram matrices in memory. `computed`: their rows are multiplied anew whenever they are read. */
export type MergeMode = 'stored' | 'computed';

const FLOAT = 4;
const DOUBLE = 8;
// Parents take new columns (`computed`: rows of vectors) until the dead ones are dropped: merge_capacity in
// kernels/merge_rounds.cc.
const SMALL = 8192;
const room = (neurons: number): number => (neurons <= SMALL ? 1.2 : 1.1);
// What follows was measured, as the growth of the process at its peak (m = 2000 … 8000, n and p = 256 and 1024, 1 … 32
// threads). Candidates, series, profiles and bookkeeping of one neuron:
const PER_NEURON = { plain: 1900, gated: 3000 };
// The share of it that is there while the search loads its vectors.
const LOADED = 0.6;
// A thread's windows and BLAS's buffers, which the product of whole matrices fills.
const PER_THREAD = { stored: 3.5e6, computed: 1.5e6 };
const FIXED = 7e6;
// Freed blocks up to this size may stay with glibc's malloc.
const RETAINED = 2 ** 25;

/** Bytes that a merge on N samples takes at its peak beside weights and samples. */
export function sampledMergeMemory(block: Block, samples: number): number {
  const { neurons, inputs, outputs, gate } = block;
  const sides = gate ? 2 : 1;
  // Pre-activations and values, Gram matrix, vectors (double while they load), series of all neurons and their parents.
  const values = (sides + 1) * neurons * samples + neurons ** 2;
  const vectors = neurons * (4 * inputs * sides + outputs);
  return FLOAT * (values + vectors) + 2 * neurons * PER_NEURON[gate ? 'gated' : 'plain'] + FIXED;
}

/** The same of a merge for refits, on N samples or none: beside it the kernel and its inverse, and what a round looks at. */
export function refitMergeMemory(block: Block, samples: number, threads: number = threadsOf()): number {
  const { neurons, outputs } = block;
  const round = DOUBLE * (2 * neurons ** 2 + 3 * neurons * outputs);
  return sampledMergeMemory(block, samples) + copiesOf(block) + round + threads * PER_THREAD.computed;
}

/** Matrices with neurons as columns are copied before vectors are made of them; the copies' memory may stay with the process. */
function copiesOf({ neurons, inputs, outputs, input, output, gate }: Block): number {
  const turned =
    (input.transposed ? inputs : 0) + (output.transposed ? outputs : 0) + (gate?.weight.transposed ? inputs : 0);
  return FLOAT * neurons * turned;
}

/**
 * Bytes that a merge takes at its peak beside the weights themselves.
 *
 * @param block m neurons, n inputs, p outputs; numbers of at most four bytes
 */
export function mergeMemory(block: Block, threads: number = threadsOf()): Record<MergeMode, number> {
  requireArguments({ block });
  const { neurons, inputs, outputs, gate } = block;
  const width = inputs * (gate ? 2 : 1) + outputs;
  const own = neurons * PER_NEURON[gate ? 'gated' : 'plain'];
  const copies = copiesOf(block);
  const vectors = FLOAT * neurons * width;
  const load = vectors + copies + LOADED * own;
  const search = own + Math.min(copies, RETAINED);
  const matrices = room(neurons) * FLOAT * neurons ** 2 * (gate ? 5 : 2);
  return {
    stored: Math.max(load, search + vectors + matrices) + FIXED + threads * PER_THREAD.stored,
    computed: Math.max(load, search + room(neurons) * vectors) + FIXED + threads * PER_THREAD.computed,
  };
}
