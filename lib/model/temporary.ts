import { rmSync } from 'node:fs';

const pending = new Set<string>();

/** Notes a file or directory that must not outlive the process, whatever ends it. */
export function holdTemporary(path: string): void {
  pending.add(path);
}

/** It is gone, or here to stay. */
export function releaseTemporary(path: string): void {
  pending.delete(path);
}

/** Removes everything that is noted, at once; for whoever ends the process, in a signal handler. */
export function removePendingTempFiles(): void {
  for (const path of pending) rmSync(path, { force: true, recursive: true });
  pending.clear();
}
