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
  const free = freeMemory();
  if (need <= free) return;
  throw new HermError(
    'OUT_OF_MEMORY',
    `${what} needs ${formatBytes(need)} of memory and ${formatBytes(free)} are free.`,
    { need, free },
  );
}

/** Bytes that this process can still take, within its container's limit where there is one. */
export function freeMemory(): number {
  return process.availableMemory?.() ?? freemem();
}

export function formatBytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
