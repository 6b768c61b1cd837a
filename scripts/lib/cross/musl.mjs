// Linux on x64 with musl in place of glibc (Alpine), by Debian's GCC and musl. Debian has no C++ library for musl: GCC's
// own is compiled here.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from '../run.mjs';
import { buildStaticLibraries, LIBRARIES } from './libraries.mjs';
import { CROSS, gccSource, tools } from './sources.mjs';

const folder = join(CROSS, 'linux-x64-musl');
const cxx = join(folder, 'cxx');
const tool = (name) => join(folder, 'tools', name);
const SYSTEM = 'x86_64-linux-musl';
/** Debian's musl-tools: musl's headers and start files in place of glibc's. */
const SPECS = `/usr/lib/${SYSTEM}/musl-gcc.specs`;

function makeTools() {
  const gnu = (name, ...options) => `exec x86_64-linux-gnu-${name}-12 ${options.join(' ')} -fPIC "$@"`;
  const musl = ['-specs', SPECS];
  const own = [join(cxx, 'include'), join(cxx, 'include', SYSTEM)].flatMap((path) => ['-isystem', path]);
  tools(join(folder, 'tools'), {
    cc: gnu('gcc', ...musl),
    // Debian's options for musl are for C: they leave out the table by which exceptions find their handlers.
    'c++': gnu('g++', ...musl, ...own, `-L${join(cxx, 'lib')}`, '-Wl,--eh-frame-hdr'),
    fc: gnu('gfortran'),
  });
}

/** libstdc++.a and its headers. */
function buildCxxLibrary() {
  if (existsSync(join(cxx, 'lib', 'libstdc++.a'))) return;
  const tree = join(folder, 'libstdc++');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  const options = [
    ...[`--host=${SYSTEM}`, '--build=x86_64-linux-gnu', `--prefix=${cxx}`],
    ...['--disable-shared', '--disable-multilib', '--disable-nls', '--disable-libstdcxx-pch'],
    ...['--disable-libstdcxx-backtrace', `--with-gxx-include-dir=${join(cxx, 'include')}`],
    ...[`CC=${tool('cc')}`, `CXX=${tool('c++')}`, 'CFLAGS=-O2', 'CXXFLAGS=-O2'],
  ];
  const configure = join(gccSource(), 'libstdc++-v3', 'configure');
  runQuietly('The C++ library: configuring', configure, options, { cwd: tree });
  runQuietly('The C++ library: compiling', 'make', ['-s', '-j2'], { cwd: tree });
  runQuietly('The C++ library: installing', 'make', ['-s', 'install'], { cwd: tree });
}

function buildLibraries() {
  makeTools();
  buildCxxLibrary();
  buildStaticLibraries({ folder, tool, ar: 'ar', blas: [], suffix: 'o' });
}

export const musl = {
  folder,
  output: 'linux-x64/hermkit.musl.node',
  strip: 'strip',
  libraries: LIBRARIES,
  buildLibraries,
  cmake: [`-DCMAKE_CXX_COMPILER=${tool('c++')}`],
};
