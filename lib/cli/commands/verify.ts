import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { HermError } from '../../errors.ts';
import type { Damage } from '../../file/damage.ts';
import type { Original, OriginalFile } from '../../file/original.ts';
import type { HermFile } from '../../file/read.ts';
import { ioError } from '../../model/messages.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { damageTable } from '../damage_table.ts';
import { withHerm } from '../herm_file.ts';
import { printable, sections } from '../render.ts';

interface VerifyOptions extends CommonOptions {
  readonly against?: string;
}

export function addVerify(program: Command, run: Run): void {
  const command = program
    .command('verify')
    .description('Check that a .herm file is whole and gives back its original; exit code 1 if it is not or does not.')
    .argument('<file>', 'the .herm file; a path or an http(s) address')
    .option('--against <model>', 'check too that this file or directory is the original');
  const examples = ['herm verify model.herm', 'herm verify model.herm --against model.safetensors'];
  withCommonOptions(command, examples).action((path: string, options: VerifyOptions) =>
    run(options, (context) => verify(path, options, context)),
  );
}

async function verify(path: string, { against }: VerifyOptions, { signal, progress }: Context): Promise<Outcome> {
  return withHerm(path, { signal }, async (file) => {
    const report = await progress('verifying', (onProgress) => file.verify({ signal, onProgress })).catch(damageOf);
    if ('damage' in report) return damaged(file, report.damage);
    const { name, original } = file;
    const originalName = printable(original.name);
    const { complete, chunks } = report;
    const matches = against === undefined ? undefined : await isOriginal(against, original, signal);
    const ok = complete && matches !== false;
    const lines = [
      complete
        ? `${name} is whole: all ${chunks} checksums hold, and it gives back ${originalName} (${proofOf(original)}).`
        : `${name} is only the beginning of a .herm file: the checksums of its ${chunks} chunks hold, but it cannot give back ${originalName}.`,
    ];
    if (matches === true) lines.push(`${against} is that ${original.directory ? 'directory' : 'file'}.`);
    if (matches === false)
      lines.push(
        `${against} is another ${original.directory ? 'directory' : 'file'} than ${originalName}: ${original.directory ? 'a file' : 'its SHA-256'} differs.`,
      );
    return {
      json: { ok, complete, chunks, original, ...(against && { against, matches }) },
      text: lines.join('\n'),
      ok,
    };
  });
}

/** The parts that verifying found damaged; any other failure is thrown again. */
function damageOf(cause: unknown): { readonly damage: readonly Damage[] } {
  const { damage } = (cause instanceof HermError ? cause.details : {}) as { readonly damage?: readonly Damage[] };
  if (damage !== undefined) return { damage };
  throw cause;
}

/** Every damaged part, and what can be done. */
function damaged(file: HermFile, damage: readonly Damage[]): Outcome {
  const { name, chunks, complete, original } = file;
  const text = [
    `${name} is damaged: ${damage.length} of ${chunks} checksums do not hold.`,
    damageTable(damage),
    '"herm upgrade" replaces damaged parts from a whole copy; "herm expand --salvage" gives the widths before them.',
  ];
  return { json: { ok: false, complete, chunks, original, damage }, text: sections(...text), ok: false };
}

async function isOriginal(path: string, original: Original, signal: AbortSignal): Promise<boolean> {
  if (!original.directory) return isFile(path, original.files[0]!, signal);
  for (const file of [...original.files, ...original.extras]) {
    if (!(await isFile(join(path, file.name), file, signal))) return false;
  }
  return true;
}

async function isFile(path: string, { size, sha256 }: OriginalFile, signal: AbortSignal): Promise<boolean> {
  try {
    const info = await stat(path);
    if (!info.isFile()) throw new HermError('IO', `Cannot read ${path}: it is not a regular file.`, { file: path });
    if (info.size !== size) return false;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash, { signal });
    return hash.digest('hex') === sha256;
  } catch (cause) {
    throw ioError('read', path, cause);
  }
}

function proofOf({ sha256, files, extras }: Original): string {
  return sha256 === null ? `${files.length + extras.length} files, each by its SHA-256` : `SHA-256 ${sha256}`;
}
