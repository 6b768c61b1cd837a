import { type Command, Option } from 'commander';
import type { WrittenConfig } from '../../herm/expand.ts';
import { growsToDirectory, growTo } from '../../herm/grow/grow_to.ts';
import { requireVacant } from '../../model/atomic_directory.ts';
import { type BlockShape, findBlockShapes } from '../../model/blocks.ts';
import { withModel } from '../../model/open_model.ts';
import { formatBytes } from '../../native/memory.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { configChanges, describeConfig } from '../config_text.ts';
import { widthsOf, withHerm } from '../herm_file.ts';
import { parseGrowth, parseSeed, type Width, type Widths } from '../options.ts';
import { checkOutput } from '../output.ts';
import { printable, sections, table } from '../render.ts';

interface GrowCommandOptions extends CommonOptions {
  readonly output: string;
  readonly width: Widths;
  readonly blocks?: string;
  readonly tree?: string;
  readonly seed: number;
  readonly force?: true;
}

export function addGrow(program: Command, run: Run): void {
  const command = program
    .command('grow')
    .description('Write the model with more neurons that computes the same, for training on: neurons are split in two.')
    .argument('<model>', 'a safetensors file, an index of shards, or a directory with one of these')
    .requiredOption('-o, --output <file>', 'the safetensors file to write; or a new directory, if the model is one')
    .addOption(
      new Option(
        '--width <widths>',
        '"150%", "400" neurons a block, or block by block "fc1=400,fc2=150%"; with --tree percentages of the original: "50%"',
      )
        .argParser(parseGrowth)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--tree <file>',
        'the .herm file of which the model is a skeleton: neurons are split as they were merged; a path or an http(s) address',
      ).conflicts('blocks'),
    )
    .addOption(
      new Option('--seed <n>', 'how outputs are shared between the copies').argParser(parseSeed).default(0, '0'),
    )
    .option('--blocks <list>', 'the blocks by hand, input linear > output linear: "fc1>fc2,fc2>fc3"')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm grow skeleton.safetensors --width 200% -o grown.safetensors',
    'herm grow skeleton.safetensors --width fc1=300,fc2=100 -o grown.safetensors',
    'herm grow tuned.safetensors --tree model.herm --width 50% -o grown.safetensors',
    'herm grow Qwen3-half --width 150% -o Qwen3-grown',
  ]).action((path: string, options: GrowCommandOptions) => {
    const bad = sharesOf(options.width).find((share) => (options.tree === undefined ? share < 1 : share > 1));
    if (bad !== undefined) {
      const allowed =
        options.tree === undefined ? 'from 100% on, such as 150%' : 'above 0 and up to 100, as --tree has them';
      command.error(`error: option '--width <widths>' argument is invalid. Give a percentage ${allowed}.`);
    }
    return run(options, (context) => grow(path, options, context));
  });
}

/** The percentages of `--width`. */
function sharesOf(widths: Widths): number[] {
  const all = 'all' in widths ? [widths.all] : [...widths.byBlock.values()];
  return all.flatMap((width) => ('share' in width ? [width.share] : []));
}

async function grow(path: string, options: GrowCommandOptions, { signal, progress }: Context): Promise<Outcome> {
  const { output, width, blocks: byHand, seed, force, tree } = options;
  const widths = await withModel(path, async (model) => {
    if (growsToDirectory(model, output)) await requireVacant(output);
    else await checkOutput(output, [path, tree], force === true);
    return tree === undefined ? widthsBeyond(findBlockShapes(model, byHand), width) : undefined;
  });
  const written = await progress('growing', async (onProgress) =>
    growTo(path, output, {
      ...{ seed, blocks: byHand, tree, signal, onProgress },
      widths: widths ?? (await withHerm(tree!, { signal }, async (file) => widthsOf(file, width))),
    }),
  );
  const { bytes, files, blocks, config } = written;
  const rows = blocks.map(({ name, neurons, width: grown }) => [name, String(neurons), String(grown)]);
  const columns = [{ title: 'block' }, { title: 'from', align: 'right' }, { title: 'to', align: 'right' }] as const;
  return {
    json: { output, bytes, ...(files && { files }), seed, ...(tree && { tree }), blocks, ...(config && { config }) },
    text: sections(
      table(columns, rows),
      files === undefined ? describeCopy(config) : describeConfig(config),
      `Wrote ${output}: ${formatBytes(bytes)}.`,
    ),
  };
}

/** What `--width` asks for, as widths by block; names that the model does not have are passed on, to be refused. */
function widthsBeyond(shapes: readonly BlockShape[], widths: Widths): Record<string, number> {
  const widthOf = (width: Width, neurons = 1) =>
    'neurons' in width ? width.neurons : Math.round(width.share * neurons);
  if ('all' in widths) {
    return Object.fromEntries(shapes.map(({ name, neurons }) => [name, widthOf(widths.all, neurons)]));
  }
  const neuronsOf = new Map(shapes.map(({ name, neurons }) => [name, neurons]));
  return Object.fromEntries([...widths.byBlock].map(([name, width]) => [name, widthOf(width, neuronsOf.get(name))]));
}

/** What the config.json beside a new file that is alone has to say. */
function describeCopy(config: WrittenConfig | undefined): string {
  if (config === undefined) return '';
  if (config.refusal !== undefined) return `No loader takes these widths: ${printable(config.refusal)}.`;
  return config.changes.length === 0 ? '' : `Change in the copy of config.json: ${configChanges(config)}.`;
}
