// A directory tree with Node and the libraries that it needs, and nothing else: no shell, no compiler, no /proc.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capture } from './run.mjs';

const NODE = '/usr/bin/node';

/** Makes the tree anew in `folder`. */
export function bareTree(folder) {
  rmSync(folder, { recursive: true, force: true });
  const place = (from, to) => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(from, join(folder, to));
  };
  place(process.execPath, NODE);
  const { stdout } = capture('ldd', [process.execPath]);
  for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g)) place(library, library);
  mkdirSync(join(folder, 'tmp'));
}

/** Runs Node inside the tree; paths are those inside. */
export function runInside(folder, args) {
  const change = ['chroot', folder, NODE, ...args];
  // Whoever is not root becomes so for this process alone, where the system allows it.
  const command = process.getuid() === 0 ? change : ['unshare', '--user', '--map-root-user', ...change];
  return capture(command[0], command.slice(1), { env: { HOME: '/tmp', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
}
