import { requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { forward, type Layer } from '../model/forward.ts';
import type { Tensor } from '../model/tensor.ts';
import type { CallOptions } from '../native/call.ts';

/** A network of fixed widths in memory. It stays usable, and in memory, as long as somebody holds it. */
export class ServedNetwork {
  /** By block name. */
  readonly widths: Readonly<Record<string, number>>;
  /** Whether its output weights are refitted ones. */
  readonly refitted: boolean;
  /** Bytes of its tensors. */
  readonly memory: number;
  readonly #layers: readonly Layer[];
  readonly #inputs: number;

  /** Use {@link open}. */
  constructor(
    { widths, refitted }: Pick<ServedNetwork, 'widths' | 'refitted'>,
    tensors: readonly Tensor[],
    layers: readonly Layer[],
    inputs: number,
  ) {
    this.widths = widths;
    this.refitted = refitted;
    this.memory = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    this.#layers = layers;
    this.#inputs = inputs;
  }

  /**
   * Runs a batch, in double precision and off the event loop.
   *
   * @param batch [rows×inputs] row-major; not to be written to until the call has settled
   * @returns [rows×outputs] row-major, in the type of `batch`
   * @throws HermError `BAD_ARGUMENT` for other arrays, or numbers that are no whole rows; `OUT_OF_MEMORY`; `ABORTED`
   */
  async forward<T extends Float32Array | Float64Array>(batch: T, options?: CallOptions): Promise<T> {
    requireArray('A batch', batch, Float32Array, Float64Array);
    const rows = batch.length / this.#inputs;
    if (!Number.isInteger(rows)) {
      const why = `A batch must be rows of ${this.#inputs} numbers, not ${batch.length} numbers.`;
      throw new HermError('BAD_ARGUMENT', why, { inputs: this.#inputs, length: batch.length });
    }
    const single = batch instanceof Float32Array;
    const outputs = await forward(this.#layers, single ? Float64Array.from(batch) : batch, rows, options);
    return (single ? Float32Array.from(outputs) : outputs) as T;
  }
}
