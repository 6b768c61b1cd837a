import { HermError } from '../errors.ts';

/**
 * Runs work that allocates as much as a file says. A file can be as large as it likes, so its limits leave room for more
 * than one buffer can hold.
 *
 * @throws HermError `OUT_OF_MEMORY` that names `subject`, or what the work throws.
 */
export async function allocating<T>(subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const why = `${subject} does not fit in one buffer of this process. Give it more memory.`;
    throw new HermError('OUT_OF_MEMORY', why, {}, { cause });
  }
}
