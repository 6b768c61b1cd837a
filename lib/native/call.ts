import { availableParallelism } from 'node:os';
import { HERM_ERROR_CODES, HermError, type HermErrorCode } from '../errors.ts';
import type { Addon, NativeJob } from './binding.ts';
import { loadAddon } from './load.ts';

/** What every long call of hermkit takes. */
export interface CallOptions {
  /** Stops the work soon after it fires; the call then rejects with code `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the share done, 0 to 1, never after the call has settled. */
  readonly onProgress?: ((done: number) => void) | undefined;
  /** Threads of the native kernels; by default as many as this process has cores. Never changes a result. */
  readonly threads?: number | undefined;
}

const PROGRESS_INTERVAL_MS = 50;

// One heavy job at a time: the kernels use all cores themselves, and a server's thread pool must not fill up with them.
let tail: Promise<unknown> = Promise.resolve();
const running = new Set<Int32Array>();
let exitHooked = false;

/**
 * Runs one kernel call after those before it, with abort and progress.
 *
 * @throws HermError `ABORTED`, or whatever code the kernel reports.
 */
export async function callNative<T>(
  options: CallOptions | undefined,
  call: (addon: Addon, job: NativeJob) => Promise<T>,
): Promise<T> {
  const threads = checkThreads(options?.threads);
  const addon = loadAddon() as unknown as Addon;
  const turn = tail.then(() => run(addon, threads, options, call));
  tail = turn.catch(() => undefined);
  return turn;
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
  const timer = watchProgress(control, options?.onProgress);
  hookExit();
  running.add(control);
  try {
    return await call(addon, { control, threads });
  } catch (error) {
    throw toHermError(error, signal);
  } finally {
    running.delete(control);
    clearInterval(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function watchProgress(
  control: Int32Array,
  onProgress: ((done: number) => void) | undefined,
): NodeJS.Timeout | undefined {
  if (!onProgress) return undefined;
  let last = -1;
  const timer = setInterval(() => {
    const millionths = Atomics.load(control, 1);
    if (millionths !== last) onProgress(millionths / 1e6);
    last = millionths;
  }, PROGRESS_INTERVAL_MS);
  timer.unref();
  return timer;
}

/** A process that exits waits for its thread pool: jobs under way are told to stop. */
function hookExit(): void {
  if (exitHooked) return;
  exitHooked = true;
  process.on('exit', () => {
    for (const control of running) Atomics.store(control, 0, 1);
  });
}

/** @throws HermError `ABORTED` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

function abortedError(signal: AbortSignal | undefined): HermError {
  return new HermError('ABORTED', 'The operation was aborted.', {}, { cause: signal?.reason });
}

/** The addon's errors carry a code and a message; the stack that helps is the caller's. */
function toHermError(error: unknown, signal: AbortSignal | undefined): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ABORTED') return abortedError(signal);
  if (!(error instanceof Error) || !isHermCode(code)) return error;
  return new HermError(code, error.message, {}, { cause: error });
}

function isHermCode(code: unknown): code is HermErrorCode {
  return (HERM_ERROR_CODES as readonly unknown[]).includes(code);
}

function checkThreads(threads: number | undefined): number {
  if (threads === undefined) return availableParallelism();
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new HermError('BAD_ARGUMENT', `threads must be a whole number from 1 to 1024, not ${threads}.`, { threads });
  }
  return threads;
}
