import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root } from './run.mjs';

/**
 * A folder under build/ that looks like the package to node-gyp. `node-gyp rebuild` empties the whole `build` folder
 * next to binding.gyp: run in the root, it would take the CMake builds along.
 */
export function gypTree(name) {
  const folder = join(root, 'build', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of ['binding.gyp', 'package.json']) copyFileSync(join(root, file), join(folder, file));
  for (const link of ['native', 'node_modules']) symlinkSync(join(root, link), join(folder, link), 'dir');
  return folder;
}

/** The environment for node-gyp: headers that came with this Node are used instead of a download. */
export function gypEnvironment() {
  const prefix = resolve(dirname(process.execPath), '..');
  const own = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? { npm_config_nodedir: prefix } : {};
  return { ...own, ...process.env };
}
