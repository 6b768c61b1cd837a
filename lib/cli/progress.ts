import { SingleBar } from 'cli-progress';

const STEPS = 1000;

/** Runs `work` with a callback for the share done (0 to 1), shown as a bar on a terminal's stderr and nowhere else. */
export async function withProgress<T>(
  title: string,
  quiet: boolean,
  work: (onProgress: (done: number) => void) => Promise<T>,
): Promise<T> {
  if (quiet || !process.stderr.isTTY) return work(() => {});
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${title} {bar} {percentage}% | {duration_formatted}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    // Signals are handled in one place (signals.ts).
    gracefulExit: false,
  });
  bar.start(STEPS, 0);
  try {
    return await work((done) => bar.update(Math.round(done * STEPS)));
  } finally {
    bar.stop();
  }
}
