import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { HermError } from '../errors.ts';
import { ioError } from '../model/messages.ts';

/**
 * Looks at an output file before the work that fills it, so that nobody waits for nothing.
 *
 * @param inputs all files that the command reads
 * @throws HermError `OUTPUT_EXISTS` for a file that is there and may not be replaced (`force`), or that is an input
 * itself; `IO` when it cannot be written.
 */
export async function checkOutput(
  path: string,
  inputs: readonly (string | undefined)[],
  force: boolean,
): Promise<void> {
  const existing = await lookAt(path);
  if (existing === undefined) return checkFolder(path);
  if (!existing.isFile()) throw new HermError('IO', `Cannot write ${path}: it is not a regular file.`, { file: path });
  const real = (input: string) => realpath(input).catch(() => resolve(input));
  const read = await Promise.all(inputs.filter((input) => input !== undefined).map(real));
  if (read.includes(await realpath(path))) {
    throw new HermError('OUTPUT_EXISTS', `The output ${path} is the input itself. Name another file with -o.`, {
      file: path,
    });
  }
  if (force) return;
  throw new HermError(
    'OUTPUT_EXISTS',
    `${path} exists already. Add --force to replace it, or name another file with -o.`,
    {
      file: path,
    },
  );
}

async function lookAt(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw ioError('write', path, cause);
  }
}

async function checkFolder(path: string): Promise<void> {
  await access(dirname(resolve(path)), constants.W_OK).catch((cause: unknown) => {
    throw ioError('write', path, cause);
  });
}
