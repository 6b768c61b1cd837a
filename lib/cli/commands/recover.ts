import type { Command } from 'commander';
import { requireVacant } from '../../model/atomic_directory.ts';
import { formatBytes } from '../../native/memory.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { checkOutput } from '../output.ts';
import { printable } from '../render.ts';

interface RecoverOptions extends CommonOptions {
  readonly output: string;
  readonly force?: true;
}

export function addRecover(program: Command, run: Run): void {
  const command = program
    .command('recover')
    .description('Write the original model again, bit for bit; its SHA-256 is checked before the file appears.')
    .argument('<file>', 'the .herm file; a path or an http(s) address')
    .requiredOption('-o, --output <file>', 'the model file to write; a new directory, if the original is one')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm recover model.herm -o model.safetensors',
    'herm recover qwen3.herm -o Qwen3-0.6B/',
  ]).action((path: string, options: RecoverOptions) => run(options, (context) => recover(path, options, context)));
}

async function recover(path: string, options: RecoverOptions, { signal, progress }: Context): Promise<Outcome> {
  return withHerm(path, { signal }, async (file) => {
    const { directory } = file.original;
    if (directory) await requireVacant(options.output);
    else await checkOutput(options.output, [path], options.force === true);
    await progress('recovering', (onProgress) => file.recoverTo(options.output, { signal, onProgress }));
    const { name, size, sha256, files, extras } = file.original;
    const proof = directory ? `${files.length + extras.length} files, each by its SHA-256` : `SHA-256 ${sha256}`;
    return {
      json: { output: options.output, bytes: size, sha256, original: name, ...(directory && { files, extras }) },
      text: `Wrote ${options.output}: ${formatBytes(size)}, the same bytes as ${printable(name)} (${proof}).`,
    };
  });
}
