import { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';

/** @throws HermError `BAD_ARGUMENT` unless every index names a neuron of the block. */
export function checkNeurons(block: Block, option: string, neurons: ArrayLike<number>): void {
  for (let at = 0; at < neurons.length; at++) {
    const neuron = neurons[at] as number;
    if (Number.isInteger(neuron) && neuron >= 0 && neuron < block.neurons) continue;
    throw new HermError(
      'BAD_ARGUMENT',
      `${option}[${at}] is ${neuron}, but block ${block.name} has neurons 0 to ${block.neurons - 1}.`,
      { option, at, neuron, block: block.name },
    );
  }
}

/** @throws HermError `BAD_ARGUMENT` unless `pairs` are [2P] indices of neurons of the block. */
export function checkPairs(block: Block, pairs: Uint32Array): void {
  if (pairs.length % 2 !== 0) {
    throw new HermError(
      'BAD_ARGUMENT',
      `pairs holds ${pairs.length} indices; a pair has two, so the number must be even.`,
      { option: 'pairs', length: pairs.length },
    );
  }
  checkNeurons(block, 'pairs', pairs);
}
