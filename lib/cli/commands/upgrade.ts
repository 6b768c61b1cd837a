import type { Command } from 'commander';
import { HermError } from '../../errors.ts';
import { type UpgradeReport, upgrade } from '../../herm/upgrade.ts';
import { formatBytes } from '../../native/memory.ts';
import { isAddress } from '../../source/input.ts';
import { blockTable } from '../block_table.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { widthsOf, withHerm } from '../herm_file.ts';
import { parseWidths, WIDTHS_HELP, type Widths } from '../options.ts';
import { sections } from '../render.ts';
import { servedBlocks } from './truncate.ts';

interface UpgradeOptions extends CommonOptions {
  readonly from: string;
  readonly width?: Widths;
}

export function addUpgrade(program: Command, run: Run): void {
  const command = program
    .command('upgrade')
    .description('Complete the beginning of a .herm file from the whole one, reading only what is missing or damaged.')
    .argument('<file>', 'the file to complete; it is replaced when everything is there')
    .requiredOption('--from <file>', 'the whole .herm file; a path or an http(s) address')
    .option('--width <widths>', `only as far as these widths need: ${WIDTHS_HELP}`, parseWidths);
  withCommonOptions(command, [
    'herm upgrade small.herm --from https://example.org/model.herm --width 50%',
    'herm upgrade small.herm --from model.herm',
  ]).action((path: string, options: UpgradeOptions) => run(options, (context) => complete(path, options, context)));
}

async function complete(path: string, options: UpgradeOptions, { signal, progress }: Context): Promise<Outcome> {
  if (isAddress(path)) {
    throw new HermError(
      'BAD_ARGUMENT',
      'Only a file on this machine can be completed. Name it, and the address with --from.',
    );
  }
  const { from, width } = options;
  return withHerm(path, { signal }, async (file) => {
    const request = width && widthsOf(file, width);
    const report = await progress('upgrading', (onProgress) =>
      upgrade(path, from, { ...(request && { width: request }), signal, onProgress }),
    );
    const { bytes, bytesBefore, fetched, repaired, complete: whole } = report;
    const blocks = servedBlocks(file, report.widths);
    const lines = [sizeLine(path, report)];
    if (repaired > 0) lines.push(`${repaired} damaged ${repaired === 1 ? 'part was' : 'parts were'} replaced.`);
    if (whole) lines.push('It is complete.');
    return {
      json: { file: path, bytes, bytesBefore, fetched, repaired, complete: whole, blocks },
      text: sections(blockTable(blocks), lines.join('\n')),
    };
  });
}

/** A file that is repaired need not grow. */
function sizeLine(path: string, { bytes, bytesBefore, fetched, repaired }: UpgradeReport): string {
  if (bytes === bytesBefore && repaired === 0) return `${path} holds all of that already: ${formatBytes(bytes)}.`;
  const what =
    bytes === bytesBefore
      ? `is as large as before, ${formatBytes(bytes)}`
      : `has grown from ${formatBytes(bytesBefore)} to ${formatBytes(bytes)}`;
  return `${path} ${what}; ${formatBytes(fetched)} were read of the other file.`;
}
