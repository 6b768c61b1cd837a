import { type Command, Option } from 'commander';
import { formatBytes } from '../../native/memory.ts';
import { readPlan } from '../../plan/plan_file.ts';
import type { ImageSize } from '../../report/options.ts';
import { writeReport } from '../../report/write.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { parseImage } from '../options.ts';
import { checkOutput } from '../output.ts';
import { printable, sections } from '../render.ts';

interface ReportOptions extends CommonOptions {
  readonly output: string;
  readonly block?: readonly string[];
  readonly image?: ImageSize;
  readonly plan?: string;
  readonly force?: true;
}

export function addReport(program: Command, run: Run): void {
  const command = program
    .command('report')
    .description('Write a page that shows the hierarchies of a .herm file: one HTML file that needs no network.')
    .argument('<file>', 'a whole .herm file; a path or an http(s) address')
    .requiredOption('-o, --output <page>', 'the HTML file to write')
    .option('--block <names...>', 'blocks, as "herm info" names them; default: all')
    .addOption(
      new Option('--image <size>', 'inputs are pictures, "28x28": show input weights as such').argParser(parseImage),
    )
    .option('--plan <file>', 'a plan of "herm plan -o": show it, and cut the drawings at its widths')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm report model.herm -o report.html',
    'herm report model.herm -o report.html --image 28x28',
    'herm report model.herm -o report.html --plan plan.json',
    'herm report model.herm -o report.html --block layers.0.mlp layers.1.mlp',
  ]).action((path: string, options: ReportOptions) => run(options, (context) => report(path, options, context)));
}

async function report(path: string, options: ReportOptions, { signal, progress }: Context): Promise<Outcome> {
  const { output, block: blocks, image, plan: planned, force = false } = options;
  await checkOutput(output, [path, planned], force);
  return withHerm(path, { signal }, (file) =>
    progress('looking at merges', async (onProgress) => {
      const plan = planned === undefined ? undefined : await readPlan(planned, file.blocks);
      const written = await writeReport(file, output, { blocks, image, plan, signal, onProgress });
      const { bytes, blocks: shown, leftOut } = written;
      const left = leftOut.length === 0 ? '' : `Left out: ${leftOut.map(printable).join('; ')}.`;
      const count = shown.length === 1 ? 'one block' : `${shown.length} blocks`;
      return {
        json: { output, bytes, blocks: shown, leftOut },
        text: sections(`Wrote ${output}: ${formatBytes(bytes)}, ${count}.`, left),
      };
    }),
  );
}
