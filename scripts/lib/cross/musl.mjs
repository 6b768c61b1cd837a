// Linux on x64 with musl in place of glibc (Alpine), by Clang with its own C++ library (sources.mjs says whence).
//
// The libraries are Debian's static ones: their code is plain C and Fortran, musl's functions and structures on x86-64
// are glibc's in layout, and what only glibc has (checked variants of C's functions) is in native/portable.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { capture, root, runQuietly } from '../run.mjs';
import { CROSS, headers, tools, zig } from './sources.mjs';

const folder = join(CROSS, 'linux-x64-musl');
const lib = join(folder, 'lib');
const tool = (name) => join(folder, 'tools', name);

function buildLibraries() {
  mkdirSync(lib, { recursive: true });
  const compile = (name) => `exec ${zig()} ${name} -target x86_64-linux-musl "$@"`;
  tools(join(folder, 'tools'), { cc: compile('cc'), 'c++': compile('c++') });
  headers(join(folder, 'include'));
  const { stdout } = capture('sh', [join(root, 'native', 'cmake', 'find-libs.sh'), 'openblas']);
  const archives = [join(stdout.trim(), 'libopenblas.a')];
  for (const name of ['lapacke', 'zstd', 'xxhash']) archives.push(`/usr/lib/x86_64-linux-gnu/lib${name}.a`);
  for (const archive of archives) copyFileSync(archive, join(lib, archive.replace(/^.*\//, '')));
  const portable = join(root, 'native', 'portable', 'checked_functions.c');
  runQuietly('Checked functions', tool('cc'), ['-O2', '-fPIC', '-c', portable, '-o', join(lib, 'checked.o')]);
  runQuietly('Checked functions: the archive', 'ar', ['crs', join(lib, 'libchecked.a'), join(lib, 'checked.o')]);
}

export const musl = {
  folder,
  file: 'hermkit.musl.node',
  strip: 'strip',
  libraries: ['lapacke', 'openblas', 'zstd', 'xxhash', 'checked'],
  buildLibraries,
  cmake: ['-DCMAKE_SYSTEM_NAME=Linux', `-DCMAKE_CXX_COMPILER=${tool('c++')}`],
};
