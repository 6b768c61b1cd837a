import { type Command, Option } from 'commander';
import { requireVacant } from '../../model/atomic_directory.ts';
import { formatBytes } from '../../native/memory.ts';
import { blockTable } from '../block_table.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { blockRows, widthsOf, withHerm } from '../herm_file.ts';
import { parseKeep, parseWidths, WIDTHS_HELP, type Widths } from '../options.ts';
import { checkOutput } from '../output.ts';
import { printable, sections } from '../render.ts';

interface LiftCommandOptions extends CommonOptions {
  readonly output: string;
  readonly tuned?: string;
  readonly delta?: string;
  readonly width?: Widths;
  readonly keep: number;
  readonly refit: boolean;
  readonly force?: true;
}

export function addLift(program: Command, run: Run): void {
  const command = program
    .command('lift')
    .description('Write the original with the change of a tuned skeleton, lifted to all of its neurons.')
    .argument('<file>', 'the .herm file; a path or an http(s) address')
    .addOption(new Option('--tuned <model>', 'the skeleton that expand wrote, tuned, in any form of a model'))
    .addOption(new Option('--delta <model>', 'what was trained through the maps that adapter wrote').conflicts('tuned'))
    .requiredOption('-o, --output <file>', 'the model file to write; a new directory, if the original is one')
    .addOption(
      new Option('--keep <share>', 'how much of the original that the skeleton lacks is kept')
        .argParser(parseKeep)
        .default(1, '100%'),
    )
    .addOption(
      new Option('--width <widths>', `only for a skeleton made with --pad: ${WIDTHS_HELP}`).argParser(parseWidths),
    )
    .option('--no-refit', 'the skeleton was made with --no-refit')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm lift model.herm --tuned skeleton.safetensors -o full.safetensors',
    'herm lift model.herm --tuned skeleton.safetensors --keep 50% -o full.safetensors',
    'herm lift model.herm --delta delta.safetensors -o full.safetensors',
    'herm lift Qwen3.herm --tuned Qwen3-half -o Qwen3-tuned',
  ]).action((path: string, options: LiftCommandOptions) => {
    if (options.tuned === undefined && options.delta === undefined) {
      command.error("error: required option '--tuned <model>' or '--delta <model>' not specified");
    }
    return run(options, (context) => lift(path, options, context));
  });
}

async function lift(path: string, options: LiftCommandOptions, { signal, progress }: Context): Promise<Outcome> {
  const { output, keep, refit, width } = options;
  const tuned = (options.tuned ?? options.delta)!;
  return withHerm(path, { signal }, async (file) => {
    if (file.original.directory) await requireVacant(output);
    else {
      await checkOutput(output, [path, tuned], options.force === true);
    }
    const report = await progress('lifting', (onProgress) =>
      file.liftTo(output, tuned, {
        delta: options.delta !== undefined,
        ...{ keep, refit, signal, onProgress },
        widths: width && widthsOf(file, width),
      }),
    );
    const blocks = blockRows(file, report.widths);
    const { changed } = report;
    const { name, size } = file.original;
    const what =
      changed.length === 0 && keep === 1
        ? `Nothing was tuned: ${output} is ${printable(name)}, bit for bit.`
        : `${changed.length} of ${file.tensors.length} tensors have changed.`;
    return {
      json: { output, bytes: size, keep, blocks, changed },
      text: sections(blockTable(blocks), what, `Wrote ${output}: ${formatBytes(size)}.`),
    };
  });
}
