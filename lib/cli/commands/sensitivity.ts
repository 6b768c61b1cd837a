import { type Command, Option } from 'commander';
import { atomicWrite } from '../../model/atomic_write.ts';
import { samplePath } from '../../model/sample_files.ts';
import { sampleRuns } from '../../plan/sample_runs.ts';
import { type BlockSensitivity, probeBlocks } from '../../plan/sensitivity.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { collect, parseThreads } from '../options.ts';
import { checkOutput } from '../output.ts';
import { errorText, number, sections, table } from '../render.ts';

interface SensitivityCommandOptions extends CommonOptions {
  readonly samples: readonly string[];
  readonly output?: string;
  readonly threads?: number;
  readonly force?: true;
}

export function addSensitivity(program: Command, run: Run): void {
  const command = program
    .command('sensitivity')
    .description('Measure on samples how much each block matters to the output, for "herm plan --sensitivity".')
    .argument('<file>', 'a .herm file of a chain of layers or of an ONNX model; a path or an http(s) address')
    .requiredOption(
      '--samples <file>',
      'inputs of the model: a .npy file, or safetensors; of ONNX models a tensor for every input; repeat for more',
      collect,
    )
    .option('-o, --output <file>', 'write a number for every block as JSON')
    .addOption(new Option('--threads <n>', 'threads to use; default: all').argParser(parseThreads))
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm sensitivity model.herm --samples inputs.npy -o sensitivity.json',
    'herm sensitivity recogniser.herm --samples line1.safetensors --samples line2.safetensors',
  ]).action((path: string, options: SensitivityCommandOptions) =>
    run(options, (context) => sensitivity(path, options, context)),
  );
}

async function sensitivity(
  path: string,
  { samples, output, threads, force }: SensitivityCommandOptions,
  { signal, progress }: Context,
): Promise<Outcome> {
  if (output !== undefined) await checkOutput(output, [path, ...samples.map(samplePath)], force === true);
  return withHerm(path, { signal }, async (file) => {
    const blocks = await progress('measuring', async (onProgress) => {
      const evaluate = await sampleRuns(file, samples, { signal, threads });
      return probeBlocks(file, { evaluate, signal, threads, onProgress });
    });
    const weights = Object.fromEntries(blocks.map((block) => [block.name, block.sensitivity]));
    if (output !== undefined) {
      const text = `${JSON.stringify(weights, undefined, 2)}\n`;
      await atomicWrite(output, (out) => out.write(Buffer.from(text)), { signal });
    }
    return { json: { output, blocks, sensitivity: weights }, text: render(blocks, output) };
  });
}

function render(blocks: readonly BlockSensitivity[], output: string | undefined): string {
  const rows = blocks.map(({ name, neurons, width, error, change, sensitivity: weight }) => [
    name,
    width === null ? '-' : String(width),
    String(neurons),
    errorText(error),
    errorText(change),
    number(weight),
  ]);
  const columns = [
    { title: 'block' },
    { title: 'width', align: 'right' },
    { title: 'of', align: 'right' },
    { title: 'error', align: 'right' },
    { title: 'change', align: 'right' },
    { title: 'sensitivity', align: 'right' },
  ] as const;
  return sections(
    table(columns, rows),
    'One block at a time at that width: the change of the output, relative. Sensitivity: (change / error)².',
    output === undefined ? '' : `Wrote ${output}.`,
  );
}
