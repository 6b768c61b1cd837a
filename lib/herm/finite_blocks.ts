import { HermError } from '../errors.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { type Model, readNamed } from '../model/model.ts';
import { countNonFinite } from '../model/nonfinite.ts';
import type { Tensor } from '../model/tensor.ts';
import { throwIfAborted } from '../native/call.ts';

/** The blocks whose weights are all finite, and the names of the others. */
export interface FiniteBlocks {
  readonly blocks: Block[];
  readonly leftOut: string[];
}

/** @throws HermError `NON_FINITE` for a block that is not finite, unless the caller allows it; `ABORTED`; `IO`. */
export async function finiteBlocks(
  model: Model,
  blocks: readonly Block[],
  allow: boolean,
  signal: AbortSignal | undefined,
): Promise<FiniteBlocks> {
  const found: FiniteBlocks = { blocks: [], leftOut: [] };
  for (const block of blocks) {
    throwIfAborted(signal);
    const bad = await firstNonFinite(await readNamed(model, neuronTensors(block)), signal);
    if (!bad) found.blocks.push(block);
    else if (allow) found.leftOut.push(block.name);
    else throw nonFinite(model.name, block, bad);
  }
  return found;
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
