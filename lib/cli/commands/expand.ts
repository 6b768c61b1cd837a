import { type Command, Option } from 'commander';
import type { HermFile } from '../../file/read.ts';
import { requireVacant } from '../../model/atomic_directory.ts';
import { formatBytes } from '../../native/memory.ts';
import { readPlan } from '../../plan/plan_file.ts';
import { type BlockRow, blockTable } from '../block_table.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { describeConfig } from '../config_text.ts';
import { damageTable } from '../damage_table.ts';
import { blockRows, widthsOf, widthsWithin, withHerm } from '../herm_file.ts';
import { parseMaxError, parseMultiple, parseWidths, WIDTHS_HELP, type Widths } from '../options.ts';
import { checkOutput } from '../output.ts';
import { printable, sections } from '../render.ts';

interface ExpandOptions extends CommonOptions {
  readonly output: string;
  readonly width?: Widths;
  readonly maxError?: number;
  readonly plan?: string;
  readonly refit: boolean;
  readonly uniform?: true;
  readonly roundTo?: number;
  readonly pad?: true;
  readonly salvage?: true;
  readonly force?: true;
}

export function addExpand(program: Command, run: Run): void {
  const command = program
    .command('expand')
    .description('Write the model at any width: as a safetensors file, or as an ONNX model if the original is one.')
    .argument('<file>', 'the .herm file, or the beginning of one; a path or an http(s) address')
    .requiredOption('-o, --output <file>', 'the model file to write; or a new directory, if the original is one')
    .addOption(new Option('--width <widths>', WIDTHS_HELP).argParser(parseWidths).conflicts('maxError'))
    .addOption(
      new Option('--max-error <error>', 'the smallest widths with a certified error up to this').argParser(
        parseMaxError,
      ),
    )
    .addOption(
      new Option('--plan <file>', 'the widths of a plan that "herm plan -o" wrote').conflicts([
        'width',
        'maxError',
        'uniform',
        'roundTo',
      ]),
    )
    .option('--uniform', 'one width for all blocks that loaders give one: the largest that is asked for')
    .addOption(new Option('--round-to <n>', 'round widths up to multiples of this').argParser(parseMultiple))
    .option('--pad', 'fill up to the original shapes with neurons of zeros: loads with any widths, and is no smaller')
    .option('--no-refit', 'leave out refitted output weights, if the file has them for these widths')
    .option('--salvage', 'pass over damaged parts: blocks come as wide as the undamaged parts before them allow')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm expand model.herm --width 25% -o small.safetensors',
    'herm expand model.herm --width fc1=40,fc2=20 -o small.safetensors',
    'herm expand model.herm --max-error 0.05 -o small.safetensors',
    'herm expand model.herm --plan plan.json -o small.safetensors',
    'herm expand recogniser.herm --width 50% -o small.onnx',
    'herm expand Qwen3.herm --width 50% --round-to 64 -o Qwen3-half',
    'herm expand Qwen3.herm --max-error 0.2 --uniform -o Qwen3-small',
    'herm expand Qwen3.herm --max-error 0.2 --pad -o Qwen3-padded',
    'herm expand damaged.herm --salvage --width 100% -o rest.safetensors',
    'herm expand https://example.org/model.herm --width 25% -o small.safetensors',
  ]).action((path: string, options: ExpandOptions) => {
    const { width, maxError, plan } = options;
    if (width === undefined && maxError === undefined && plan === undefined) {
      command.error(
        "error: required option '--width <widths>', '--max-error <error>' or '--plan <file>' not specified",
      );
    }
    return run(options, (context) => expand(path, options, context));
  });
}

async function expand(path: string, options: ExpandOptions, { signal, progress }: Context): Promise<Outcome> {
  const { output, refit, salvage = false } = options;
  return withHerm(path, { signal, salvage }, async (file) => {
    if (file.isDirectoryOutput(output)) await requireVacant(output);
    else await checkOutput(output, [path, options.plan], options.force === true);
    const asked = await widthsAsked(file, options);
    const { uniform, roundTo, pad } = options;
    const fitted = uniform || roundTo !== undefined;
    const request = fitted ? await file.fitWidths(asked, { uniform, roundTo, signal }) : asked;
    const skeleton = await progress('expanding', (onProgress) =>
      file.skeleton(request, { refit, pad, signal, onProgress }),
    );
    const { widths, refitted } = skeleton;
    const { bytes: size, files, config } = await file.writeSkeleton(output, skeleton, { signal });
    const blocks = describeBlocks(file, widths, refitted);
    const { damage } = file;
    const text = sections(
      render(output, size, refitted, blocks),
      describeConfig(config),
      salvage ? describeDamage(file, request, widths) : '',
    );
    return {
      json: {
        output,
        bytes: size,
        ...(files && { files }),
        ...(config && { config }),
        refitted,
        blocks,
        ...(salvage && { damage }),
      },
      text,
    };
  });
}

async function widthsAsked(
  file: HermFile,
  { width, maxError = 0, plan }: ExpandOptions,
): Promise<Record<string, number>> {
  if (plan !== undefined) return readPlan(plan, file.blocks);
  return width === undefined ? widthsWithin(file, maxError) : widthsOf(file, width);
}

function describeBlocks(file: HermFile, widths: Readonly<Record<string, number>>, refitted: boolean): BlockRow[] {
  const isHere = (at: readonly number[]) => file.blocks.every(({ name }, block) => at[block] === widths[name]);
  const refit = refitted ? file.refits.find((candidate) => isHere(candidate.widths)) : undefined;
  const errorOf = (block: number) => refit?.errors[block] ?? undefined;
  return refit === undefined ? blockRows(file, widths) : blockRows(file, widths, errorOf);
}

function render(output: string, size: number, refitted: boolean, blocks: readonly BlockRow[]): string {
  const note = refitted ? 'Output weights: refitted for these widths.' : '';
  return sections(blockTable(blocks), note, `Wrote ${output}: ${formatBytes(size)}.`);
}

/** What was passed over, and which blocks are narrower for it. */
function describeDamage(
  { damage, blocks }: HermFile,
  asked: Readonly<Record<string, number>>,
  widths: Readonly<Record<string, number>>,
): string {
  if (damage.length === 0) return 'Nothing in the file is damaged.';
  const narrower = blocks.flatMap(({ name, neurons }) => {
    const wanted = Object.hasOwn(asked, name) ? asked[name]! : neurons;
    return wanted > widths[name]! ? [`${name} (${widths[name]} instead of ${wanted})`] : [];
  });
  return sections(
    damageTable(damage),
    narrower.length === 0 ? '' : `Narrower than asked for: ${printable(narrower.join(', '))}.`,
  );
}
