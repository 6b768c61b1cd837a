import { Matrix, pseudoInverse } from 'ml-matrix';
import { coefficientsOf, type MergeTree, type Side } from '../../lib/herm/tree.ts';
import type { Block } from '../../lib/model/block.ts';
import { parsePart } from '../../lib/model/parts.ts';
import { fromFloat64, type Tensor, toFloat64 } from '../../lib/model/tensor.ts';

/** The k×m matrix that merges one side of a block to width k: merge after merge, on rows of the identity. */
export function mergeMatrix(tree: MergeTree, width: number, side: Side): Matrix {
  const rows: (number[] | undefined)[] = Matrix.eye(tree.neurons, tree.neurons).to2DArray();
  const bits = coefficientsOf(tree, side);
  const coefficients = toFloat64({
    ...{ name: '', dtype: 'F16', shape: [bits.length] },
    data: new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength),
  });
  for (let t = 0; t < tree.neurons - width; t++) {
    const [i, j] = [tree.pairs[2 * t]!, tree.pairs[2 * t + 1]!];
    rows[i] = rows[i]!.map((value, at) => coefficients[2 * t]! * value + coefficients[2 * t + 1]! * rows[j]![at]!);
    rows[j] = undefined;
  }
  return new Matrix(rows.filter((row) => row !== undefined));
}

/** Its least-norm right inverse [m×k], the slow way. */
export const liftMatrix = (tree: MergeTree, width: number, side: Side): Matrix =>
  pseudoInverse(mergeMatrix(tree, width, side));

interface Sides {
  rows?: Matrix;
  cols?: Matrix;
}

/** Of the tensors (or parts of fused ones) that a block's neurons lie in, what lifts their axes. */
function sidesOf(blocks: readonly Block[], trees: readonly MergeTree[], widths: Readonly<Record<string, number>>) {
  const sides = new Map<string, Sides>();
  const add = (tensor: string | undefined, axis: keyof Sides, lift: Matrix) => {
    if (tensor !== undefined) sides.set(tensor, { ...sides.get(tensor), [axis]: lift });
  };
  for (const [at, block] of blocks.entries()) {
    const lift = (side: Side) => liftMatrix(trees[at]!, widths[block.name]!, side);
    const { gate, input, output, bias } = block;
    add(input.tensor, input.transposed ? 'cols' : 'rows', lift('input'));
    add(bias, 'rows', lift('input'));
    add(output.tensor, output.transposed ? 'cols' : 'rows', lift('output'));
    if (gate) add(gate.weight.tensor, gate.weight.transposed ? 'cols' : 'rows', lift('gate'));
    if (gate) add(gate.bias, 'rows', lift('gate'));
  }
  return sides;
}

const matrixOf = (values: ArrayLike<number>, rows: number) =>
  Matrix.from1DArray(rows, values.length / rows, Array.from(values));

/** keep·w + A (w' − keep·w_k) Bᵀ of every tensor, in double precision. */
export function liftedByOracle(
  {
    blocks,
    trees,
    widths,
    keep = 1,
  }: {
    blocks: readonly Block[];
    trees: readonly MergeTree[];
    widths: Readonly<Record<string, number>>;
    keep?: number;
  },
  [original, skeleton, tuned]: readonly (readonly Tensor[])[],
): Map<string, Float64Array> {
  const sides = sidesOf(blocks, trees, widths);
  const partsOf = (name: string) => [...sides.keys()].filter((key) => parsePart(key)?.tensor === name).sort();
  return new Map(
    original!.map((tensor, at) => {
      const { name } = tensor;
      const own = sides.has(name) ? [name] : partsOf(name);
      if (own.length === 0) return [name, toFloat64(tuned![at]!)];
      const lifted = own.map((part, index) => {
        const slice = (of: Tensor) => {
          const values = toFloat64(of);
          const size = values.length / own.length;
          return matrixOf(values.subarray(index * size, (index + 1) * size), of.shape[0]! / own.length);
        };
        const w = slice(tensor).mul(keep);
        let change = slice(tuned![at]!).sub(slice(skeleton![at]!).mul(keep));
        const { rows, cols } = sides.get(part)!;
        if (rows) change = rows.mmul(change);
        if (cols) change = change.mmul(cols.transpose());
        return w.add(change).to1DArray();
      });
      return [name, Float64Array.from(lifted.flat())];
    }),
  );
}

/** The same tensors with every number changed a little, as tuning does. */
export function nudged(tensors: readonly Tensor[], amount = 0.05, dtype?: 'F64' | 'F32'): Tensor[] {
  return tensors.map((tensor, seed) => {
    const values = toFloat64(tensor).map((value, at) => value + amount * Math.sin(seed + 1.7 * at));
    return fromFloat64(values, dtype ?? (tensor.dtype as 'F32'), tensor.name, tensor.shape);
  });
}
