const STEPS = 1000;

/** Tells the share done, 0 to 1, and what is being done where that changes. */
export type Report = (done: number, title?: string) => void;

/** Runs `work` with a callback for its progress, shown as a bar on a terminal's stderr and nowhere else. */
export async function withProgress<T>(title: string, quiet: boolean, work: (report: Report) => Promise<T>): Promise<T> {
  if (quiet || !process.stderr.isTTY) return work(() => {});
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: '{title} {bar} {percentage}% | {duration_formatted}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    // Signals are handled in one place (signals.ts).
    gracefulExit: false,
  });
  // Also where the process ends at once: the terminal must get its cursor back.
  const stop = () => bar.stop();
  process.once('exit', stop);
  bar.start(STEPS, 0, { title });
  try {
    return await work((done, now = title) => bar.update(Math.round(done * STEPS), { title: now }));
  } finally {
    stop();
    process.off('exit', stop);
  }
}
