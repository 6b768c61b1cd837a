// Content-hash stamps under build/stamps: a step is fresh when its outputs exist and its inputs' contents are the ones
// that it last ran with. Contents and not times, because a clone or a branch switch changes every time.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

function* filesUnder(path) {
  if (!statSync(join(root, path)).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(join(root, path)).sort()) yield* filesUnder(join(path, name));
}

function hashOf(inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) {
    for (const path of filesUnder(input)) {
      const content = readFileSync(join(root, path));
      hash.update(`${path}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/**
 * Runs `action` unless the step is fresh.
 *
 * @param {{ name: string, inputs: string[], outputs: string[] }} step paths relative to the root; a folder stands for
 *   every file under it
 */
export function whenStale(step, action) {
  const stamp = join(root, 'build', 'stamps', step.name);
  // Hashed before the action: an input edited while it runs leaves the step stale.
  const hash = hashOf(step.inputs);
  const complete = step.outputs.every((output) => existsSync(join(root, output)));
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  action();
  mkdirSync(join(root, 'build', 'stamps'), { recursive: true });
  writeFileSync(stamp, hash);
}
