import { setImmediate } from 'node:timers/promises';
import { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';

/** Indices looked through before other work has its turn: about a millisecond. */
const SLICE = 1 << 18;

/** @throws HermError `BAD_ARGUMENT` unless every index in [begin, end) of `neurons` names a neuron of the block. */
export function checkNeurons(
  block: Block,
  option: string,
  neurons: ArrayLike<number>,
  begin = 0,
  end = neurons.length,
): void {
  for (let at = begin; at < end; at++) {
    const neuron = neurons[at] as number;
    if (Number.isInteger(neuron) && neuron >= 0 && neuron < block.neurons) continue;
    throw new HermError(
      'BAD_ARGUMENT',
      `${option}[${at}] is ${neuron}, but block ${block.name} has neurons 0 to ${block.neurons - 1}.`,
      { option, at, neuron, block: block.name },
    );
  }
}

/**
 * Runs a kernel on pairs of neurons. The kernel checks their indices itself, off the event loop; only if it refuses them
 * are they looked through here, for the first bad one.
 *
 * @throws HermError `BAD_ARGUMENT` unless `pairs` are [2P] indices of neurons of the block; what `kernel` throws.
 */
export async function callWithPairs(block: Block, pairs: Uint32Array, kernel: () => Promise<unknown>): Promise<void> {
  if (pairs.length % 2 !== 0) {
    throw new HermError(
      'BAD_ARGUMENT',
      `pairs holds ${pairs.length} indices; a pair has two, so the number must be even.`,
      { option: 'pairs', length: pairs.length },
    );
  }
  try {
    await kernel();
  } catch (error) {
    if (error instanceof HermError && error.code === 'BAD_ARGUMENT') await refusePairs(block, pairs);
    throw error;
  }
}

async function refusePairs(block: Block, pairs: Uint32Array): Promise<void> {
  for (let begin = 0; begin < pairs.length; begin += SLICE) {
    checkNeurons(block, 'pairs', pairs, begin, Math.min(begin + SLICE, pairs.length));
    await setImmediate();
  }
}
