import type { Command } from 'commander';
import type { HermFile } from '../../file/read.ts';
import { formatBytes } from '../../native/memory.ts';
import { type BlockRow, blockTable } from '../block_table.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { errorAt, widthsOf, withHerm } from '../herm_file.ts';
import { parseWidths, WIDTHS_HELP, type Widths } from '../options.ts';
import { checkOutput } from '../output.ts';
import { percent, sections } from '../render.ts';

interface TruncateOptions extends CommonOptions {
  readonly output: string;
  readonly width: Widths;
  readonly force?: true;
}

export function addTruncate(program: Command, run: Run): void {
  const command = program
    .command('truncate')
    .description('Write the beginning of a .herm file that serves some widths; "herm upgrade" completes it again.')
    .argument('<file>', 'the .herm file, or the beginning of one; a path or an http(s) address')
    .requiredOption('--width <widths>', WIDTHS_HELP, parseWidths)
    .requiredOption('-o, --output <file>', 'the .herm file to write')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm truncate model.herm --width 25% -o small.herm',
    'herm truncate https://example.org/model.herm --width fc1=40,fc2=10% -o small.herm',
  ]).action((path: string, options: TruncateOptions) => run(options, (context) => truncate(path, options, context)));
}

async function truncate(path: string, options: TruncateOptions, { signal, progress }: Context): Promise<Outcome> {
  const { output, width, force } = options;
  return withHerm(path, { signal }, async (file) => {
    await checkOutput(output, [path], force === true);
    const request = widthsOf(file, width);
    const report = await progress('truncating', (onProgress) =>
      file.truncateTo(output, request, { signal, onProgress }),
    );
    const { bytes, bytesBefore } = report;
    const blocks = servedBlocks(file, report.widths);
    const share = percent(bytes / bytesBefore);
    const text = `Wrote ${output}: ${formatBytes(bytes)}, the first ${share} of ${file.name} (${formatBytes(bytesBefore)}).`;
    return { json: { output, bytes, bytesBefore, blocks }, text: sections(blockTable(blocks), text) };
  });
}

/** The largest width of each block that a file serves, and its error. */
export function servedBlocks(file: HermFile, widths: Readonly<Record<string, number>>): BlockRow[] {
  return file.blocks.map(({ name, neurons }, block) => {
    const width = widths[name]!;
    return { name, width, neurons, error: errorAt(file, block, width) ?? null };
  });
}
