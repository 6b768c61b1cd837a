import { freemem } from 'node:os';
import { HermError } from '../errors.ts';

/**
 * Refuses work that this machine has no memory for, before anything is allocated.
 *
 * @param what what needs it, as a message begins: `Merging block fc1`
 * @param need bytes
 * @throws HermError `OUT_OF_MEMORY`
 */
export function requireMemory(what: string, need: number): void {
  const free = process.availableMemory?.() ?? freemem();
  if (need <= free) return;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new HermError('OUT_OF_MEMORY', `${what} needs ${gib(need)} of memory and ${gib(free)} are free.`, {
    need,
    free,
  });
}
