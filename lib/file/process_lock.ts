import { readFile, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HermError } from '../errors.ts';
import { ioError } from '../model/messages.ts';
import { holdTemporary, releaseTemporary } from '../model/temporary.ts';

/** Those of this process: its own number in another lock is that of a process before it. */
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
  if (held.has(lock)) throw inUse(path, lock, process.pid);
  held.add(lock); // before anything is waited for
  try {
    await writeLock(path, lock);
  } catch (cause) {
    held.delete(lock);
    throw cause;
  }
  holdTemporary(lock);
  return async () => {
    await rm(lock, { force: true });
    releaseTemporary(lock);
    held.delete(lock);
  };
}

async function writeLock(path: string, lock: string): Promise<void> {
  const text = await readFile(lock, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw ioError('read', lock, cause);
  });
  const owner = Number(text);
  if (text !== undefined && !hasEnded(owner)) throw inUse(path, lock, owner);
  if (text !== undefined) await rm(lock, { force: true });
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(path, lock, undefined);
    throw ioError('write', lock, cause);
  }
}

/** Whether a lock of this process number is one of the dead: this process knows its own, and a crash may leave anything. */
function hasEnded(owner: number): boolean {
  if (!Number.isSafeInteger(owner) || owner < 1 || owner === process.pid) return true;
  try {
    process.kill(owner, 0);
    return false;
  } catch (cause) {
    // Somebody else's process runs all the same.
    return (cause as NodeJS.ErrnoException).code !== 'EPERM';
  }
}

function inUse(path: string, lock: string, owner: number | undefined): HermError {
  const who = owner === undefined ? 'another process' : owner === process.pid ? 'this process' : `process ${owner}`;
  const why = `${path} is being written by another compression, of ${who}. Wait for it, or name another output; if that process is none of hermkit's, delete ${lock}.`;
  return new HermError('OUTPUT_EXISTS', why, { file: path, lock, process: owner });
}
