import type { Command } from 'commander';
import type { Original } from '../../file/original.ts';
import type { HermFile } from '../../file/read.ts';
import { activationText } from '../../model/activation_option.ts';
import { formatBytes } from '../../native/memory.ts';
import { PRIOR_WORDS } from '../../report/words.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { levelTable } from '../level_table.ts';
import { keyValues, percent, sections, styled, table } from '../render.ts';

export function addInfo(program: Command, run: Run): void {
  const command = program
    .command('info')
    .description('Show what a .herm file holds: blocks, widths, their errors, and how much of the file each needs.')
    .argument('<file>', 'the .herm file, or the beginning of one; a path or an http(s) address');
  withCommonOptions(command, ['herm info model.herm', 'herm info https://example.org/model.herm']).action(
    (path: string, options: CommonOptions) => run(options, (context) => info(path, context)),
  );
}

async function info(path: string, { signal }: Context): Promise<Outcome> {
  return withHerm(path, { signal }, async (file) => {
    const json = {
      file: file.name,
      bytes: file.size,
      complete: file.complete,
      original: file.original,
      prior: file.prior,
      blocks: file.blocks.map(({ name, inputs, neurons, outputs, activation }, b) => ({
        name,
        inputs,
        neurons,
        outputs,
        activation,
        smallest: file.ladder[0]![b]!,
      })),
      levels: levelsOf(file),
      refits: file.refits.map(({ widths, errors, measured }) => ({
        widths: byName(file, widths),
        errors: byName(file, errors),
        ...(measured && { measured: byName(file, measured) }),
      })),
      available: file.widthsAvailable(),
    };
    return { json, text: render(file) };
  });
}

interface Level {
  readonly widths: Record<string, number>;
  readonly errors: Record<string, number | null>;
  readonly measured?: Record<string, number | null>;
  /** Bytes from the start of the file that hold this level. */
  readonly bytes: number;
}

function levelsOf(file: HermFile): Level[] {
  return file.ladder.map((widths, level) => ({
    widths: byName(file, widths),
    errors: byName(file, errorsAt(file, level)),
    ...(file.measured && { measured: byName(file, measuredAt(file, level)!) }),
    bytes: file.prefixBytes[level]!,
  }));
}

function errorsAt({ errors }: HermFile, level: number): (number | null)[] {
  return errors.map((levels) => levels[level] ?? null);
}

const measuredAt = ({ measured }: HermFile, level: number): (number | null)[] | undefined =>
  measured?.map((levels) => levels[level] ?? null);

function byName<T>({ blocks }: HermFile, values: readonly T[]): Record<string, T> {
  return Object.fromEntries(blocks.map(({ name }, block) => [name, values[block]!]));
}

function render(file: HermFile): string {
  const { name, size, original, blocks } = file;
  const whole = file.complete ? '' : ' (only the beginning: not all widths can be had)';
  const head = keyValues([
    ['file', `${name}, ${formatBytes(size)}${whole}`],
    ['original', `${original.name}, ${formatBytes(original.size)}`],
    ['size', `${percent(size / original.size)} of the original`],
    original.sha256 === null ? ['files', fileCounts(original)] : ['SHA-256', original.sha256],
  ]);
  const blockTable = table(
    [{ title: 'block' }, { title: 'layer' }, { title: 'activation' }, { title: 'smallest', align: 'right' }],
    blocks.map(({ name, inputs, neurons, outputs, activation }, b) => [
      name,
      `${inputs} > ${neurons} > ${outputs}`,
      activationText(activation),
      String(file.ladder[0]![b]),
    ]),
  );
  return sections(head, blockTable, widthTable(file), refitTable(file));
}

function fileCounts({ files, extras }: Original): string {
  return `${files.length} safetensors, ${extras.length} others: ${[...files, ...extras].map(({ name }) => name).join(', ')}`;
}

function widthTable(file: HermFile): string {
  const rows = file.ladder.map((widths, level) => {
    const prefix = file.prefixBytes[level]!;
    const share = `${((100 * prefix) / file.original.size).toFixed(1)}%`;
    return {
      widths,
      errors: errorsAt(file, level),
      measured: measuredAt(file, level),
      extra: [formatBytes(prefix), share],
    };
  });
  const title = `Widths, coarse to fine; a download may stop after any of them. Error: ‖f − f_k‖/‖f‖ of each block for ${PRIOR_WORDS[file.prior]}.`;
  return `${styled('dim', title)}\n${levelTable(file.blocks, rows, ['bytes', 'of original'])}`;
}

function refitTable(file: HermFile): string {
  return file.refits.length === 0 ? '' : `With refitted output weights:\n${levelTable(file.blocks, file.refits)}`;
}
