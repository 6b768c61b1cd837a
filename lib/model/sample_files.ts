import { HermError } from '../errors.ts';
import type { Block } from './block.ts';
import { quoteName } from './messages.ts';
import { readNpy } from './npy.ts';
import { refuseOtherSamples } from './other_formats.ts';
import { readSafetensorsHeader, readTensor } from './safetensors.ts';
import { fileSource, readWhole } from './source.ts';
import { isFloatDType, type Tensor, toFloat64 } from './tensor.ts';

/** A matrix of samples as a file has it; rows may be laid out along several axes. */
interface SampleTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Sample inputs of blocks from files: `file.safetensors` with a tensor [N×n] for every block that it names, `block=file` for
 * one block, or a `.npy` file alone for the one block that no other one feeds. More files of one block are more rows.
 *
 * @throws HermError `PRIOR` for files that hold no such thing; `IO`; as {@link readSafetensorsHeader}
 */
export async function readSamples(
  blocks: readonly Block[],
  descriptions: readonly string[],
): Promise<Record<string, Float32Array>> {
  const parts = new Map<string, Float32Array[]>();
  for (const description of descriptions) {
    const { named, path } = partsOf(description);
    const tensors = await readTensors(path);
    for (const { name, shape, values } of tensors) {
      const block = blockOf(blocks, named, name, path, tensors.length);
      if (shape.length > 1 && shape.at(-1) === block.inputs) {
        parts.set(block.name, [...(parts.get(block.name) ?? []), values]);
      } else {
        const why = `${path} has ${quoteName(name)} [${shape}] as samples of block ${quoteName(block.name)}, which has ${block.inputs} inputs: they must be [samples×${block.inputs}].`;
        throw new HermError('PRIOR', why, { file: path, block: block.name });
      }
    }
  }
  return Object.fromEntries([...parts].map(([name, values]) => [name, joined(values)]));
}

/** `file` or `block=file` */
function partsOf(description: string): { readonly named: string | undefined; readonly path: string } {
  const [, named, path = description] = /^([^=]*)=(.*)$/.exec(description) ?? [];
  return { named, path };
}

/** The file that a description of samples names. */
export const samplePath = (description: string): string => partsOf(description).path;

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function blockOf(
  blocks: readonly Block[],
  named: string | undefined,
  tensor: string,
  path: string,
  count: number,
): Block {
  const fail = (why: string) => {
    const names = blocks.map(({ name }) => quoteName(name)).join(', ');
    return new HermError('PRIOR', `${why} The blocks are ${names}; give --samples "block=${path}" for one of them.`, {
      file: path,
    });
  };
  const find = (wanted: string) => blocks.find(({ name }) => name === wanted);
  if (named !== undefined) {
    const block = count === 1 || tensor === named ? find(named) : undefined;
    if (block === undefined)
      throw fail(`${path} has no samples of ${quoteName(named)} alone, or there is no such block.`);
    return block;
  }
  const block = find(tensor);
  if (block !== undefined) return block;
  const first = blocks.filter(({ input }) => !blocks.some(({ output }) => output.tensor === input.tensor));
  if (count === 1 && first.length === 1) return first[0]!;
  throw fail(`Of which block the samples ${quoteName(tensor)} in ${path} are is not clear.`);
}

async function readTensors(path: string): Promise<SampleTensor[]> {
  if (path.endsWith('.npy')) return [{ name: path, ...readNpy(await readWhole(path), path) }];
  return (await readAllTensors(path)).map((tensor) => {
    if (isFloatDType(tensor.dtype)) {
      return { name: tensor.name, shape: tensor.shape, values: Float32Array.from(toFloat64(tensor)) };
    }
    const why = `${path} has ${quoteName(tensor.name)} as ${tensor.dtype}: samples must be floats.`;
    throw new HermError('PRIOR', why, { file: path, tensor: tensor.name });
  });
}

/** All tensors of a safetensors file of samples. @throws HermError `PRIOR` for another file, `IO`; as {@link readSafetensorsHeader} */
export async function readAllTensors(path: string): Promise<Tensor[]> {
  const source = await fileSource(path);
  try {
    await refuseOtherSamples(source);
    const header = await readSafetensorsHeader(source);
    const tensors: Tensor[] = [];
    for (const info of header.tensors) tensors.push(await readTensor(source, header, info));
    return tensors;
  } finally {
    await source.close();
  }
}
