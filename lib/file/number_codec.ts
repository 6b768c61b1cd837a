import { dtypeBits, dtypeBytes, isFloatDType, type Tensor } from '../model/tensor.ts';
import { NATIVE_DTYPES, type NativeNumberArray } from '../native/binding.ts';
import { callNative, threadsOf } from '../native/call.ts';
import { allocating } from './allocating.ts';
import { type CodecOptions, checkRead, decodeWords, encodeWords, naming, plainWords, readWords } from './codec.ts';
import type { PieceBuffers } from './weight_decode.ts';

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
  checkRead(await readNumbers(numbers.array, data, words, subject, options), data, subject);
  return words;
}

/** {@link decodeTensor} piece by piece. */
export async function* decodePieces(
  data: Uint8Array,
  form: TensorForm,
  bytes: number,
  subject: string,
  buffers: PieceBuffers,
  options: CodecOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const numbers = numbersOf(form);
  const pieceBytes = numbers === undefined ? WORD_PIECE_BYTES : numberPieceBytes(numbers);
  // As many as can be decoded at the same time.
  const step = pieceBytes * threadsOf(options);
  let read = 0;
  for (let at = 0; at < bytes; at += step) {
    const words = await allocating(subject, async () => buffers.next(Math.min(step, bytes - at)));
    const rest = data.subarray(read);
    read +=
      numbers === undefined
        ? await readWords(rest, words, tensorWords(form), subject, options)
        : await readNumbers(numbers.array, rest, words, subject, options);
    yield words;
  }
  checkRead(read, data, subject);
}

/** Numbers of a piece at most: `herm::kPieceNumbers`. */
const PIECE_NUMBERS = 2 ** 21;

/** Whole blocks of words of every size. */
const WORD_PIECE_BYTES = 2 ** 22;

function numberPieceBytes({ array, wordBytes }: FloatForm): number {
  return Math.floor(PIECE_NUMBERS / array.columns) * array.columns * wordBytes;
}

/** Fills `words` from the beginning of `data`. @returns the bytes read */
function readNumbers(
  array: NativeNumberArray,
  data: Uint8Array,
  words: Uint8Array,
  subject: string,
  options: CodecOptions,
): Promise<number> {
  return naming(subject, () =>
    callNative(options, (native, job) => native.decodeNumbers({ ...array, data, words }, job)),
  );
}

function tensorWords({ dtype }: TensorForm) {
  return plainWords(Math.max(1, dtypeBits(dtype)! >> 3));
}

interface FloatForm {
  readonly array: NativeNumberArray;
  readonly wordBytes: number;
}

function numbersOf({ dtype, shape }: TensorForm): FloatForm | undefined {
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
