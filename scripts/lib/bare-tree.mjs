// A directory tree with Node and the libraries that it needs, and nothing else: no shell, no compiler, no /proc.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capture } from './run.mjs';

export const NODE = '/usr/bin/node';

/** This Node and its libraries: where they are, and where they belong. */
function ownNode() {
  const { stdout } = capture('ldd', [process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => [library, library]);
  return [[process.execPath, NODE], ...libraries];
}

/** Makes the tree anew in `folder`, with this Node or with the one that is among `files`. */
export function bareTree(folder, files = ownNode()) {
  rmSync(folder, { recursive: true, force: true });
  for (const [from, to] of files) {
    const target = join(folder, to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(from, target, { recursive: true, dereference: true });
  }
  mkdirSync(join(folder, 'tmp'));
}

/** Runs Node inside the tree; paths are those inside. */
export function runInside(folder, args) {
  const change = ['chroot', folder, NODE, ...args];
  // Whoever is not root becomes so for this process alone, where the system allows it.
  const command = process.getuid() === 0 ? change : ['unshare', '--user', '--map-root-user', ...change];
  return capture(command[0], command.slice(1), { env: { HOME: '/tmp', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
}
