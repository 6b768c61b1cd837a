import type { Command } from 'commander';
import { HermError } from '../errors.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { findBlocks } from '../model/blocks.ts';
import { quoteName } from '../model/messages.ts';
import { type Model, readNamed } from '../model/model.ts';
import { inParts } from '../model/parts.ts';
import { lookupIn, type TensorLookup } from '../model/weights.ts';

/** The options of every command that looks for blocks in a model. */
export interface ModelOptions {
  readonly blocks?: string;
  readonly activation?: string;
}

export const MODEL_HELP = 'a safetensors file, an index of shards, an ONNX model, or a directory with one of these';

export function withModelOptions(command: Command): Command {
  return command
    .option(
      '--blocks <list>',
      'the blocks by hand, input linear > output linear: "fc1>fc2,fc2>fc3", "layers.*.gate&layers.*.up>layers.*.down"',
    )
    .option(
      '--activation <list>',
      'the activation, "relu", or block by block, "fc1=relu,fc2=leaky_relu:0.2"; default: what metadata, config.json or names say',
    );
}

/** One block of a model and its weights. */
export interface LoadedBlock {
  readonly block: Block;
  readonly lookup: TensorLookup;
}

/** @throws HermError `BAD_ARGUMENT` when the model has no block of that name, or what {@link findBlocks} throws. */
export async function loadBlock(model: Model, name: string, options: ModelOptions): Promise<LoadedBlock> {
  const blocks = findBlocks(model, options);
  const block = blocks.find((candidate) => candidate.name === name);
  if (block !== undefined) return { block, lookup: await loadWeights(model, block) };
  const names = blocks.map((candidate) => candidate.name);
  throw new HermError(
    'BAD_ARGUMENT',
    `The model has no block ${quoteName(name)}; there are: ${names.map(quoteName).join(', ')}.`,
    { block: name, blocks: names },
  );
}

/** The tensors of a block's neurons. */
export async function loadWeights(model: Model, block: Block): Promise<TensorLookup> {
  return lookupIn(await readNamed(inParts(model, [block]), neuronTensors(block)));
}
