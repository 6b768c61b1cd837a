import { type Block, nativeActivation } from '../model/block.ts';
import type { NativeBlock } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';

/** How a block's neurons couple in L²(x ~ N(0, I)): the output coupling gates the input coupling. */
export interface Interaction {
  /** m */
  readonly neurons: number;
  /** Φ [m×m], Φ_ij = E[φ(s_i) φ(s_j)] */
  readonly kernel: Float64Array;
  /** H [m×m], H_ij = ⟨v_i, v_j⟩ */
  readonly outputGram: Float64Array;
  /** Γ [m×m] = Φ ∘ H, Γ_ij = ⟨f_i, f_j⟩ of the neurons' functions f_i = v_i φ(s_i) */
  readonly interaction: Float64Array;
}

/** The interaction matrix of a block and its two factors (docs/theory.md, section 1). */
export async function interactionOf(block: Block, weights: NativeBlock, options?: CallOptions): Promise<Interaction> {
  const neurons = block.neurons;
  const kernel = new Float64Array(neurons * neurons);
  const outputGram = new Float64Array(neurons * neurons);
  const activation = nativeActivation(block.activation);
  await callNative(options, (addon, job) => addon.interaction({ ...weights, activation, kernel, outputGram }, job));
  return { neurons, kernel, outputGram, interaction: kernel.map((phi, at) => phi * (outputGram[at] as number)) };
}
