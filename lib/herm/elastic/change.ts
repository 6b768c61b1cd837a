import { setImmediate } from 'node:timers/promises';
import { HermError } from '../../errors.ts';
import { quoteName } from '../../model/messages.ts';
import { type DType, dtypeBytes, READERS, WRITERS } from '../../model/tensor.ts';
import { throwIfAborted } from '../../native/call.ts';
import type { AxisMap } from './root_map.ts';

/** How the numbers [R×C] of one tensor of the original change: w → keep·w + a_r b_c d(root of r, root of c). */
export interface WeightChange {
  readonly tensor: string;
  readonly dtype: DType;
  /** C */
  readonly columns: number;
  /** 1: where the rest is 0, the stored bits stay. */
  readonly keep: number;
  /** [r×c] */
  readonly change: Float64Array;
  /** c */
  readonly changeColumns: number;
  /** [R] and [C]; undefined: the rows or columns of the change are the tensor's own. */
  readonly rows: AxisMap | undefined;
  readonly cols: AxisMap | undefined;
}

/** Numbers between two looks at the event loop. */
const STEP = 2 ** 17;

/**
 * The bytes with their change, rounded to nearest in the tensor's dtype; the input stays as it is.
 *
 * @param first the number of the tensor with which the bytes begin
 * @throws HermError `NON_FINITE` when a finite weight becomes infinite; `ABORTED`.
 */
export async function applyChange(
  change: WeightChange,
  bytes: Uint8Array,
  first: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const out = bytes.slice();
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const count = out.byteLength / dtypeBytes(change.dtype);
  for (let at = 0; at < count; at += STEP) {
    if (at > 0) await setImmediate();
    throwIfAborted(signal);
    applyRange(change, view, first, at, Math.min(count, at + STEP));
  }
  return out;
}

function applyRange(
  { tensor, dtype, columns, keep, change, changeColumns, rows, cols }: WeightChange,
  view: DataView,
  first: number,
  from: number,
  to: number,
): void {
  const [read, write, width] = [READERS[dtype], WRITERS[dtype], dtypeBytes(dtype)];
  for (let at = from; at < to; ) {
    const row = Math.floor((first + at) / columns);
    const start = (rows?.index[row] ?? row) * changeColumns;
    const share = rows?.coefficient[row] ?? 1;
    const end = Math.min(to, (row + 1) * columns - first);
    for (let col = first + at - row * columns; at < end; at++, col++) {
      const lifted =
        cols === undefined
          ? share * change[start + col]!
          : share * change[start + cols.index[col]!]! * cols.coefficient[col]!;
      if (keep === 1 && lifted === 0) continue;
      const before = read(view, at * width);
      write(view, at * width, keep * before + lifted);
      if (Number.isFinite(before) && !Number.isFinite(read(view, at * width))) throw overflow(tensor, dtype);
    }
  }
}

function overflow(tensor: string, dtype: DType): HermError {
  const why = `A lifted weight of tensor ${quoteName(tensor)} is beyond what ${dtype} can hold. Tune with a lower learning rate.`;
  return new HermError('NON_FINITE', why, { tensor, dtype });
}
