import type { GroupToWrite } from '../file/write.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { type Model, readNamed } from '../model/model.ts';
import { blockWeights, lookupIn } from '../model/weights.ts';
import type { CallOptions } from '../native/call.ts';
import { certifyWidths, type Refit, refitSkeleton } from './certificate.ts';
import {
  type BlockView,
  behind,
  type NarrowedBlock,
  narrowed,
  outputsOf,
  priorOf,
  type SampleParts,
  valuesOf,
} from './chain.ts';
import { type Blends, chooseBlends, splitSamples } from './choose_blend.ts';
import type { CompressOptions, CompressProgress } from './compress.ts';
import type { InputPriors } from './find_priors.ts';
import { buildLadder, widthAt } from './ladder.ts';
import { buildTree, type MergeReport } from './merge.ts';
import type { MergeTree } from './tree.ts';

/** What is found out about the blocks of one group. */
export interface GroupHierarchies extends GroupToWrite {
  /** [blocks] */
  readonly reports: readonly MergeReport[];
}

/** Builds, certifies and refits block by block, along chains; the weights of one block at a time are in memory. */
export async function hierarchiesOf(
  model: Model,
  blocks: readonly Block[],
  priors: InputPriors,
  options: CompressOptions,
): Promise<GroupHierarchies> {
  const all = new Map<string, BlockHierarchy>();
  const visit = async (block: Block): Promise<void> => {
    if (all.has(block.name)) return;
    const before = blocks.find(({ output }) => output.tensor === block.input.tensor);
    if (before) await visit(before);
    const last = !blocks.some(({ input }) => input.tensor === block.output.tensor);
    all.set(block.name, await hierarchyOf(model, block, before && all.get(before.name), last, priors, options));
  };
  for (const block of blocks) await visit(block);
  const found = blocks.map(({ name }) => all.get(name)!);
  return {
    trees: found.map(({ tree }) => tree),
    reports: found.map(({ report }) => report),
    written: found.map(({ tree, errors, measured, refits }) => ({
      merges: tree.merges,
      errors,
      measured,
      refits: refits.map(({ width, error, measured }) => ({ width, error, measured })),
    })),
    refits: (options.refit ?? []).map((_, refit) => ({
      widths: found.map(({ refits }) => refits[refit]!.width),
      outputs: found.map(({ refits }) => refits[refit]!.output),
    })),
  };
}

interface BlockHierarchy {
  readonly tree: MergeTree;
  readonly report: MergeReport;
  /** At the widths of the block's own ladder. */
  readonly errors: readonly number[];
  /** The same on the samples that were held out. */
  readonly measured: readonly number[] | undefined;
  readonly refits: readonly Refit[];
  /** What the block after it gets: of the whole block, and with `sequential` of every refit. */
  readonly samples: SampleParts | undefined;
  readonly narrowed: readonly NarrowedBlock[];
}

async function hierarchyOf(
  model: Model,
  block: Block,
  before: BlockHierarchy | undefined,
  last: boolean,
  priors: InputPriors,
  options: CompressOptions,
): Promise<BlockHierarchy> {
  const quiet = { signal: options.signal, threads: options.threads };
  const whole = await viewOf(model, block, before, priors, options);
  // What the block sees when it is refitted; the tree is for the first of these.
  const views = (options.refit ?? []).map((_, refit) => {
    const narrow = before?.narrowed[refit];
    return narrow ? behind(whole, narrow) : whole;
  });
  const tuned = views[0] ?? whole;
  const merging = stageOptions(options, 'merge', block.name);
  const blends = await blendsOf(tuned, options);
  const blend = blends?.refit;
  const reports: MergeReport[] = [];
  const tree = await buildTree(tuned.block, tuned.weights, {
    prior: priorOf(tuned, blends?.merge),
    ...merging,
    memory: options.memory,
    cost: options.cost,
    onReport: (report) => reports.push(report),
  });
  const certificates = await certify(whole, tree, blend, options);
  const refits: Refit[] = [];
  const left: NarrowedBlock[] = [];
  for (const [n, share] of (options.refit ?? []).entries()) {
    const refit = await refitView(views[n]!, tree, share, blend, options);
    refits.push(refit);
    if (options.sequential && !last) left.push(await narrowed(views[n]!, tree, refit, quiet));
  }
  const samples = last ? undefined : await valuesOf(whole, quiet);
  return { tree, report: reports[0]!, ...certificates, refits, samples, narrowed: left };
}

/** A block of the model with what goes into it: samples of its own, or what the block before it makes of its samples. */
async function viewOf(
  model: Model,
  block: Block,
  before: BlockHierarchy | undefined,
  priors: InputPriors,
  { sequential, signal, threads }: CompressOptions,
): Promise<BlockView> {
  const weights = blockWeights(block, lookupIn(await readNamed(model, neuronTensors(block))));
  const own = priors.samples(block);
  const samples = own ? splitSamples(block, own) : before?.samples;
  const gaussian = await priors.of(block, weights, { signal, threads });
  const view = { block, weights, gaussian, samples };
  return { ...view, targets: sequential ? await outputsOf(view, { signal, threads }) : undefined };
}

const rangeOf = ({ neurons, merges }: MergeTree) => ({ neurons, smallest: neurons - merges });

async function certify(
  { block, weights, gaussian, samples }: BlockView,
  tree: MergeTree,
  blend: number | undefined,
  options: CompressOptions,
): Promise<Pick<BlockHierarchy, 'errors' | 'measured'>> {
  const widths = buildLadder([rangeOf(tree)]).map(([width]) => width!);
  const during = stageOptions(options, 'certify', block.name);
  const prior = priorOf({ block, weights, gaussian, samples }, blend);
  const errors = await certifyWidths(block, weights, tree, widths, { ...during, prior });
  if (!samples) return { errors, measured: undefined };
  const heldOut = { inputs: samples.heldOut, blend: 0 };
  return { errors, measured: await certifyWidths(block, weights, tree, widths, { ...during, prior: heldOut }) };
}

function refitView(
  view: BlockView,
  tree: MergeTree,
  share: number,
  blend: number | undefined,
  options: CompressOptions,
): Promise<Refit> {
  const { block, weights, samples, targets } = view;
  return refitSkeleton(block, weights, tree, widthAt(rangeOf(tree), share), {
    ...stageOptions(options, 'refit', block.name),
    prior: priorOf(view, blend),
    heldOut: samples && { inputs: samples.heldOut, targets: targets?.heldOut },
  });
}

/** The shares of the Gaussian prior: one that is given, or those that serve the widths to be refitted best. */
async function blendsOf(
  { block, weights, gaussian, samples }: BlockView,
  options: CompressOptions,
): Promise<Blends | undefined> {
  const { signal, threads, memory, refit: shares, blend: given } = options;
  if (!samples) return undefined;
  if (given !== undefined) return { refit: given, merge: given };
  return chooseBlends(block, weights, samples.fit, { signal, threads, memory, shares, gaussian });
}

/** Announces a stage, however short it is (kernels report only now and then), and reports its progress. */
export function stageOptions(
  { signal, threads, onProgress }: CompressOptions,
  stage: CompressProgress['stage'],
  block?: string,
): CallOptions {
  const report = onProgress && ((done: number) => onProgress({ stage, block, done }));
  report?.(0);
  return { signal, threads, onProgress: report };
}
