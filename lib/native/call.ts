import { AsyncLocalStorage } from 'node:async_hooks';
import { availableParallelism } from 'node:os';
import { requireArguments } from '../arguments.ts';
import { HERM_ERROR_CODES, HermError, type HermErrorCode } from '../errors.ts';
import type { Addon, NativeJob } from './binding.ts';
import { loadAddon } from './load.ts';

/** What every long call of hermkit takes. */
export interface CallOptions {
  /** Stops the work soon after it fires; the call then rejects with code `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the share done, rising from 0, and with 1 before the call resolves; never after it has settled. */
  readonly onProgress?: ((done: number) => void) | undefined;
  /** Threads of the native kernels; by default as many as this process has cores. Never changes a result. */
  readonly threads?: number | undefined;
}

const PROGRESS_INTERVAL_MS = 50;

/** Jobs that run one after the other. */
interface Lane {
  tail: Promise<unknown>;
}

// One heavy job at a time: the kernels use all cores themselves, and a server's thread pool must not fill up with them.
const foreground: Lane = { tail: Promise.resolve() };
const background: Lane = { tail: Promise.resolve() };
const laneOf = new AsyncLocalStorage<Lane>();
const running = new Set<Int32Array>();
let exitHooked = false;

/**
 * The kernel calls that `work` makes, wherever in it, wait for each other but not for calls from elsewhere, nor do those wait
 * for them: they share the cores.
 */
export function inBackground<T>(work: () => Promise<T>): Promise<T> {
  return laneOf.run(background, work);
}

/**
 * Runs one kernel call after those before it, with abort and progress. A call that is aborted while it waits rejects at
 * once; one that is at work rejects when its kernel has stopped, so that nothing touches its arrays any more.
 *
 * @throws HermError `ABORTED`, or whatever code the kernel reports; what `onProgress` throws.
 */
export async function callNative<T>(
  options: CallOptions | undefined,
  call: (addon: Addon, job: NativeJob) => Promise<T>,
): Promise<T> {
  requireArguments({ options });
  const threads = threadsOf(options);
  throwIfAborted(options?.signal);
  const addon = loadAddon() as unknown as Addon;
  return enqueue(options?.signal, () => run(addon, threads, options, call));
}

function enqueue<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(abortedError(signal));
    signal?.addEventListener('abort', leave, { once: true });
    const lane = laneOf.getStore() ?? foreground;
    lane.tail = lane.tail
      .then(() => {
        signal?.removeEventListener('abort', leave);
        return work();
      })
      .then(resolve, reject);
  });
}

async function run<T>(
  addon: Addon,
  threads: number,
  options: CallOptions | undefined,
  call: (addon: Addon, job: NativeJob) => Promise<T>,
): Promise<T> {
  const signal = options?.signal;
  throwIfAborted(signal);
  const control = new Int32Array(2);
  const abort = () => Atomics.store(control, 0, 1);
  signal?.addEventListener('abort', abort, { once: true });
  const watch = new ProgressWatch(control, options?.onProgress);
  hookExit();
  running.add(control);
  try {
    const result = await call(addon, { control, threads });
    watch.finish();
    watch.rethrow();
    throwIfAborted(signal);
    return result;
  } catch (error) {
    watch.rethrow();
    throw toHermError(error, signal);
  } finally {
    running.delete(control);
    watch.stop();
    signal?.removeEventListener('abort', abort);
  }
}

/** Reports the progress of a job until it is stopped; an error that the caller throws there aborts the job. */
class ProgressWatch {
  readonly #control: Int32Array;
  readonly #onProgress: ((done: number) => void) | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #last = -1;
  #failure: { readonly error: unknown } | undefined;

  constructor(control: Int32Array, onProgress: ((done: number) => void) | undefined) {
    this.#control = control;
    this.#onProgress = onProgress;
    if (!onProgress) return;
    // Not what keeps a program alive: the call does that.
    this.#timer = setInterval(() => this.#report(Atomics.load(control, 1)), PROGRESS_INTERVAL_MS).unref();
  }

  #report(millionths: number): void {
    // Threads report out of order: only what rises is news.
    if (millionths <= this.#last || this.#failure) return;
    this.#last = millionths;
    try {
      this.#onProgress?.(millionths / 1e6);
    } catch (error) {
      this.#failure = { error };
      Atomics.store(this.#control, 0, 1);
    }
  }

  /** Also a call that was over before its first report, or whose last one came late on a busy machine, is seen to end. */
  finish(): void {
    this.#report(1e6);
  }

  rethrow(): void {
    if (this.#failure) throw this.#failure.error;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A process that exits waits for its thread pool: jobs under way are told to stop. */
function hookExit(): void {
  if (exitHooked) return;
  exitHooked = true;
  process.on('exit', () => {
    for (const control of running) Atomics.store(control, 0, 1);
  });
}

/** @throws HermError `ABORTED` if the signal has fired, `BAD_ARGUMENT` if it is none, such as the controller of one. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal === undefined || signal === null) return;
  if (typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    const why = 'signal must be an AbortSignal: that of an AbortController is its property "signal".';
    throw new HermError('BAD_ARGUMENT', why, { option: 'signal' });
  }
  if (signal.aborted) throw abortedError(signal);
}

function abortedError(signal: AbortSignal | undefined): HermError {
  return new HermError('ABORTED', 'The operation was aborted.', {}, { cause: signal?.reason });
}

/** The addon's errors carry a code and a message; the stack that helps is the caller's. */
function toHermError(error: unknown, signal: AbortSignal | undefined): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ABORTED') return abortedError(signal);
  if (error instanceof HermError) return error;
  if (!(error instanceof Error) || !isHermCode(code)) return error;
  return new HermError(code, error.message, {}, { cause: error });
}

function isHermCode(code: unknown): code is HermErrorCode {
  return (HERM_ERROR_CODES as readonly unknown[]).includes(code);
}

/** The number of threads that a call uses. @throws HermError `BAD_ARGUMENT` unless it is a whole number from 1 on. */
export function threadsOf({ threads }: CallOptions = {}): number {
  if (threads === undefined) return availableParallelism();
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new HermError('BAD_ARGUMENT', `threads must be a whole number from 1 to 1024, not ${threads}.`, { threads });
  }
  return threads;
}
