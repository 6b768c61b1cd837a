import type { Addon } from './binding.ts';
import { loadAddon } from './load.ts';

/**
 * Frees the memory of a buffer that nobody uses any more: the collector does not know how much waits for it. What is left
 * of the buffer is empty.
 */
export function freeBuffer(buffer: ArrayBuffer): void {
  (loadAddon() as unknown as Addon).detach({ buffer });
}
