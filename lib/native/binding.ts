import type { CertificateKernels } from './binding/certificate.ts';
import type { DenseKernel } from './binding/dense.ts';
import type { LaneKernels } from './binding/exact_tree.ts';
import type { GidKernels } from './binding/gid.ts';
import type { HierarchyCodeKernels } from './binding/hierarchy_code.ts';
import type { InteractionKernels } from './binding/interaction.ts';
import type { LaneCodeKernels } from './binding/lane_code.ts';
import type { MemoryKernel } from './binding/memory.ts';
import type { MergeKernel } from './binding/merge.ts';
import type { MergeTermsKernel } from './binding/merge_terms.ts';
import type { NumberArrayKernels } from './binding/number_arrays.ts';
import type { PlaneKernels } from './binding/planes.ts';
import type { PriorKernel } from './binding/prior.ts';
import type { ScaKernels } from './binding/sca.ts';
import type { SpectrumKernel } from './binding/spectrum.ts';
import type { SymmetryKernel } from './binding/symmetry.ts';
import type { BuildInfo } from './load.ts';

export * from './binding/certificate.ts';
export * from './binding/common.ts';
export * from './binding/dense.ts';
export * from './binding/exact_tree.ts';
export * from './binding/gid.ts';
export * from './binding/hierarchy_code.ts';
export * from './binding/interaction.ts';
export * from './binding/lane_code.ts';
export * from './binding/memory.ts';
export * from './binding/merge.ts';
export * from './binding/merge_terms.ts';
export * from './binding/number_arrays.ts';
export * from './binding/planes.ts';
export * from './binding/prior.ts';
export * from './binding/sca.ts';
export * from './binding/spectrum.ts';
export * from './binding/symmetry.ts';

/**
 * The one typed mirror of the addon: binding/x.ts describes native/binding/x.cc, and nothing else in lib/ describes the
 * addon. Every call takes an object of named inputs and outputs, then its NativeJob; JavaScript allocates all outputs
 * and the call fills them.
 */
export interface Addon
  extends CertificateKernels,
    DenseKernel,
    GidKernels,
    HierarchyCodeKernels,
    InteractionKernels,
    LaneCodeKernels,
    LaneKernels,
    MemoryKernel,
    MergeKernel,
    MergeTermsKernel,
    NumberArrayKernels,
    PlaneKernels,
    PriorKernel,
    ScaKernels,
    SpectrumKernel,
    SymmetryKernel {
  buildInfo(): BuildInfo;
}
