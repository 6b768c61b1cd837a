import { removePendingTempFiles } from '../model/temporary.ts';
import { EXIT } from './exit_codes.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

export interface Interruption {
  /** Fires with the first signal. */
  readonly abort: AbortSignal;
  /** The exit code of the signal that came, or undefined. */
  exitCode(): number | undefined;
}

/**
 * The first signal stops the work in an orderly way, which removes unfinished files. A second one does not wait for it:
 * it removes them and ends the process.
 */
export function watchSignals(): Interruption {
  const controller = new AbortController();
  let received: Signal | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (received !== undefined) {
        removePendingTempFiles();
        process.exit(EXIT[signal]);
      }
      received = signal;
      controller.abort(new Error(`Received ${signal}.`));
    });
  }
  return { abort: controller.signal, exitCode: () => (received === undefined ? undefined : EXIT[received]) };
}

/** A reader that has seen enough (`herm info x.herm | head -1`) is no error. */
export function exitOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      removePendingTempFiles();
      process.exit(EXIT.ok);
    });
  }
}
