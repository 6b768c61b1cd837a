import { requireArguments } from '../arguments.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import { type NativeBlock, NEURON_CLASSES } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import type { CallOptions } from '../native/call.ts';

/** Neurons of a layer that can go without any change of what it computes (docs/theory.md, section 4). */
export interface Symmetries {
  /** Neurons without outgoing weights; gated ones without a value (its weights and bias all zero) as well. */
  readonly dead: number[];
  /** Neurons without incoming weights (gate and value), whose value belongs into the output bias. */
  readonly constant: number[];
  /** Neurons of which an earlier one is a copy up to what the activation commutes with. */
  readonly duplicates: number[];
  /** [m] the first neuron of which each is a copy; itself where there is none, and for dead and constant ones */
  readonly groups: Uint32Array;
}

/**
 * The exact symmetries of a layer. Copies are input weights and biases that agree up to a positive factor (identity, ReLU,
 * leaky ReLU, ReLU²), each weight rounded to its dtype; up to a sign (identity, tanh); exactly (all others). In a gated block
 * that holds for the gate, and the value branch may differ by any factor.
 *
 * @throws HermError `NON_FINITE`; `ABORTED`
 */
export async function symmetriesOf(block: Block, weights: NativeBlock, options?: CallOptions): Promise<Symmetries> {
  requireArguments({ block, weights });
  const classes = new Uint8Array(block.neurons);
  const groups = new Uint32Array(block.neurons);
  const activation = nativeActivation(block.activation);
  await callOnBlock(block, options, (addon, job) => addon.symmetries({ ...weights, activation, classes, groups }, job));
  const where = (holds: (neuron: number) => boolean) => Array.from(groups.keys()).filter(holds);
  return {
    dead: where((neuron) => classes[neuron] === NEURON_CLASSES.dead),
    constant: where((neuron) => classes[neuron] === NEURON_CLASSES.constant),
    duplicates: where((neuron) => groups[neuron] !== neuron),
    groups,
  };
}
