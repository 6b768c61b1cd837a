import type { NativeActivation, NativeBlock, NativeJob } from './common.ts';

export interface SymmetryKernel {
  /** Neurons that merge for nothing: native/kernels/symmetry.h. */
  symmetries(args: SymmetriesArgs, job: NativeJob): Promise<void>;
}

/** Numbered as `herm::NeuronClass`. */
export const NEURON_CLASSES = { normal: 0, dead: 1, constant: 2 } as const;

export interface SymmetriesArgs extends NativeBlock {
  readonly activation: NativeActivation;
  /** [m] filled, see {@link NEURON_CLASSES} */
  readonly classes: Uint8Array;
  /** [m] filled */
  readonly groups: Uint32Array;
}
