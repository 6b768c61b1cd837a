import type { GroupToWrite } from '../file/write.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { type Model, readNamed } from '../model/model.ts';
import { blockWeights, lookupIn } from '../model/weights.ts';
import type { CallOptions } from '../native/call.ts';
import { certifyWidths, type Refit, refitSkeleton } from './certificate.ts';
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

/** Builds, certifies and refits block by block; the weights of one block at a time are in memory. */
export async function hierarchiesOf(
  model: Model,
  blocks: readonly Block[],
  priors: InputPriors,
  options: CompressOptions,
): Promise<GroupHierarchies> {
  const found: BlockHierarchy[] = [];
  for (const block of blocks) found.push(await hierarchyOf(model, block, priors, options));
  return {
    trees: found.map(({ tree }) => tree),
    reports: found.map(({ report }) => report),
    written: found.map(({ tree, errors, refits }) => ({
      merges: tree.merges,
      errors,
      refits: refits.map(({ width, error }) => ({ width, error })),
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
  readonly refits: readonly Refit[];
}

async function hierarchyOf(
  model: Model,
  block: Block,
  priors: InputPriors,
  options: CompressOptions,
): Promise<BlockHierarchy> {
  const prior = await priors.of(block);
  const weights = blockWeights(block, lookupIn(await readNamed(model, neuronTensors(block))));
  const reports: MergeReport[] = [];
  const tree = await buildTree(block, weights, {
    prior,
    ...stageOptions(options, 'merge', block.name),
    memory: options.memory,
    onReport: (report) => reports.push(report),
  });
  const range = { neurons: tree.neurons, smallest: tree.neurons - tree.merges };
  const widths = buildLadder([range]).map(([width]) => width!);
  const errors = await certifyWidths(block, weights, tree, widths, {
    prior,
    ...stageOptions(options, 'certify', block.name),
  });
  const refits: Refit[] = [];
  for (const share of options.refit ?? []) {
    const during = { prior, ...stageOptions(options, 'refit', block.name) };
    refits.push(await refitSkeleton(block, weights, tree, widthAt(range, share), during));
  }
  return { tree, report: reports[0]!, errors, refits };
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
