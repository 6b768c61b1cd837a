import { serializeSafetensors } from '../../../lib/model/safetensors_write.ts';
import { fromFloat64, type Tensor } from '../../../lib/model/tensor.ts';

type Rows = readonly (readonly number[])[];

const tensor = (name: string, shape: number[], values: readonly number[]): Tensor =>
  fromFloat64(Float64Array.from(values), 'F32', name, shape);

/** A ReLU block of inputs w [m×n], biases b [m] and outputs v [m×p] behind a norm: fc1, fc2, ln, and ln1.zero = γ − 1. */
export function modelBehindNorm(
  w: Rows,
  b: readonly number[],
  v: Rows,
  gamma: readonly number[],
  beta: readonly number[],
) {
  const [m, n, p] = [w.length, gamma.length, v[0]!.length];
  const transposed = v[0]!.map((_, o) => v.map((row) => row[o]!));
  const zeros = transposed.map(() => 0);
  const offsets = gamma.map((x) => x - 1);
  return serializeSafetensors(
    [
      tensor('fc1.weight', [m, n], w.flat()),
      tensor('fc1.bias', [m], b),
      tensor('fc2.weight', [p, m], transposed.flat()),
      tensor('fc2.bias', [p], zeros),
      tensor('ln.weight', [n], gamma),
      tensor('ln1.zero', [n], offsets),
      tensor('ln.bias', [n], beta),
    ],
    new Map([['activation', 'relu']]),
  );
}
