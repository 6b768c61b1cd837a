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

/** Bytes that this process can still take, within its container's limit where there is one; Infinity where no one knows. */
export function freeMemory(): number {
  const free = process.availableMemory?.() ?? freemem();
  return free > 0 ? free : Infinity; // without /proc Node says 0
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Three significant digits: `87 B`, `1.04 MiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  if (power === 0) return `${Math.ceil(bytes)} B`;
  const value = bytes / 1024 ** power;
  const digits = 2 - Math.floor(Math.log10(Number(value.toPrecision(3))));
  return `${value.toFixed(Math.max(0, digits))} ${UNITS[power]}`;
}
