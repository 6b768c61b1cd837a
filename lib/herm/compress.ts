import { realpath } from 'node:fs/promises';
import { HermError } from '../errors.ts';
import { type WriteReport, writeHerm } from '../file/write.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { type FindBlocksOptions, findBlocks } from '../model/blocks.ts';
import { countNonFinite } from '../model/nonfinite.ts';
import { readSafetensorsHeader, readTensor, type SafetensorsHeader } from '../model/safetensors.ts';
import { type ByteSource, fileSource } from '../model/source.ts';
import type { Tensor } from '../model/tensor.ts';
import { blockWeights, lookupIn } from '../model/weights.ts';
import type { NativeBlock } from '../native/binding.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';
import { certifyWidths, refitSkeleton } from './certificate.ts';
import { buildLadder, widthAt } from './ladder.ts';
import { buildTree, type MergeReport } from './merge.ts';
import type { MergeTree } from './tree.ts';

/** What a compression is doing; `done` is the share of that stage. */
export interface CompressProgress {
  readonly stage: 'merge' | 'certify' | 'refit' | 'write';
  /** The block at work, where the stage goes block by block. */
  readonly block: string | undefined;
  readonly done: number;
}

export interface CompressOptions extends FindBlocksOptions, Omit<CallOptions, 'onProgress'> {
  /** What inputs are taken to look like: x ~ N(0, I). */
  readonly prior?: 'isotropic' | undefined;
  /** Shares of all blocks' neurons, in (0, 1], for which to store refitted output weights. */
  readonly refit?: readonly number[] | undefined;
  /** Store blocks with NaN or infinite weights as they are, without a hierarchy, instead of refusing them. */
  readonly allowNonfinite?: boolean | undefined;
  /** Bytes that merging a block may use beside its weights: {@link MergeOptions}. */
  readonly memory?: number | undefined;
  readonly onProgress?: ((progress: CompressProgress) => void) | undefined;
}

/** Refitted output weights in a file: at which widths, and the relative error of each block with them. */
export interface RefitReport {
  readonly widths: readonly number[];
  readonly errors: readonly number[];
}

export interface CompressReport extends WriteReport {
  readonly blocks: readonly Block[];
  /** Blocks stored without a hierarchy because of their NaN or infinite weights. */
  readonly leftOut: readonly string[];
  /** [levels][blocks] */
  readonly ladder: readonly (readonly number[])[];
  /** [blocks][levels] relative errors under the prior. */
  readonly errors: readonly (readonly number[])[];
  readonly refits: readonly RefitReport[];
  /** [blocks] how each hierarchy was built. */
  readonly merges: readonly MergeReport[];
}

/**
 * Makes a .herm file of a safetensors file: every block's hierarchy, the certificates of its widths, and everything
 * needed to get the original back bit for bit, which is checked before the file takes its name.
 *
 * @param input a safetensors file, by path or as an open source (which stays open)
 * @param output the path to write; an existing file there is replaced, unless it is the input itself
 * @throws HermError for a model that cannot be read or has no blocks ({@link findBlocks}), `NON_FINITE`,
 * `OUTPUT_EXISTS`, `OUT_OF_MEMORY` ({@link buildTree}), `ABORTED`, `IO`, `BAD_ARGUMENT`
 */
export async function compress(
  input: string | ByteSource,
  output: string,
  options: CompressOptions = {},
): Promise<CompressReport> {
  for (const share of options.refit ?? []) checkShare(share);
  const source = typeof input === 'string' ? await fileSource(input) : input;
  try {
    await refuseInput(source.name, output);
    return await compressSource(source, output, options);
  } finally {
    if (typeof input === 'string') await source.close();
  }
}

async function compressSource(source: ByteSource, output: string, options: CompressOptions): Promise<CompressReport> {
  const header = await readSafetensorsHeader(source);
  const { blocks, leftOut } = await finiteBlocks(source, header, findBlocks(header, options), options);
  const models = await Promise.all(
    blocks.map(async (block) => ({ block, weights: await load(source, header, block) })),
  );
  const { signal, threads, memory, onProgress } = options;
  const during = (stage: CompressProgress['stage'], block?: string): CallOptions => {
    const report = onProgress && ((done: number) => onProgress({ stage, block, done }));
    // Every piece of work is announced, however short it is: kernels report only now and then.
    report?.(0);
    return { signal, threads, onProgress: report };
  };

  const trees: MergeTree[] = [];
  const merges: MergeReport[] = [];
  for (const { block, weights } of models) {
    const onReport = (report: MergeReport) => merges.push(report);
    trees.push(await buildTree(block, weights, { ...during('merge', block.name), memory, onReport }));
  }
  const ranges = trees.map(({ neurons, merges }) => ({ neurons, smallest: neurons - merges }));
  const ladder = buildLadder(ranges);
  const errors: number[][] = [];
  for (const [index, { block, weights }] of models.entries()) {
    const widths = ladder.map((level) => level[index] as number);
    errors.push(await certifyWidths(block, weights, trees[index] as MergeTree, widths, during('certify', block.name)));
  }
  const refits = [];
  for (const share of options.refit ?? []) {
    const fitted = [];
    for (const [index, { block, weights }] of models.entries()) {
      const width = widthAt(ranges[index] as (typeof ranges)[number], share);
      fitted.push(await refitSkeleton(block, weights, trees[index] as MergeTree, width, during('refit', block.name)));
    }
    refits.push({
      widths: fitted.map(({ width }) => width),
      outputs: fitted.map((refit) => refit.output),
      errors: fitted.map(({ error }) => error),
    });
  }
  const written = await writeHerm(output, { source, header, blocks, trees, errors, refits, options: during('write') });
  return {
    ...written,
    blocks,
    leftOut,
    ladder,
    errors,
    refits: refits.map(({ widths, errors }) => ({ widths, errors })),
    merges,
  };
}

async function load(source: ByteSource, header: SafetensorsHeader, block: Block): Promise<NativeBlock> {
  return blockWeights(block, lookupIn(await tensorsOf(source, header, block)));
}

function tensorsOf(source: ByteSource, header: SafetensorsHeader, block: Block): Promise<Tensor[]> {
  const names = new Set(neuronTensors(block));
  return Promise.all(
    header.tensors.filter(({ name }) => names.has(name)).map((info) => readTensor(source, header, info)),
  );
}

/** The blocks whose weights are all finite; the others are refused, or left out if the caller allows it. */
async function finiteBlocks(
  source: ByteSource,
  header: SafetensorsHeader,
  blocks: readonly Block[],
  options: CompressOptions,
): Promise<{ blocks: Block[]; leftOut: string[] }> {
  const finite: Block[] = [];
  const leftOut: string[] = [];
  for (const block of blocks) {
    throwIfAborted(options.signal);
    const bad = await firstNonFinite(await tensorsOf(source, header, block), options.signal);
    if (!bad) finite.push(block);
    else if (options.allowNonfinite) leftOut.push(block.name);
    else throw nonFinite(source.name, block, bad);
  }
  return { blocks: finite, leftOut };
}

interface NonFinite {
  readonly tensor: string;
  readonly count: number;
}

async function firstNonFinite(
  tensors: readonly Tensor[],
  signal: AbortSignal | undefined,
): Promise<NonFinite | undefined> {
  for (const tensor of tensors) {
    const count = await countNonFinite(tensor, signal);
    if (count > 0) return { tensor: tensor.name, count };
  }
  return undefined;
}

function nonFinite(file: string, block: Block, { tensor, count }: NonFinite): HermError {
  const numbers = count === 1 ? '1 number that is' : `${count} numbers that are`;
  return new HermError(
    'NON_FINITE',
    `${file}: tensor ${tensor} of block ${block.name} has ${numbers} NaN or infinite. Mend it, or store the block without a hierarchy (--allow-nonfinite, allowNonfinite: true).`,
    { file, block: block.name, tensor, count },
  );
}

/** The input must survive its compression, whatever path it is given by. */
async function refuseInput(input: string, output: string): Promise<void> {
  const [from, to] = await Promise.all([input, output].map((path) => realpath(path).catch(() => undefined)));
  if (from === undefined || from !== to) return;
  throw new HermError('OUTPUT_EXISTS', `The output ${output} is the input itself. Name another file.`, {
    file: output,
  });
}

function checkShare(share: number): void {
  if (share > 0 && share <= 1) return;
  throw new HermError('BAD_ARGUMENT', `refit takes shares above 0 and up to 1, not ${share}.`, { refit: share });
}
