import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../native/call.ts';
import { dtypeBytes, isFloatDType, type Tensor } from './tensor.ts';

/** Counting runs on the event loop: pieces of this size take about a millisecond. */
const PIECE_BYTES = 2 ** 20;

/** The bits of the exponent, within the word that holds it. */
const EXPONENT_MASKS = { F64: 0x7ff00000, F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 } as const;

/**
 * How many numbers of a tensor are infinite or NaN; 0 for a dtype that has no such numbers in hermkit's eyes. Does not
 * hold up the event loop.
 *
 * @throws HermError `ABORTED`
 */
export async function countNonFinite(tensor: Tensor, signal?: AbortSignal): Promise<number> {
  const { dtype, data } = tensor;
  if (!isFloatDType(dtype)) return 0;
  let count = 0;
  for (let start = 0; start < data.byteLength; start += PIECE_BYTES) {
    throwIfAborted(signal);
    if (start > 0) await setImmediate();
    // A copy, because the tensor may start at any address; not slice(), which copies nothing of a Buffer.
    const { buffer } = new Uint8Array(data.subarray(start, start + PIECE_BYTES));
    const words = dtypeBytes(dtype) === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);
    count += countMasked(words, EXPONENT_MASKS[dtype], dtype === 'F64' ? 2 : 1);
  }
  return count;
}

/** Words, of every `step` the last, whose exponent bits are all ones. */
function countMasked(words: Uint16Array | Uint32Array, mask: number, step: number): number {
  let count = 0;
  for (let at = step - 1; at < words.length; at += step) if ((words[at]! & mask) === mask) count++;
  return count;
}
