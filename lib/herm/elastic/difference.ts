import { HermError } from '../../errors.ts';
import { quoteName } from '../../model/messages.ts';
import { dtypeBytes, floatDType, READERS, type Tensor, toFloat64, WRITERS } from '../../model/tensor.ts';
import { type ElasticTensor, memberShape } from './tensor_axes.ts';
import { type Tuned, tunedError } from './tuned.ts';
import type { TunedShape } from './tuned_widths.ts';

/** One member of a tuned tensor; of a padded skeleton without its padding. @throws HermError `TUNED_TENSOR` for padding that was tuned. */
export function memberOf(
  whole: Tensor,
  { members }: ElasticTensor,
  part: number,
  { widths, padded }: TunedShape,
  tuned: Pick<Tuned, 'name'>,
): Tensor {
  const own = members.map((member) => memberShape(member, widths));
  const stored = padded ? members.map(({ shape }) => shape) : own;
  const size = (shape: readonly number[]) => shape.reduce((product, count) => product * count, 1);
  const bytes =
    whole.data.byteLength /
    Math.max(
      1,
      stored.reduce((sum, shape) => sum + size(shape), 0),
    );
  const begin = stored.slice(0, part).reduce((sum, shape) => sum + size(shape), 0) * bytes;
  const data = whole.data.subarray(begin, begin + size(stored[part]!) * bytes);
  const shape = own[part]!;
  if (!padded || shape.every((count, axis) => count === stored[part]![axis])) return { ...whole, shape, data };
  return { ...whole, shape, data: unpadded({ ...whole, shape: stored[part]!, data }, shape, tuned) };
}

/** The inverse of what `pad` does to a vector or matrix. */
function unpadded(
  { name, shape, data }: Tensor,
  [rows = 0, cols = 1]: readonly number[],
  tuned: Pick<Tuned, 'name'>,
): Uint8Array {
  const rowBytes = data.byteLength / Math.max(1, shape[0]!);
  const kept = (rowBytes / Math.max(1, shape[1] ?? 1)) * cols;
  const out = new Uint8Array(rows * kept);
  for (let row = 0; row < shape[0]!; row++) {
    const bytes = data.subarray(row * rowBytes, (row + 1) * rowBytes);
    const own = row < rows ? kept : 0;
    if (own > 0) out.set(bytes.subarray(0, own), row * kept);
    // −0 is no weight, either: its last byte is the sign's.
    if (bytes.subarray(own).some((byte) => byte !== 0 && byte !== 0x80)) {
      throw tunedError(
        tuned,
        name,
        'has weights where the skeleton was filled up with zeros, and no neuron of the original can take them; keep those zeros while tuning',
      );
    }
  }
  return out;
}

export interface Difference {
  /** What comes to keep·w: of a skeleton with weights w_k that became w', w' − keep·w_k. */
  readonly change: Float64Array;
  /** Whether anything was tuned. */
  readonly isChange: boolean;
}

/**
 * How a tensor of a skeleton was tuned. Where it was saved in a coarser dtype, numbers that this alone has changed have not
 * changed.
 *
 * @throws HermError `NON_FINITE` for a weight that became infinite or NaN.
 */
export function differenceOf(
  before: Tensor,
  found: Tensor,
  { tuned, delta, keep }: { tuned: Pick<Tuned, 'name'>; delta: boolean; keep: number },
): Difference {
  const [base, change] = [toFloat64(before), toFloat64(found)];
  const round = before.dtype === found.dtype ? (value: number) => value : rounding(found.dtype);
  let isChange = false;
  for (const [at, weight] of base.entries()) {
    const value = change[at]!;
    const difference = delta ? value : Object.is(value, round(weight)) ? 0 : value - round(weight);
    if (!Number.isFinite(difference)) throw notFinite(tuned, found.name);
    isChange ||= difference !== 0;
    change[at] = difference + (1 - keep) * weight;
  }
  return { change, isChange };
}

function rounding(dtype: string): (value: number) => number {
  const own = floatDType(dtype);
  const scratch = new DataView(new ArrayBuffer(dtypeBytes(own)));
  return (value) => {
    WRITERS[own](scratch, 0, value);
    return READERS[own](scratch, 0);
  };
}

function notFinite({ name }: Pick<Tuned, 'name'>, tensor: string): HermError {
  const why = `Tensor ${quoteName(tensor)} of ${name} has a weight that is NaN or infinite: tuning has diverged.`;
  return new HermError('NON_FINITE', why, { file: name, tensor });
}
