import type { Command } from 'commander';
import { type Report, withProgress } from './progress.ts';
import type { Interruption } from './signals.ts';

/** What a command hands back: data for programs, the same as text for people, and whether all is well. */
export interface Outcome {
  /** The one object that `--json` prints. */
  readonly json: object;
  readonly text: string;
  /** False: the exit code says that a check did not hold. Default true. */
  readonly ok?: boolean;
}

/** What a command may use of the world around it. */
export interface Context {
  readonly signal: AbortSignal;
  /** Nothing but the outcome may be printed, if that. */
  readonly silent: boolean;
  /** Shows how far `work` is, where there is someone to see it. */
  progress<T>(title: string, work: (report: Report) => Promise<T>): Promise<T>;
}

export interface CommonOptions {
  readonly json?: true;
  readonly quiet?: true;
}

/** One command: declares itself on the program, and reports its outcome through `run`. */
export type AddCommand = (program: Command, run: Run) => void;

export type Run = (options: CommonOptions, work: (context: Context) => Promise<Outcome>) => Promise<void>;

/** The options of every command, and its examples at the end of its help. */
export function withCommonOptions(command: Command, examples: readonly string[]): Command {
  return command
    .option('--json', 'print one JSON object instead of text, also for errors')
    .option('-q, --quiet', 'print nothing but errors')
    .addHelpText(
      'after',
      `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${examples.map((e) => `  $ ${e}`).join('\n')}`,
    );
}

/** Runs a command's work and prints its outcome. */
export function createRun(interruption: Interruption, exitCodeOfFailedCheck: number): Run {
  return async ({ json = false, quiet = false }, work) => {
    const outcome = await work({
      signal: interruption.abort,
      silent: quiet || json,
      progress: (title, steps) => withProgress(title, quiet || json, steps),
    });
    if (json) process.stdout.write(`${JSON.stringify(outcome.json, undefined, 2)}\n`);
    else if (!quiet) process.stdout.write(`${outcome.text}\n`);
    if (outcome.ok === false) process.exitCode = exitCodeOfFailedCheck;
  };
}
