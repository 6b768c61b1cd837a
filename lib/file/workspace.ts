/** Windows that files are read through. */
export const WINDOW_BYTES = 2 ** 22;

/**
 * Memory that is used again. A pass over a model needs as much for every layer as for the last one, and the collector
 * frees late: it would grow by a layer or two.
 */
export class Workspace {
  readonly #free: Uint8Array[] = [];

  /** Bytes of any value. */
  take(length: number): Uint8Array {
    const size = roundUp(length);
    const at = this.#free.findIndex(({ byteLength }) => byteLength === size);
    if (at >= 0) return this.#free.splice(at, 1)[0]!.subarray(0, length);
    // Other sizes are asked for now.
    this.#free.shift();
    return new Uint8Array(size).subarray(0, length);
  }

  /** Takes back what {@link take} gave, which nobody uses any more. */
  give(bytes: Uint8Array): void {
    this.#free.push(new Uint8Array(bytes.buffer));
  }
}

/** Layers that are alike have compressed sizes that nearly are: steps of at most an eighth. */
function roundUp(length: number): number {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(Math.max(1, length))) - 3);
  return Math.ceil(length / step) * step;
}
