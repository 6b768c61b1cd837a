import type { ActivationName, Block } from '../../../lib/model/block.ts';
import { NATIVE_DTYPES, type NativeBlock, type NativeMatrix } from '../../../lib/native/binding.ts';
import { flat, type Matrix } from './matrix.ts';

/** A block in double precision: input [m×n], bias [m] (or none), output [m×p], neurons as rows. */
export function blockOf(
  activation: ActivationName,
  input: Matrix,
  output: Matrix,
  bias?: readonly number[],
): { block: Block; weights: NativeBlock } {
  const [neurons, inputs, outputs] = [input.length, input[0]!.length, output[0]!.length];
  const stored = (a: Matrix): NativeMatrix => ({
    data: new Uint8Array(flat(a).buffer),
    dtype: NATIVE_DTYPES.F64,
    rows: a.length,
    cols: a[0]!.length,
    transposed: false,
  });
  const block: Block = {
    name: 'fc',
    activation: { name: activation, slope: activation === 'leaky_relu' ? 0.1 : 1 },
    neurons,
    inputs,
    outputs,
    input: { tensor: 'w', rows: neurons, cols: inputs, transposed: false },
    bias: bias === undefined ? undefined : 'b',
    output: { tensor: 'v', rows: neurons, cols: outputs, transposed: false },
    outputBias: undefined,
  };
  return { block, weights: { input: stored(input), bias: bias && stored([bias]), output: stored(output) } };
}
