import { requireArguments } from '../arguments.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import { type PriorOptions, withPrior } from '../model/prior.ts';
import type { NativeBlock } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import type { CallOptions } from '../native/call.ts';
import { requireMemory } from '../native/memory.ts';

// Φ, H, Γ and the input Gram, each m×m doubles.
const MATRICES = 4;

/** How a block's neurons couple in L²(prior): the output coupling gates the input coupling. */
export interface Interaction {
  /** m */
  readonly neurons: number;
  /** Φ [m×m], Φ_ij = E[φ_i φ_j]: φ_i = φ(s_i), in a gated block times neuron i's value */
  readonly kernel: Float64Array;
  /** H [m×m], H_ij = ⟨v_i, v_j⟩ */
  readonly outputGram: Float64Array;
  /** Γ [m×m] = Φ ∘ H, Γ_ij = ⟨f_i, f_j⟩ of the neurons' functions f_i = v_i φ_i */
  readonly interaction: Float64Array;
}

/**
 * The interaction matrix of a block and its two factors (docs/theory.md, section 1).
 *
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when 32·m² bytes do not fit; `BAD_ARGUMENT`; `PRIOR`; `ABORTED`
 */
export async function interactionOf(
  block: Block,
  weights: NativeBlock,
  options?: CallOptions & PriorOptions,
): Promise<Interaction> {
  requireArguments({ block, weights, options });
  const { name, neurons } = block;
  requireMemory(`The interaction of the ${neurons} neurons of block ${name}`, 8 * MATRICES * neurons ** 2);
  const matrix = () => new Float64Array(neurons * neurons);
  const filled = { kernel: matrix(), outputGram: matrix(), interaction: matrix() };
  const known = withPrior(block, weights, options?.prior);
  const activation = nativeActivation(block.activation);
  await callOnBlock(block, options, (addon, job) => addon.interaction({ ...known, activation, ...filled }, job));
  return { neurons, ...filled };
}
