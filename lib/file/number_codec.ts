import { dtypeBits, dtypeBytes, isFloatDType, type Tensor } from '../model/tensor.ts';
import { NATIVE_DTYPES, type NativeNumberArray } from '../native/binding.ts';
import { callNative } from '../native/call.ts';
import { type CodecOptions, decodeWords, encodeWords, naming, plainWords } from './codec.ts';

/** What a decoder knows of a tensor. */
export type TensorForm = Pick<Tensor, 'dtype' | 'shape'>;

/** A tensor that no hierarchy merges: floating-point numbers by the models of weights, all else as words. */
export async function encodeTensor(
  tensor: TensorForm & Pick<Tensor, 'data'>,
  options: CodecOptions,
): Promise<Uint8Array> {
  const { data } = tensor;
  const numbers = numbersOf(tensor);
  if (numbers === undefined) return encodeWords(data, tensorWords(tensor), options);
  const { array, wordBytes } = numbers;
  return callNative(options, async (native, job) => {
    const count = data.byteLength / wordBytes;
    const out = new Uint8Array(native.encodedNumbersBound({ ...array, count }, job));
    return out.slice(0, await native.encodeNumbers({ ...array, words: data, out }, job));
  });
}

/**
 * The `bytes` bytes of the tensor that `data` encodes; `subject` names it in messages.
 *
 * @throws HermError `HERM_CORRUPT` when it does not encode exactly that many.
 */
export async function decodeTensor(
  data: Uint8Array,
  form: TensorForm,
  bytes: number,
  subject: string,
  options: CodecOptions,
): Promise<Uint8Array> {
  const numbers = numbersOf(form);
  if (numbers === undefined) return decodeWords(data, bytes, tensorWords(form), subject, options);
  const words = new Uint8Array(bytes);
  await naming(subject, () =>
    callNative(options, (native, job) => native.decodeNumbers({ ...numbers.array, data, words }, job)),
  );
  return words;
}

function tensorWords({ dtype }: TensorForm) {
  return plainWords(Math.max(1, dtypeBits(dtype)! >> 3));
}

function numbersOf({ dtype, shape }: TensorForm): { array: NativeNumberArray; wordBytes: number } | undefined {
  const complex = dtype === 'C64';
  const of = complex ? 'F32' : dtype;
  if (!isFloatDType(of)) return undefined;
  const columns = numberColumns(complex ? [...shape, 2] : shape);
  return { array: { dtype: NATIVE_DTYPES[of], columns }, wordBytes: dtypeBytes(of) };
}

const LEAST_COLUMNS = 256;
const MOST_COLUMNS = 2 ** 16;

/**
 * How many numbers make a row for coding: what the first axis counts if there are enough of them, else several of the
 * trailing ones. Rows differ in scale, and so do columns; both are learnt.
 */
export function numberColumns(shape: readonly number[]): number {
  let numbers = 1;
  for (const size of shape.slice(1).reverse()) {
    if (numbers >= LEAST_COLUMNS) break;
    numbers *= size;
  }
  if (numbers === 0 || numbers > MOST_COLUMNS) numbers = 1;
  return numbers * Math.ceil(LEAST_COLUMNS / numbers);
}
