import { ioError } from '../model/messages.ts';
import { removePendingTempFiles } from '../model/temporary.ts';
import { EXIT } from './exit_codes.ts';
import { renderError } from './render.ts';

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

/** A reader that has seen enough (`herm info x.herm | head -1`) is no error; output that is lost, as on a full disk, is one. */
export function exitOnClosedPipe(): void {
  const leave = (code: number) => {
    removePendingTempFiles();
    process.exit(code);
  };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') leave(EXIT.ok);
    process.stderr.write(`${renderError(ioError('write', 'the output', error))}\n`);
    leave(EXIT.failed);
  });
  // Nobody is left to be told.
  process.stderr.on('error', ({ code }: NodeJS.ErrnoException) => leave(code === 'EPIPE' ? EXIT.ok : EXIT.failed));
}
