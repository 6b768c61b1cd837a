import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { HermFile } from '../../file/read.ts';
import { activationText } from '../../model/activation_option.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { bytes, type Column, keyValues, number, percent, sections, styled, table } from '../render.ts';

/** Beyond so many blocks, a level is one line with the range of its widths and errors. */
const MAX_BLOCK_COLUMNS = 4;

export function addInfo(program: Command, run: Run): void {
  const command = program
    .command('info')
    .description('Show what a .herm file holds: blocks, widths, their errors, and how much of the file each needs.')
    .argument('<file>', 'the .herm file, or the beginning of one');
  withCommonOptions(command, ['herm info model.herm']).action((path: string, options: CommonOptions) =>
    run(options, (context) => info(path, context)),
  );
}

async function info(path: string, { signal }: Context): Promise<Outcome> {
  const { size } = await stat(path);
  return withHerm(path, signal, async (file) => {
    const json = {
      file: path,
      bytes: size,
      complete: file.complete,
      original: file.original,
      blocks: file.blocks.map(({ name, inputs, neurons, outputs, activation }, b) => ({
        name,
        inputs,
        neurons,
        outputs,
        activation,
        smallest: file.ladder[0]![b]!,
      })),
      levels: levelsOf(file),
      refits: file.refits.map((widths) => byName(file, widths)),
      available: file.widthsAvailable(),
    };
    return { json, text: render(file, path, size) };
  });
}

interface Level {
  readonly widths: Record<string, number>;
  readonly errors: Record<string, number | null>;
  /** Bytes from the start of the file that hold this level. */
  readonly bytes: number;
}

function levelsOf(file: HermFile): Level[] {
  return file.ladder.map((widths, level) => ({
    widths: byName(file, widths),
    errors: byName(
      file,
      file.errors.map((levels) => levels[level]!),
    ),
    bytes: file.prefixBytes[level]!,
  }));
}

function byName<T>({ blocks }: HermFile, values: readonly T[]): Record<string, T> {
  return Object.fromEntries(blocks.map(({ name }, block) => [name, values[block]!]));
}

function render(file: HermFile, path: string, size: number): string {
  const { original, blocks } = file;
  const whole = file.complete ? '' : ' (only the beginning: not all widths can be had)';
  const head = keyValues([
    ['file', `${path}, ${bytes(size)}${whole}`],
    ['original', `${original.name}, ${bytes(original.size)}`],
    ['size', `${percent(size / original.size)} of the original`],
    ['SHA-256', original.sha256],
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
  return sections(head, blockTable, levelTable(file), refitList(file));
}

const right = (title: string): Column => ({ title, align: 'right' });

function levelTable(file: HermFile): string {
  const { blocks, original } = file;
  const perBlock = blocks.length <= MAX_BLOCK_COLUMNS;
  const columns = perBlock
    ? blocks.flatMap(({ name }) => [right(name), right('error')])
    : [right('kept'), right('error up to')];
  const neurons = blocks.reduce((sum, block) => sum + block.neurons, 0);
  const rows = levelsOf(file).map(({ widths, errors, bytes: prefix }) => {
    const cells = perBlock
      ? blocks.flatMap(({ name }) => [String(widths[name]), errorText(errors[name])])
      : [
          percent(Object.values(widths).reduce((sum, width) => sum + width, 0) / neurons),
          largest(Object.values(errors)),
        ];
    return [...cells, bytes(prefix), percent(prefix / original.size)];
  });
  const title = styled(
    'dim',
    'Widths, coarse to fine; a download may stop after any of them. Error: ‖f − f_k‖/‖f‖ for x ~ N(0, I).',
  );
  return `${title}\n${table([...columns, right('bytes'), right('of original')], rows)}`;
}

function errorText(error: number | null | undefined): string {
  return error === null || error === undefined ? '-' : number(error);
}

function largest(errors: readonly (number | null)[]): string {
  return errors.includes(null) ? '-' : number(Math.max(...errors.map((error) => error ?? 0)));
}

function refitList(file: HermFile): string {
  const lists = file.refits.map((widths) => `  ${file.blocks.map(({ name }, b) => `${name}=${widths[b]}`).join(',')}`);
  return lists.length === 0 ? '' : `Refitted output weights for the widths\n${lists.join('\n')}`;
}
