import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { NATIVE_DTYPES, type NativeBlock, type NativeMatrix } from '../native/binding.ts';
import type { Block, WeightRef } from './block.ts';
import { parsePart } from './parts.ts';
import { isFloatDType, type Tensor } from './tensor.ts';

/** Tensors by name, wherever they come from: a model file, a skeleton. */
export type TensorLookup = (name: string) => Tensor;

/** A lookup in a list of tensors, whole ones and their parts. @throws HermError `BAD_ARGUMENT` for a name that is not there. */
export function lookupIn(tensors: Iterable<Tensor>): TensorLookup {
  requireArguments({ tensors });
  const byName = new Map<string, Tensor>();
  for (const tensor of tensors) byName.set(tensor.name, tensor);
  return (name) => {
    const tensor = byName.get(name) ?? partIn(byName, name);
    if (!tensor) throw new HermError('BAD_ARGUMENT', `There is no tensor ${name} in this model.`, { tensor: name });
    return tensor;
  };
}

/** A view of rows. */
function partIn(byName: ReadonlyMap<string, Tensor>, name: string): Tensor | undefined {
  const found = parsePart(name);
  const whole = found && byName.get(found.tensor);
  if (!whole || whole.shape.length === 0 || whole.shape[0]! % found.count !== 0) return undefined;
  const bytes = whole.data.byteLength / found.count;
  const data = whole.data.subarray((found.part - 1) * bytes, found.part * bytes);
  return { ...whole, name, shape: [whole.shape[0]! / found.count, ...whole.shape.slice(1)], data };
}

/** A tensor as kernels take it; a vector is one row. @throws HermError `BAD_ARGUMENT` unless it is a floating-point matrix or vector. */
export function nativeMatrix(tensor: Tensor, transposed = false): NativeMatrix {
  requireArguments({ tensor });
  const { name, dtype, shape, data } = tensor;
  if (!isFloatDType(dtype) || shape.length < 1 || shape.length > 2) {
    throw new HermError(
      'BAD_ARGUMENT',
      `Tensor ${name} is ${dtype} [${shape}]: a matrix or vector of F64, F32, F16 or BF16 is needed here.`,
      { tensor: name },
    );
  }
  const cols = shape.at(-1) as number;
  const rows = shape.length === 2 ? (shape[0] as number) : 1;
  return { data, dtype: NATIVE_DTYPES[dtype], rows, cols, transposed };
}

/** One block's weights as kernels take them. */
export function blockWeights(block: Block, lookup: TensorLookup): NativeBlock {
  requireArguments({ block, lookup });
  const weight = (ref: WeightRef) => nativeMatrix(lookup(ref.tensor), ref.transposed);
  const vector = (name: string | undefined) => (name === undefined ? undefined : nativeMatrix(lookup(name)));
  const { input, bias, output, gate } = block;
  const branch = gate && { gate: weight(gate.weight), gateBias: vector(gate.bias) };
  return { input: weight(input), bias: vector(bias), output: weight(output), ...branch };
}
