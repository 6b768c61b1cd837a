import { type Command, Option } from 'commander';
import type { WrittenConfig } from '../../herm/expand.ts';
import { growModel } from '../../herm/grow/grow.ts';
import { type BlockShape, findBlockShapes } from '../../model/blocks.ts';
import { withModel } from '../../model/open_model.ts';
import { writeSafetensors } from '../../model/safetensors_write.ts';
import { formatBytes } from '../../native/memory.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { parseGrowth, parseSeed, type Width, type Widths } from '../options.ts';
import { checkOutput } from '../output.ts';
import { printable, sections, table } from '../render.ts';

interface GrowCommandOptions extends CommonOptions {
  readonly output: string;
  readonly width: Widths;
  readonly blocks?: string;
  readonly seed: number;
  readonly force?: true;
}

export function addGrow(program: Command, run: Run): void {
  const command = program
    .command('grow')
    .description('Write the model with more neurons that computes the same, for training on: neurons are split in two.')
    .argument('<model>', 'a safetensors file, an index of shards, or a directory with one of these')
    .requiredOption('-o, --output <file>', 'the safetensors file to write')
    .addOption(
      new Option('--width <widths>', '"150%", "400" neurons a block, or block by block "fc1=400,fc2=150%"')
        .argParser(parseGrowth)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--seed <n>', 'how outputs are shared between the copies').argParser(parseSeed).default(0, '0'),
    )
    .option('--blocks <list>', 'the blocks by hand, input linear > output linear: "fc1>fc2,fc2>fc3"')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm grow skeleton.safetensors --width 200% -o grown.safetensors',
    'herm grow skeleton.safetensors --width fc1=300,fc2=100 -o grown.safetensors',
    'herm grow Qwen3-half --width 150% -o grown.safetensors',
  ]).action((path: string, options: GrowCommandOptions) => run(options, (context) => grow(path, options, context)));
}

async function grow(path: string, options: GrowCommandOptions, { signal, progress }: Context): Promise<Outcome> {
  const { output, width, blocks: byHand, seed, force } = options;
  await checkOutput(output, path, force === true);
  const shapes = await withModel(path, async (model) => findBlockShapes(model, byHand));
  const widths = widthsOf(shapes, width);
  const { tensors, metadata, blocks, config } = await progress('growing', (onProgress) =>
    growModel(path, { widths, seed, blocks: byHand, signal, onProgress }),
  );
  await writeSafetensors(output, tensors, metadata, { signal });
  const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  const rows = blocks.map(({ name, neurons, width: grown }) => [name, String(neurons), String(grown)]);
  const columns = [{ title: 'block' }, { title: 'from', align: 'right' }, { title: 'to', align: 'right' }] as const;
  return {
    json: { output, bytes, seed, blocks, ...(config && { config }) },
    text: sections(
      table(columns, rows),
      config === undefined ? '' : describeConfig(config),
      `Wrote ${output}: ${formatBytes(bytes)} of tensors.`,
    ),
  };
}

/** What `--width` asks for, as widths by block; names that the model does not have are passed on, to be refused. */
function widthsOf(shapes: readonly BlockShape[], widths: Widths): Record<string, number> {
  const widthOf = (width: Width, neurons = 1) =>
    'neurons' in width ? width.neurons : Math.round(width.share * neurons);
  if ('all' in widths) {
    return Object.fromEntries(shapes.map(({ name, neurons }) => [name, widthOf(widths.all, neurons)]));
  }
  const neuronsOf = new Map(shapes.map(({ name, neurons }) => [name, neurons]));
  return Object.fromEntries([...widths.byBlock].map(([name, width]) => [name, widthOf(width, neuronsOf.get(name))]));
}

/** What the config.json beside the new file has to say. */
function describeConfig({ changes, refusal }: WrittenConfig): string {
  if (refusal !== undefined) return `No loader takes these widths: ${printable(refusal)}.`;
  const changed = changes.map(({ key, from, to }) => `${printable(key)} ${from} > ${to}`);
  return changed.length === 0 ? '' : `Change in the copy of config.json: ${changed.join(', ')}.`;
}
