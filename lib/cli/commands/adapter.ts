import { type Command, Option } from 'commander';
import { writeSafetensors } from '../../model/safetensors_write.ts';
import { formatBytes } from '../../native/memory.ts';
import { blockTable } from '../block_table.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { blockRows, widthsOf, withHerm } from '../herm_file.ts';
import { parseWidths, WIDTHS_HELP, type Widths } from '../options.ts';
import { checkOutput } from '../output.ts';
import { sections } from '../render.ts';

interface AdapterOptions extends CommonOptions {
  readonly output: string;
  readonly width: Widths;
  readonly force?: true;
}

export function addAdapter(program: Command, run: Run): void {
  const command = program
    .command('adapter')
    .description('Write the sparse maps that lift changes of a skeleton, to tune the whole model through them.')
    .argument('<file>', 'the .herm file; a path or an http(s) address')
    .requiredOption('-o, --output <file>', 'the safetensors file to write')
    .addOption(new Option('--width <widths>', WIDTHS_HELP).argParser(parseWidths).makeOptionMandatory())
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, ['herm adapter model.herm --width 12.5% -o adapter.safetensors']).action(
    (path: string, options: AdapterOptions) => run(options, (context) => adapter(path, options, context)),
  );
}

async function adapter(path: string, options: AdapterOptions, { signal }: Context): Promise<Outcome> {
  const { output, width } = options;
  return withHerm(path, { signal }, async (file) => {
    await checkOutput(output, [path], options.force === true);
    const { tensors, metadata, widths, parameters } = await file.adapter(widthsOf(file, width), { signal });
    await writeSafetensors(output, tensors, metadata, { signal });
    const blocks = blockRows(file, widths);
    const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    const count = `${parameters.toLocaleString('en-US')} numbers to train.`;
    return {
      json: { output, blocks, parameters, tensors: tensors.map(({ name }) => name) },
      text: sections(blockTable(blocks), count, `Wrote ${output}: ${formatBytes(bytes)} of maps.`),
    };
  });
}
