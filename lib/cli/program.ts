import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { HermError, type HermErrorDetails } from '../errors.ts';
import { type AddCommand, createRun } from './command.ts';
import { addAdapter } from './commands/adapter.ts';
import { addCompress } from './commands/compress.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExpand } from './commands/expand.ts';
import { addGid } from './commands/gid.ts';
import { addGrow } from './commands/grow.ts';
import { addInfo } from './commands/info.ts';
import { addInspect } from './commands/inspect.ts';
import { addLift } from './commands/lift.ts';
import { addPlan } from './commands/plan.ts';
import { addRecover } from './commands/recover.ts';
import { addReport } from './commands/report.ts';
import { addSca } from './commands/sca.ts';
import { addSensitivity } from './commands/sensitivity.ts';
import { addTree } from './commands/tree.ts';
import { addTruncate } from './commands/truncate.ts';
import { addUpgrade } from './commands/upgrade.ts';
import { addVerify } from './commands/verify.ts';
import { EXIT, EXIT_HELP } from './exit_codes.ts';
import { renderError } from './render.ts';
import { exitOnClosedPipe, type Interruption, watchSignals } from './signals.ts';

const COMMANDS: readonly AddCommand[] = [
  addInspect,
  addCompress,
  addInfo,
  addTree,
  addPlan,
  addSensitivity,
  addReport,
  addExpand,
  addLift,
  addAdapter,
  addGrow,
  addRecover,
  addVerify,
  addTruncate,
  addUpgrade,
  addSca,
  addGid,
  addDoctor,
];

/** Runs `herm` with the arguments after its name; sets the process's exit code, and rejects only on a bug. */
export async function main(args: readonly string[]): Promise<void> {
  exitOnClosedPipe();
  const interruption = watchSignals();
  const json = args.includes('--json');
  const program = createProgram(interruption, json);
  try {
    await program.parseAsync(withoutHelp(program, args), { from: 'user' });
  } catch (error) {
    process.exitCode = interruption.exitCode() ?? exitCodeOf(error);
    if (error instanceof CommanderError) {
      if (json && process.exitCode !== EXIT.ok) printJsonError('USAGE', usageMessage(error), {});
    } else reportError(error, json, interruption);
  }
}

/** `herm help nonsense` fails as `herm nonsense` does, and says why. */
function withoutHelp({ commands }: Command, args: readonly string[]): readonly string[] {
  const [help, name] = args;
  const isUnknown = help === 'help' && name !== undefined && !commands.some((command) => command.name() === name);
  return isUnknown && !name.startsWith('-') && name !== 'help' ? args.slice(1) : args;
}

function createProgram(interruption: Interruption, json: boolean): Command {
  const program = new Command('herm')
    .description('Merges the neurons of a model into a hierarchy: one file, every width, the original bit for bit.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError('Run it with --help to see how it is used.')
    .addHelpText('after', `\nExample:\n  $ herm compress model.safetensors -o model.herm\n\n${EXIT_HELP}`)
    .configureOutput({ writeErr: (text) => void (json || process.stderr.write(text)) })
    .exitOverride();
  const run = createRun(interruption, EXIT.failed);
  for (const add of COMMANDS) add(program, run);
  return program;
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof CommanderError)) return EXIT.failed;
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

function usageMessage(error: CommanderError): string {
  if (error.code === 'commander.help') return 'No command was given. Run "herm --help" to see them.';
  return error.message.replace(/^error: /, '');
}

function reportError(error: unknown, json: boolean, interruption: Interruption): void {
  if (interruption.exitCode() !== undefined) {
    const details = error instanceof HermError ? error.details : {};
    if (json) printJsonError('ABORTED', 'Interrupted.', 'partial' in details ? details : {});
    else process.stderr.write(`Interrupted: no output was written.${keptNote(details)}\n`);
  } else if (!(error instanceof HermError)) {
    if (json) printJsonError('INTERNAL', error instanceof Error ? error.message : String(error), {});
    else throw error;
  } else if (json) printJsonError(error.code, error.message, error.details);
  else process.stderr.write(`${renderError(error)}\n`);
}

/** What a compression with --resume leaves for the next one. */
function keptNote({ partial, finished, groups }: HermErrorDetails): string {
  if (partial === undefined) return '';
  return ` What is done is kept in ${partial} (${finished} of ${groups} groups of blocks); --resume goes on from there.`;
}

function printJsonError(code: string, message: string, details: object): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message, details } }, undefined, 2)}\n`);
}
