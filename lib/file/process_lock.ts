import { readFile, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HermError } from '../errors.ts';
import { ioError } from '../model/messages.ts';
import { holdTemporary, releaseTemporary } from '../model/temporary.ts';

/** Those of this process: its own number in a lock that is none of these is that of a process before it. */
const held = new Set<string>();

/**
 * Keeps other work, of this process and of others on this machine, away from what lies at `path`, by a file beside it. That of
 * a process that has ended counts for nothing.
 *
 * @returns what ends it
 * @throws HermError `OUTPUT_EXISTS` where other work is at it; `IO`
 */
export async function lockPath(path: string): Promise<() => Promise<void>> {
  const lock = `${resolve(path)}.lock`;
  const owner = await ownerOf(lock);
  if (owner !== undefined) throw inUse(path, lock, owner);
  await rm(lock, { force: true });
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(path, lock, await ownerOf(lock));
    throw ioError('write', lock, cause);
  }
  held.add(lock);
  holdTemporary(lock);
  return async () => {
    held.delete(lock);
    await rm(lock, { force: true });
    releaseTemporary(lock);
  };
}

/** The process that has locked it; undefined: none that still runs. */
async function ownerOf(lock: string): Promise<number | undefined> {
  const text = await readFile(lock, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw ioError('read', lock, cause);
  });
  const owner = Number(text);
  if (!Number.isSafeInteger(owner) || owner < 1) return undefined;
  if (owner === process.pid) return held.has(lock) ? owner : undefined;
  try {
    process.kill(owner, 0);
    return owner;
  } catch (cause) {
    // Somebody else's process runs all the same.
    return (cause as NodeJS.ErrnoException).code === 'EPERM' ? owner : undefined;
  }
}

function inUse(path: string, lock: string, owner: number | undefined): HermError {
  const who = owner === undefined ? 'another process' : owner === process.pid ? 'this process' : `process ${owner}`;
  const why = `${path} is being written by another compression, of ${who}. Wait for it, or name another output; if that process is none of hermkit's, delete ${lock}.`;
  return new HermError('OUTPUT_EXISTS', why, { file: path, lock, process: owner });
}
