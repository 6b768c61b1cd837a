import { createHash } from 'node:crypto';
import type { HermContent } from '../../file/content.ts';
import type { WeightRef } from '../../model/block.ts';
import type { KernelOptions } from '../exact_matrix.ts';
import { coefficientsOf, type MergeTree } from '../tree.ts';

/**
 * [m] of every neuron of a block the first one with the same input weights, bias and gate, bit for bit; undefined where no merge down to
 * `width` has left one of its two neurons without a part in the parent's inputs.
 *
 * @throws HermError as reading the file does.
 */
export async function copiesOf(
  content: HermContent,
  block: number,
  tree: MergeTree,
  width: number,
  options: KernelOptions,
): Promise<Uint32Array | undefined> {
  if (!leavesOut(tree, width)) return undefined;
  const { blocks, json } = content.header;
  const { neurons, input, bias, gate } = blocks[block]!;
  const full = blocks.map((other) => other.neurons);
  const hashes = Array.from({ length: neurons }, () => createHash('sha256'));
  const add = async (name: string | undefined, transposed = false) => {
    if (name === undefined) return;
    const index = json.tensors.findIndex((tensor) => tensor.name === name);
    const { shape, data } = await content.tensor(index, full, options);
    const bytes = neuronBytes(data, shape, transposed);
    for (const [neuron, hash] of hashes.entries()) hash.update(bytes(neuron));
  };
  for (const { tensor, transposed } of [input, gate?.weight].filter((ref): ref is WeightRef => ref !== undefined)) {
    await add(tensor, transposed);
  }
  await add(bias);
  await add(gate?.bias);
  const first = new Map<string, number>();
  return Uint32Array.from(hashes, (hash, neuron) => {
    const key = hash.digest('base64');
    const found = first.get(key) ?? neuron;
    first.set(key, found);
    return found;
  });
}

/** Whether a merge has a coefficient 0 on the side of inputs, or of gates. */
function leavesOut(tree: MergeTree, width: number): boolean {
  const sides = tree.gate === undefined ? (['input'] as const) : (['input', 'gate'] as const);
  // Half-precision bit patterns: 0 and −0.
  return sides.some((side) =>
    coefficientsOf(tree, side)
      .subarray(0, 2 * (tree.neurons - width))
      .some((bits) => (bits & 0x7fff) === 0),
  );
}

/** The bytes of a neuron's row, or column. */
function neuronBytes(
  data: Uint8Array,
  [rows, cols = 1]: readonly number[],
  isColumn: boolean,
): (neuron: number) => Uint8Array {
  const row = data.byteLength / rows!;
  if (!isColumn) return (neuron) => data.subarray(neuron * row, (neuron + 1) * row);
  const size = row / cols;
  return (neuron) => {
    const column = new Uint8Array(rows! * size);
    for (let at = 0; at < rows!; at++) {
      const start = at * row + neuron * size;
      column.set(data.subarray(start, start + size), at * size);
    }
    return column;
  };
}
