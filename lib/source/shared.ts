import { setMaxListeners } from 'node:events';
import { throwIfAborted } from '../native/call.ts';

/**
 * Work that several callers may wait for. Each leaves when its own signal fires; when all have left before it is done,
 * the work is aborted.
 */
export class Shared<T> {
  /** What the work gives. Its failure is of no concern where nobody waits. */
  readonly result: Promise<T>;
  readonly #controller = new AbortController();
  #waiting = 0;
  #settled = false;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.result = work(this.#controller.signal).finally(() => {
      this.#settled = true;
    });
    this.result.catch(() => {});
  }

  /** Whether it was given up before it was done, so that nobody may join any more. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** @throws HermError `ABORTED`, or what the work throws. */
  async wait(signal: AbortSignal | undefined): Promise<T> {
    throwIfAborted(signal);
    this.#waiting++;
    let leave = (): void => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal?.reason);
    });
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([this.result, left]);
    } catch (cause) {
      throwIfAborted(signal);
      throw cause;
    } finally {
      signal?.removeEventListener('abort', leave);
      if (--this.#waiting === 0) this.abort();
    }
  }

  /** Ends the work, unless it is done. */
  abort(): void {
    if (!this.#settled) this.#controller.abort();
  }
}

/** {@link Shared.wait} for each of them. */
export async function waitForAll(works: readonly Shared<unknown>[], signal: AbortSignal | undefined): Promise<void> {
  // One signal of many listeners, which Node would take for a leak of the caller's.
  const own = signal && AbortSignal.any([signal]);
  if (own) setMaxListeners(0, own);
  await Promise.all(works.map((work) => work.wait(own)));
}
