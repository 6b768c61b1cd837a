import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { type Block, nativeActivation } from '../model/block.ts';
import { type PriorOptions, samplesOf, withPrior } from '../model/prior.ts';
import { MERGE_PHASES, type NativeBlock } from '../native/binding.ts';
import { callOnBlock } from '../native/block_call.ts';
import { type CallOptions, callNative } from '../native/call.ts';
import { formatBytes, freeMemory, requireMemory } from '../native/memory.ts';
import { type MergeMode, mergeMemory, refitMergeMemory, sampledMergeMemory } from './merge_memory.ts';
import { allocateTree, type MergeTree } from './tree.ts';

// A larger share saves rounds, a smaller one lets costs be looked at again sooner; below 5% the trees hardly change.
const ROUND_SHARE = 0.05;

/** How a tree was built. */
export interface MergeReport {
  readonly threads: number;
  readonly mode: MergeMode;
  readonly rounds: number;
  /** Rows that were searched whole: one a neuron, and again where its candidates were used up. */
  readonly scans: number;
  /** Pairs whose cost was estimated in double precision. */
  readonly estimates: number;
  /** Where the time went, in seconds of the clock. */
  readonly phases: Readonly<Record<(typeof MERGE_PHASES)[number], number>>;
}

/**
 * What a merge is judged by: `pair`, how much it changes what the two neurons compute together; `refit`, how much it leaves
 * for a refit of all output weights that the other neurons cannot take over.
 */
export type MergeCost = 'pair' | 'refit';

export interface MergeOptions extends CallOptions, PriorOptions {
  /**
   * Default: `pair`. `refit` makes better skeletons where their outputs are refitted, and worse ones where they are not; it
   * takes O(m³) time and 20·m² bytes for m neurons.
   */
  readonly cost?: MergeCost | undefined;
  /**
   * Bytes that the search may use beside the block's weights; default: the memory that is free when it starts. Where the Gram matrices
   * do not fit, their rows are computed whenever they are needed, which takes longer.
   */
  readonly memory?: number | undefined;
  /** Called once, when the tree is there; an error thrown there rejects the call. */
  readonly onReport?: ((report: MergeReport) => void) | undefined;
}

/**
 * Merges the neurons of a block down to one and records how: HERM's rounds (docs/theory.md, section 4).
 * The same tree for every number of threads. With samples, costs and rankings are exact and blended, and only pairs are
 * looked at of which one neuron is among those that could absorb the other one best (docs/engine.md).
 *
 * @param block m neurons, n inputs, p outputs
 * @param weights their stored weights
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when not even the vectors fit; `NON_FINITE`; `ABORTED`;
 * `BAD_ARGUMENT`; `PRIOR`
 */
export async function buildTree(block: Block, weights: NativeBlock, options?: MergeOptions): Promise<MergeTree> {
  return search(block, weights, false, options);
}

/** {@link buildTree} by looking at all pairs in every round: slow, the oracle for tests. */
export async function buildTreePlain(block: Block, weights: NativeBlock, options?: MergeOptions): Promise<MergeTree> {
  return search(block, weights, true, options);
}

/**
 * Seconds that the BLAS calls for a block's Gram matrices take, and nothing else: what {@link buildTree} is measured
 * against.
 *
 * @throws HermError `OUT_OF_MEMORY` before anything is allocated when the matrices do not fit; `ABORTED`
 */
export async function measureGram(block: Block, weights: NativeBlock, options?: CallOptions): Promise<number> {
  requireArguments({ block, weights });
  return callNative(options, (addon, job) => {
    const need = mergeMemory(block, job.threads).stored;
    requireMemory(`The Gram matrices of the ${block.neurons} neurons of block ${block.name}`, need);
    return addon.measureGram(weights, job);
  });
}

async function search(
  block: Block,
  weights: NativeBlock,
  plain: boolean,
  options: MergeOptions | undefined,
): Promise<MergeTree> {
  requireArguments({ block, weights, options });
  checkMemory(options?.memory);
  const refit = checkCost(options?.cost) === 'refit';
  const known = withPrior(block, weights, options?.prior);
  const samples = samplesOf(block, options?.prior);
  // Only when its turn has come: the call before it may hold memory until then.
  return callOnBlock(block, options, async (addon, job) => {
    const mode = refit
      ? refitMode(block, samples?.inputs, job.threads, options?.memory)
      : samples
        ? sampledMode(block, samples.inputs, options?.memory)
        : chooseMode(block, job.threads, options?.memory);
    const tree = allocateTree(block.neurons, Math.max(0, block.neurons - 1), block.gate !== undefined);
    const { pairs, alpha, beta, cost, bias: biasOut, gate } = tree;
    const report = new Float64Array(MERGE_PHASES.length + 3);
    const args = {
      ...known,
      activation: nativeActivation(block.activation),
      roundShare: ROUND_SHARE,
      samples,
      plain,
      refit,
      stored: mode === 'stored',
      ...{ pairs, alpha, beta, biasOut, cost, report },
      gateAlpha: gate?.alpha,
      gateBiasOut: gate?.bias,
    };
    await addon.mergeRounds(args, job);
    options?.onReport?.(readReport(report, mode, job.threads));
    return tree;
  });
}

function checkMemory(memory: number | undefined): void {
  if (memory === undefined || memory > 0) return;
  throw new HermError('BAD_ARGUMENT', `memory takes a number of bytes above 0, not ${memory}.`, { memory });
}

/** @returns the cost to go by; the cast is for callers without types */
function checkCost(cost: MergeCost = 'pair'): MergeCost {
  if (cost === 'pair' || cost === 'refit') return cost;
  throw new HermError('BAD_ARGUMENT', `cost takes pair or refit, not ${cost as string}.`, { cost });
}

/** On samples there is but one way. */
function sampledMode(block: Block, inputs: Float32Array, memory: number | undefined): MergeMode {
  const count = inputs.length / block.inputs;
  return requireStored(block, sampledMergeMemory(block, count), memory, ` on ${count} samples`, 'Take fewer samples.');
}

/** And for refits, with or without them. */
function refitMode(
  block: Block,
  inputs: Float32Array | undefined,
  threads: number,
  memory: number | undefined,
): MergeMode {
  const need = refitMergeMemory(block, (inputs?.length ?? 0) / block.inputs, threads);
  return requireStored(block, need, memory, ' for refits', 'Merge by pairs (--cost pair, cost).');
}

function requireStored(block: Block, need: number, memory: number | undefined, how: string, hint: string): MergeMode {
  const free = memory ?? freeMemory();
  if (need <= free) return 'stored';
  throw new HermError(
    'OUT_OF_MEMORY',
    `Merging the ${block.neurons} neurons of block ${block.name}${how} needs ${formatBytes(need)} of memory, and ${formatBytes(free)} ${memory === undefined ? 'are free' : 'are allowed'} (--memory, memory). ${hint}`,
    { need, free },
  );
}

/** The fastest way that fits. */
function chooseMode(block: Block, threads: number, memory: number | undefined): MergeMode {
  const free = memory ?? freeMemory();
  const need = mergeMemory(block, threads);
  if (need.stored <= free) return 'stored';
  if (need.computed <= free) return 'computed';
  const limit =
    memory === undefined
      ? 'are free. Free some, or say how much may be used'
      : 'are allowed. Allow at least the smaller number';
  throw new HermError(
    'OUT_OF_MEMORY',
    `Merging the ${block.neurons} neurons of block ${block.name} needs ${formatBytes(need.stored)} of memory, or ${formatBytes(need.computed)} without keeping Gram matrices, and ${formatBytes(free)} ${limit} (--memory, memory).`,
    { need: need.computed, free },
  );
}

function readReport(report: Float64Array, mode: MergeMode, threads: number): MergeReport {
  const phases = Object.fromEntries(MERGE_PHASES.map((name, at) => [name, report[at] as number]));
  const [rounds, scans, estimates] = report.subarray(MERGE_PHASES.length) as unknown as [number, number, number];
  return { threads, mode, rounds, scans, estimates, phases: phases as MergeReport['phases'] };
}
