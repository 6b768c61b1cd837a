import { type CallOptions, throwIfAborted } from '../native/call.ts';
import type { CodecOptions } from './codec.ts';

/** Progress of one pass over so many bytes. */
export class Meter {
  /** What kernels take: their progress is counted here. */
  readonly kernel: CodecOptions;
  readonly #size: number;
  readonly #options: CallOptions;
  #done = 0;

  constructor(size: number, options: CallOptions) {
    this.kernel = { signal: options.signal, threads: options.threads };
    this.#size = size;
    this.#options = options;
  }

  /** @throws HermError `ABORTED` */
  add(bytes: number): void {
    throwIfAborted(this.#options.signal);
    this.#done += bytes;
    this.#options.onProgress?.(this.#size === 0 ? 1 : Math.min(1, this.#done / this.#size));
  }

  finish(): void {
    this.#options.onProgress?.(1);
  }
}
