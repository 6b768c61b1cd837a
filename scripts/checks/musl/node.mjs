// A Node for musl on Debian: the npm registry has none by itself, but pnpm's program for musl is one with pnpm inside.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { musl } from '../../lib/cross/musl.mjs';
import { capture, root, runQuietly } from '../../lib/run.mjs';

const PNPM = {
  name: '@pnpm/linuxstatic-x64@11.21.0',
  integrity: 'sha512-6Y2u+AfOUuTqWgTCpFhySL8HAcONDucCFixKle9tWoW7bm8RF0+fwQBRWNWGdx+Toau07wZ1LNZPqN8gpgeBDQ==',
};
/** The digit after this says whether Node runs the program that is inside it, or what it is asked to. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';

function fetchNode(folder) {
  const { stdout, stderr, status } = capture('npm', ['pack', '--json', '--pack-destination', folder, PNPM.name]);
  if (status !== 0) throw new Error(`npm pack ${PNPM.name} failed:\n${stderr}`);
  const [{ filename, integrity }] = JSON.parse(stdout);
  if (integrity !== PNPM.integrity) throw new Error(`${PNPM.name} is ${integrity}, not ${PNPM.integrity}.`);
  runQuietly('Unpacking Node', 'tar', ['xzf', join(folder, filename), '-C', folder]);
  const program = readFileSync(join(folder, 'package', 'pnpm'));
  const fuse = program.indexOf(`${FUSE}1`);
  if (fuse < 0) throw new Error(`${PNPM.name} is no Node with a program inside.`);
  program.write('0', fuse + FUSE.length);
  rmSync(join(folder, 'package'), { recursive: true });
  rmSync(join(folder, filename));
  return program;
}

/** GCC's libraries as shared ones, which Alpine's package of Node brings along: of the archive that the addon contains. */
function sharedLibraries(folder) {
  copyFileSync('/lib/x86_64-linux-gnu/libgcc_s.so.1', join(folder, 'libgcc_s.so.1'));
  const own = ['scripts/checks/musl/newer.cc', 'native/portable/find_object.cc'].map((path) => join(root, path));
  const archive = join(musl.folder, 'cxx', 'lib', 'libstdc++.a');
  const link = ['-shared', '-nodefaultlibs', '-o', 'libstdc++.so.6', '-Wl,-soname,libstdc++.so.6', ...own];
  const whole = ['-Wl,--whole-archive', archive, '-Wl,--no-whole-archive', 'libgcc_s.so.1', '-lc'];
  const compiler = join(musl.folder, 'tools', 'c++');
  runQuietly('The shared C++ library', compiler, ['-O2', ...link, ...whole], { cwd: folder });
}

/** A folder with `node` and the libraries that it needs besides musl. */
export function muslNode() {
  const folder = join(musl.folder, 'node');
  if (existsSync(join(folder, 'node'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const program = fetchNode(folder);
  sharedLibraries(folder);
  writeFileSync(join(folder, 'node'), program, { mode: 0o755 });
  return folder;
}
