import { type Command, Option } from 'commander';
import { type CompressProgress, type CompressReport, compress as compressModel } from '../../herm/compress.ts';
import { mergeMemory } from '../../herm/merge_memory.ts';
import type { Block } from '../../model/block.ts';
import { readSamples, samplePath } from '../../model/sample_files.ts';
import { formatBytes } from '../../native/memory.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { type LevelRow, levelTable } from '../level_table.ts';
import { MODEL_HELP, type ModelOptions, withModelOptions } from '../model.ts';
import { collect, parseBlend, parseMemory, parseShares, parseThreads } from '../options.ts';
import { checkOutput } from '../output.ts';
import { percent, printable, sections } from '../render.ts';

interface CompressCommandOptions extends CommonOptions, ModelOptions {
  readonly output: string;
  readonly prior?: 'isotropic' | 'norm' | 'weights';
  readonly norm?: readonly string[];
  readonly samples?: readonly string[];
  readonly blend?: number;
  readonly sequential?: true;
  readonly refit?: readonly number[];
  readonly cost?: 'pair' | 'refit';
  readonly threads?: number;
  readonly memory?: number;
  readonly allowNonfinite?: true;
  readonly resume?: true;
  readonly force?: true;
}

const STAGES: Readonly<Record<CompressProgress['stage'], string>> = {
  read: 'reading',
  merge: 'merging',
  certify: 'certifying',
  refit: 'refitting',
  code: 'coding',
  write: 'writing and comparing',
};

/** The text shows the widths of these shares; "herm info" shows all. */
const SHOWN_SHARES = [0.5, 0.25, 0.125];

export function addCompress(program: Command, run: Run): void {
  const command = program
    .command('compress')
    .description('Merge the neurons of a model into a .herm file, from which every width and the original come back.')
    .argument('<model>', MODEL_HELP)
    .requiredOption('-o, --output <file>', 'the .herm file to write')
    .addOption(
      new Option(
        '--prior <name>',
        'what inputs look like: isotropic is x ~ N(0, I), norm is what the norm before each block leaves, weights correlates them as the weights that read them; default: norm where --norm is given; else, where all norms are known, weights, but norm with samples or for narrow experts; else isotropic',
      ).choices(['isotropic', 'norm', 'weights']),
    )
    .option(
      '--norm <block=weight,bias>',
      'the norm right before a block, by its tensors; a * stands for the same text everywhere; repeat for more',
      collect,
    )
    .option(
      '--samples <file>',
      'sample inputs: a safetensors file with one tensor a block, "block=file", or a .npy file for the first block of a chain; repeat for more',
      collect,
    )
    .addOption(
      new Option(
        '--blend <share>',
        'how much the prior counts beside samples, from 0 to 1; default: what serves best',
      ).argParser(parseBlend),
    )
    .option(
      '--sequential',
      'refit blocks of a chain for what narrower blocks before them produce, at the widths of --refit',
    )
    .addOption(
      new Option('--refit <shares>', 'store refitted output weights for these widths, "50%,25%"').argParser(
        parseShares,
      ),
    )
    .addOption(
      new Option(
        '--cost <name>',
        'what merging goes by: pair is the change of the two neurons themselves, refit, with --refit, what a refit cannot make good; default: pair',
      ).choices(['pair', 'refit']),
    );
  withModelOptions(command)
    .addOption(new Option('--threads <n>', 'threads to use; default: all').argParser(parseThreads))
    .addOption(
      new Option('--memory <size>', 'memory that merging may use, "8GB"; default: what is free').argParser(parseMemory),
    )
    .option('--allow-nonfinite', 'store blocks with NaN or infinite weights without a hierarchy')
    .option('--resume', 'go on from what an interrupted run left, and leave what is done when interrupted')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm compress model.safetensors -o model.herm',
    'herm compress model.safetensors -o model.herm --refit 50%,25%',
    'herm compress model.safetensors -o model.herm --samples inputs.npy --refit 25%,10% --cost refit',
    'herm compress Qwen3-0.6B/ -o qwen3.herm --resume',
    'herm compress Qwen3-0.6B/ -o qwen3.herm --prior norm',
    'herm compress recogniser.onnx -o recogniser.herm',
    'herm compress model.safetensors -o model.herm --blocks "fc1>fc2" --activation gelu',
  ]).action((path: string, options: CompressCommandOptions) => {
    const { blend, samples, sequential, cost, refit } = options;
    const needs = (option: string, other: string) => command.error(`error: option '${option}' needs '${other}'`);
    if (blend !== undefined && samples === undefined) needs('--blend <share>', '--samples <file>');
    if (sequential && refit === undefined) needs('--sequential', '--refit <shares>');
    if (cost === 'refit' && refit === undefined) needs('--cost refit', '--refit <shares>');
    return run(options, (context) => compress(path, options, context));
  });
}

async function compress(path: string, options: CompressCommandOptions, context: Context): Promise<Outcome> {
  const { output, force, norm: norms, samples: files, json: _json, quiet: _quiet, ...rest } = options;
  const samples = files && ((blocks: readonly Block[]) => readSamples(blocks, files));
  const { signal, progress } = context;
  await checkOutput(output, [path, ...(files ?? []).map(samplePath)], force === true);
  const report = await progress('reading', (show) =>
    compressModel(path, output, {
      ...rest,
      norms,
      samples,
      signal,
      onProgress: ({ stage, block, done }) =>
        show(done, block === undefined ? STAGES[stage] : `${STAGES[stage]} ${printable(block)}`),
    }),
  );
  if (!context.silent) printResumed(output, report.resumed);
  const mayGain = samples !== undefined && report.refits.length > 0 && rest.cost !== 'refit';
  return { json: toJson(path, output, report), text: render(path, output, report, mayGain) };
}

function toJson(input: string, output: string, report: CompressReport): object {
  const { blocks, ladder, errors, measured, refits, merges, inputBytes, files, extras, filesLeftOut, ...sizes } =
    report;
  const byName = <T>(values: readonly T[]) => Object.fromEntries(blocks.map(({ name }, b) => [name, values[b]]));
  return {
    input,
    inputBytes,
    files,
    extras,
    filesLeftOut,
    output,
    ...sizes,
    blocks,
    levels: ladder.map((widths, level) => ({
      widths: byName(widths),
      errors: byName(errorsAt(errors, level)),
      measured: measured && byName(errorsAt(measured, level)),
    })),
    refits: refits.map((refit) => ({
      widths: byName(refit.widths),
      errors: byName(refit.errors),
      measured: refit.measured && byName(refit.measured),
    })),
    merges: byName(merges),
  };
}

const errorsAt = <T>(errors: readonly (readonly T[])[], level: number) => errors.map((levels) => levels[level]!);

function render(input: string, output: string, report: CompressReport, mayGain: boolean): string {
  const { blocks, leftOut, refits, bytes: size, refitBytes, inputBytes } = report;
  const refitNote = refitBytes === 0 ? '' : `, ${formatBytes(refitBytes)} of it refitted output weights`;
  const leftOutNote = `Without a hierarchy, because of NaN or infinite weights: ${leftOut.map(printable).join(', ')}.`;
  const refitTable = levelTable(blocks, refits);
  return sections(
    blocks.length === 0 ? '' : levelTable(blocks, shownLevels(report)),
    refits.length === 0 ? '' : `With refitted output weights:\n${refitTable}`,
    leftOut.length === 0 ? '' : leftOutNote,
    computedNotes(report),
    unlikeNote(report),
    mayGain ? REFIT_HINT : '',
    filesNote(report),
    `Wrote ${output}: ${formatBytes(size)}, ${percent(size / inputBytes)} of ${input}${refitNote}.\nThe original was recovered from it and compared.`,
  );
}

/** Of a directory, what of it is kept and what is not. */
function filesNote({ files, extras, filesLeftOut }: CompressReport): string {
  const list = (names: readonly string[]) => names.map(printable).join(', ');
  const lines = [];
  if (files.length > 1 || extras.length > 0) lines.push(`Kept: ${list([...files, ...extras])}.`);
  if (filesLeftOut.length > 0) lines.push(`Not kept: ${list(filesLeftOut)}.`);
  return lines.join('\n');
}

/** On stderr, as a note beside the outcome. */
function printResumed(output: string, resumed: CompressReport['resumed']): void {
  if (resumed === undefined) return;
  const { reused, unusable } = resumed;
  const lines = [];
  if (reused.length > 0) lines.push(`Reused of ${output}.partial: ${reused.map(printable).join(', ')}.`);
  if (unusable !== undefined) lines.push(`Not all of ${output}.partial could be reused: ${unusable}.`);
  for (const line of lines) process.stderr.write(`${line}\n`);
}

/** Blocks that took longer than they would with more memory. */
function computedNotes({ blocks, merges }: CompressReport): string {
  const computed = blocks.filter((_, at) => merges[at]?.mode === 'computed');
  const notes = computed.map((block) => {
    const need = formatBytes(mergeMemory(block).stored);
    return `${printable(block.name)} merged on computed rows: with its Gram matrices it would need ${need} (--memory).`;
  });
  return notes.join('\n');
}

/** Blocks of which half a width loses so much are no case for merging. */
const MUCH = 0.3;

/** docs/quality.md, merging for refits. */
const REFIT_HINT =
  'For the refitted widths alone, --cost refit mostly merges better where there are samples; it takes longer, and other widths get worse.';

/** What the certificates say beforehand: where neurons are not alike, merging gains little. */
function unlikeNote({ blocks, ladder, errors, measured }: CompressReport): string {
  const losses = blocks.flatMap(({ name, neurons }, b) => {
    const level = ladder.findIndex((widths) => widths[b]! >= neurons / 2);
    const error = measured?.[b]?.[level] ?? errors[b]![level]!;
    return error > MUCH ? [`${printable(name)} ${percent(error)}`] : [];
  });
  if (losses.length === 0) return '';
  return `Merging pays little here: at half of their width ${losses.join(', ')} of the block's function is lost before refitting. Their neurons are hardly alike.`;
}

function shownLevels({ blocks, ladder, errors, measured }: CompressReport): LevelRow[] {
  const neurons = blocks.reduce((sum, block) => sum + block.neurons, 0);
  const shareOf = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width, 0) / neurons;
  const levels = SHOWN_SHARES.map((share) => {
    const distance = (level: number) => Math.abs(shareOf(ladder[level]!) - share);
    return [...ladder.keys()].reduce((best, level) => (distance(level) < distance(best) ? level : best));
  });
  return [...new Set(levels)].map((level) => ({
    widths: ladder[level]!,
    errors: errorsAt(errors, level),
    measured: measured && errorsAt(measured, level),
  }));
}
