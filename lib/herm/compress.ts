import { realpath } from 'node:fs/promises';
import { requireArguments, requireList } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { keptSpool } from '../file/kept_spool.ts';
import { type Spool, temporarySpool } from '../file/spool.ts';
import { HermWriter, type WriteReport } from '../file/write.ts';
import { findTarget, temporaryName } from '../model/atomic_write.ts';
import type { Block } from '../model/block.ts';
import { type FindBlocksOptions, findBlocks } from '../model/blocks.ts';
import { digestsOf } from '../model/digest.ts';
import type { Model } from '../model/model.ts';
import { modelOfSource, withModel } from '../model/open_model.ts';
import { inParts } from '../model/parts.ts';
import type { ByteSource } from '../model/source.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import { type BlockSamples, findPriors, type InputPriors } from './find_priors.ts';
import { finiteBlocks } from './finite_blocks.ts';
import { hierarchiesOf, stageOptions } from './group_hierarchies.ts';
import type { MergeCost, MergeReport } from './merge.ts';
import { originOf, type ResumeReport, resumeReport, sayWhatIsKept } from './resume.ts';

/** What a compression is doing; `done` is the share of that stage. */
export interface CompressProgress {
  /** `read` once; then for every group of blocks that share tensors `merge`, `certify` and `refit` of each, and `code`; `write`. */
  readonly stage: 'read' | 'merge' | 'certify' | 'refit' | 'code' | 'write';
  /** The block at work, and the first one of a group that is coded; undefined in `read` and `write`. */
  readonly block: string | undefined;
  readonly done: number;
}

/** What to merge and how, and what to keep. */
export interface CompressOptions extends FindBlocksOptions, Omit<CallOptions, 'onProgress'> {
  /**
   * What inputs are taken to look like: x ~ N(0, I); what the norm before each block says; or, `weights`, correlated as the
   * weights that read them, with the norm's means and deviations where it is known. Default: `norm` with `norms`; where
   * names tell the norms of all blocks, as in most transformers, `weights`, but `norm` with `samples` or where a block has fewer
   * neurons than inputs, as experts have; else `isotropic`.
   */
  readonly prior?: 'isotropic' | 'norm' | 'weights' | undefined;
  /**
   * The norms right before blocks, each as `block=weight` or `block=weight,bias` by names of tensors. A `*` stands for the
   * same text in all of them; `1+` before the weight: the norm scales by 1 + weight. Norms of
   * architectures that hermkit knows by name are found without.
   */
  readonly norms?: readonly string[] | undefined;
  /**
   * Sample inputs [N×n] by block name, or what finds them once the blocks are known: merging and refits go by them, blended
   * with the prior, and every fifth one is held out to measure errors on. A block of a chain without samples of its own gets
   * what the block before it makes of its samples.
   */
  readonly samples?: BlockSamples | ((blocks: readonly Block[]) => Promise<BlockSamples>) | undefined;
  /** How much the prior counts beside samples, from 0 to 1. Default: what serves best on samples held out. */
  readonly blend?: number | undefined;
  /**
   * Refit each block of a chain for what the blocks before it produce at the refit's widths, towards what the original would
   * make of it; its hierarchy is built for the first of these.
   */
  readonly sequential?: boolean | undefined;
  /** Shares of all blocks' neurons, in (0, 1], for which to store refitted output weights. */
  readonly refit?: readonly number[] | undefined;
  /** What merging goes by: {@link MergeCost}. Default: `pair`; `refit` is for the widths of `refit`, with samples above all. */
  readonly cost?: MergeCost | undefined;
  /** Store blocks with NaN or infinite weights as they are, without a hierarchy, instead of refusing them. */
  readonly allowNonfinite?: boolean | undefined;
  /** Bytes that merging a block may use beside its weights: {@link MergeOptions}. */
  readonly memory?: number | undefined;
  /**
   * Go on from what an interrupted run with this option has left in the directory `<output>.partial`, and leave there
   * what is finished when this one is interrupted.
   */
  readonly resume?: boolean | undefined;
  /** Called with every step, and with 1 at the end of each stage. */
  readonly onProgress?: ((progress: CompressProgress) => void) | undefined;
}

/** Refitted output weights in a file: at which widths, and the relative error of each block with them. */
export interface RefitReport {
  readonly widths: readonly number[];
  readonly errors: readonly number[];
  /** The same on samples that were held out; null for blocks without samples. */
  readonly measured: readonly (number | null)[] | undefined;
}

/** What `compress` has found, merged and written. */
export interface CompressReport extends Omit<WriteReport, 'errors' | 'measured' | 'refits'> {
  readonly blocks: readonly Block[];
  /** Of all files that are kept. */
  readonly inputBytes: number;
  /** The model's safetensors files. */
  readonly files: readonly string[];
  /** Files beside them that are kept, too. */
  readonly extras: readonly string[];
  /** What lies beside them and is not kept, as it is too large or of another kind. */
  readonly filesLeftOut: readonly string[];
  /** Blocks stored without a hierarchy because of their NaN or infinite weights. */
  readonly leftOut: readonly string[];
  /** [blocks][levels] relative errors under the prior. */
  readonly errors: readonly (readonly number[])[];
  /** The same on samples that were held out, where there are samples; null for blocks without. */
  readonly measured: readonly (readonly (number | null)[])[] | undefined;
  readonly refits: readonly RefitReport[];
  /** [blocks] how each hierarchy was built. */
  readonly merges: readonly MergeReport[];
  /** With `resume`: what was taken over from an interrupted run. */
  readonly resumed: ResumeReport | undefined;
}

/**
 * Makes a .herm file of a model: every block's hierarchy, the certificates of its widths, and everything
 * needed to get the original back bit for bit, which is checked before the file takes its name. It goes through the model
 * one group of blocks after the other, so that no more than a group's weights are in memory.
 *
 * @param input by path a safetensors file, an index of shards, an ONNX model, or a directory with one of these and what
 * belongs to it; or a safetensors file, or an ONNX model without external data, as an open source (which stays open; one
 * whose name ends in `.onnx` is taken for an ONNX model)
 * @param output the path to write; an existing file there is replaced, unless it is the input itself
 * @throws HermError for a model that cannot be read or has no blocks ({@link findBlocks}), `NON_FINITE`, `PRIOR`,
 * `OUTPUT_EXISTS`, `MODEL_FILES`, `HERM_NAME`, `OUT_OF_MEMORY` ({@link buildTree}), `ABORTED`, `IO`, `BAD_ARGUMENT`
 */
export async function compress(
  input: string | ByteSource,
  output: string,
  options: CompressOptions = {},
): Promise<CompressReport> {
  requireArguments({ options });
  checkOptions(options);
  if (typeof input === 'string') return withModel(input, (model) => compressModel(model, output, options));
  return compressModel(await modelOfSource(input), output, options);
}

/** {@link compress} for a model that is open. */
export async function compressModel(whole: Model, output: string, options: CompressOptions): Promise<CompressReport> {
  const { signal, allowNonfinite = false } = options;
  await refuseInput(whole, output);
  const target = await findTarget(output);
  const found = findBlocks(whole, options);
  const model = inParts(whole, found);
  const { blocks, leftOut } = await finiteBlocks(model, found, allowNonfinite, signal);
  const digests = await digestsOf(model, stageOptions(options, 'read'));
  const priors = await findPriors(model, blocks, options);
  const origin = originOf(model, blocks, digests, priors, options);
  const kept = options.resume ? await keptSpool(`${output}.partial`, origin, { signal }) : undefined;
  const spool = kept ?? (await temporarySpool(temporaryName(target.path)));
  let done = false;
  let groups = 0;
  try {
    const writer = new HermWriter(model, blocks, priors.kind, spool);
    groups = writer.layout.groups.length;
    const merges = await addGroups(writer, model, blocks, priors, spool, options);
    const written = await writer.finish(output, digests, stageOptions(options, 'write'));
    done = true;
    // No certificate is missing of what was just made.
    const known = { errors: written.errors as number[][], refits: written.refits as RefitReport[] };
    const resumed = kept && resumeReport(kept.leftover, writer, blocks);
    return { ...written, ...known, ...filesOf(model), blocks, leftOut, merges, resumed };
  } catch (cause) {
    throw kept === undefined ? cause : sayWhatIsKept(cause, kept, groups);
  } finally {
    await spool.close(done);
  }
}

function filesOf({
  files,
  extras,
  leftOut,
}: Model): Pick<CompressReport, 'inputBytes' | 'files' | 'extras' | 'filesLeftOut'> {
  const all = [...files.map(({ source }) => source), ...extras];
  return {
    inputBytes: all.reduce((sum, { size }) => sum + size, 0),
    files: files.map(({ name }) => name),
    extras: extras.map(({ name }) => name),
    filesLeftOut: leftOut,
  };
}

/** @returns [blocks] how each hierarchy was built. */
async function addGroups(
  writer: HermWriter,
  model: Model,
  blocks: readonly Block[],
  priors: InputPriors,
  spool: Spool,
  options: CompressOptions,
): Promise<MergeReport[]> {
  const merges: MergeReport[] = [];
  for (const [index, { blocks: members }] of writer.layout.groups.entries()) {
    let group = await spool.saved(index);
    if (group !== undefined) writer.reuseGroup(group.written);
    else {
      const own = members.map((block) => blocks[block]!);
      const found = await hierarchiesOf(model, own, priors, options);
      const written = await writer.addGroup(found, stageOptions(options, 'code', own[0]!.name));
      group = { written, merges: found.reports };
      await spool.save(index, group);
    }
    for (const [n, block] of members.entries()) merges[block] = group.merges[n]!;
  }
  return merges;
}

/** The input must survive its compression, whatever path it is given by. */
async function refuseInput({ files, extras }: Model, output: string): Promise<void> {
  const paths = [...files.map(({ source }) => source.name), ...extras.map(({ path }) => path)];
  const real = (path: string) => realpath(path).catch(() => undefined);
  const to = await real(output);
  if (to === undefined || !(await Promise.all(paths.map(real))).includes(to)) return;
  throw new HermError('OUTPUT_EXISTS', `The output ${output} is the input itself. Name another file.`, {
    file: output,
  });
}

const PRIORS: readonly string[] = ['isotropic', 'norm', 'weights'];

/** What would be gone through character by character, or not at all, of callers without types. */
function checkOptions({ refit, norms, prior, signal }: CompressOptions): void {
  throwIfAborted(signal);
  requireList('refit', refit, 'shares of all neurons, such as 0.5');
  requireList('norms', norms, 'texts such as "block=weight,bias"');
  for (const share of refit ?? []) checkShare(share);
  if (prior === undefined || PRIORS.includes(prior)) return;
  throw new HermError('BAD_ARGUMENT', `prior takes ${PRIORS.join(', ')}, not ${prior}.`, { prior });
}

function checkShare(share: number): void {
  if (share > 0 && share <= 1) return;
  throw new HermError('BAD_ARGUMENT', `refit takes shares above 0 and up to 1, not ${share}.`, { refit: share });
}
