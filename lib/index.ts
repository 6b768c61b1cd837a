import { type BuildInfo, loadAddon } from './native/load.ts';

export {
  type GateSpectrum,
  type Gid,
  gateSpectrum,
  gid,
  gidGroup,
  gidPair,
  type NeuronGid,
  pairGates,
} from './analysis/gid.ts';
export { type Interaction, interactionOf } from './analysis/interaction.ts';
export { type MergeTerms, mergeTerms } from './analysis/merge_terms.ts';
export { type Neuron, type PairShares, type Sca, scaGroup, scaLayer, scaPair, scaPairs } from './analysis/sca.ts';
export {
  leaveAlone,
  randomCondition,
  type Spread,
  spreadOf,
  type TuningCandidate,
  type WeightSpectrum,
  weightSpectrum,
} from './analysis/spectrum.ts';
export { type Symmetries, symmetriesOf } from './analysis/symmetry.ts';
export { weightPrior } from './analysis/weight_prior.ts';
export { HermError, type HermErrorCode, type HermErrorDetails } from './errors.ts';
export type { Damage } from './file/damage.ts';
export type { OpenOptions } from './file/open.ts';
export type { Original, OriginalFile } from './file/original.ts';
export { type HermFile, openHerm, type StoredRefit, type VerifyReport } from './file/read.ts';
export { blockOutputs, blockValues } from './herm/block_samples.ts';
export {
  type CertificateOptions,
  certifyWidths,
  type Refit,
  type RefitOptions,
  refitOutput,
  refitSkeleton,
  type SkeletonWeights,
  skeletonWeights,
} from './herm/certificate.ts';
export { type Blends, type ChooseBlendsOptions, chooseBlends, splitSamples } from './herm/choose_blend.ts';
export {
  type CompressOptions,
  type CompressProgress,
  type CompressReport,
  compress,
  type RefitReport,
} from './herm/compress.ts';
export type { Adapter } from './herm/elastic/adapter.ts';
export type { LiftOptions, LiftReport } from './herm/elastic/lift.ts';
export type { TunedInput } from './herm/elastic/tuned.ts';
export type { WrittenConfig, WrittenSkeleton } from './herm/expand.ts';
export { childrenOf, type Forest, forestOf, groupsAt, rootsOf, sizesOf } from './herm/forest.ts';
export { type GrowInput, type GrownBlock, type GrownModel, type GrowOptions, growModel } from './herm/grow/grow.ts';
export { growTo, type WrittenGrowth } from './herm/grow/grow_to.ts';
export { buildLadder, type WidthRange, widthAt } from './herm/ladder.ts';
export type { FitOptions } from './herm/loader_widths.ts';
export { buildTree, type MergeCost, type MergeOptions, type MergeReport, measureGram } from './herm/merge.ts';
export { type MergeMode, mergeMemory } from './herm/merge_memory.ts';
export type { RecoveredPiece, RecoverOptions } from './herm/recover.ts';
export type { ResumeReport } from './herm/resume.ts';
export type { Skeleton, SkeletonOptions, WidthRequest } from './herm/skeleton.ts';
export type { GateMerges, MergeTree } from './herm/tree.ts';
export {
  type TreeNode,
  type TreeTextOptions,
  treeDot,
  treeNewick,
  treeNodes,
} from './herm/tree_text.ts';
export { type TruncateReport, truncate } from './herm/truncate.ts';
export { type UpgradeOptions, type UpgradeReport, upgrade } from './herm/upgrade.ts';
export { type Network, type NetworkOptions, open, type SwitchOptions, type WidthSwitch } from './live/network.ts';
export type { ServedNetwork } from './live/served.ts';
export { type BlockDescription, describeBlocks, precedingNorm } from './model/architectures/describe.ts';
export type { PrecedingNorm } from './model/architectures/norm.ts';
export {
  type Activation,
  type ActivationName,
  type Block,
  type BlockGate,
  neuronTensors,
  type WeightRef,
} from './model/block.ts';
export { type FindBlocksOptions, findBlocks } from './model/blocks.ts';
export { forward, type Layer, type LayerGate, mlpLayers } from './model/forward.ts';
export type { ModelTensor } from './model/model.ts';
export type { GaussianPrior, NormPrior, Prior, PriorOptions, SamplesPrior } from './model/prior.ts';
export { readSafetensorsHeader, readTensor, type SafetensorsHeader } from './model/safetensors.ts';
export { serializeSafetensors, writeSafetensors } from './model/safetensors_write.ts';
export { type ByteSource, bufferSource, fileSource } from './model/source.ts';
export { type DType, fromFloat64, type Tensor, type TensorInfo, toFloat64 } from './model/tensor.ts';
export { blockWeights, lookupIn, nativeMatrix, type TensorLookup } from './model/weights.ts';
export type { NativeBlock, NativeMatrix } from './native/binding.ts';
export type { CallOptions } from './native/call.ts';
export type { CostKind, WidthCost } from './plan/cost.ts';
export type { PlannedBlock, PlanRequest, WidthPlan } from './plan/plan_widths.ts';
export { measureSensitivity, type SensitivityOptions } from './plan/sensitivity.ts';
export type { ImageSize, ReportOptions } from './report/options.ts';
export { type ReportSummary, writeReport } from './report/write.ts';
export type { HttpOptions } from './source/http_request.ts';
export type { AsyncBuffer, SourceInput } from './source/input.ts';
export type { Traffic } from './source/range_reader.ts';
export type { BuildInfo };

/**
 * What the native addon was compiled with and which OpenBLAS it runs on.
 *
 * @throws HermError `ADDON_LOAD` when the addon does not load on this system.
 */
export function buildInfo(): BuildInfo {
  return loadAddon().buildInfo();
}
