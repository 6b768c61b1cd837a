// Windows on x64, by Debian's mingw-w64 (GCC, with C++'s threads over winpthreads).
import { join } from 'node:path';
import { root, runQuietly } from '../run.mjs';
import { buildStaticLibraries, LIBRARIES } from './libraries.mjs';
import { CROSS, tools } from './sources.mjs';

const folder = join(CROSS, 'win32-x64');
const lib = join(folder, 'lib');
const tool = (name) => join(folder, 'tools', name);
const binutils = (name) => `x86_64-w64-mingw32-${name}`;

function makeTools() {
  // GCC aligns Windows' stacks to 16 bytes and moves vectors of 32 and 64 there as if they were aligned (its bug 54412);
  // the assembler makes moves of them that need no alignment.
  const gnu = (name) => `exec ${binutils(`${name}-posix`)} -Wa,-muse-unaligned-vector-move "$@"`;
  // OpenBLAS compares the version as a number, and Debian's is called 12-posix.
  const numbered = (name) => `if [ "$1" = -dumpversion ]; then echo 12; else ${gnu(name)}; fi`;
  tools(join(folder, 'tools'), { cc: numbered('gcc'), 'c++': numbered('g++'), fc: gnu('gfortran') });
}

/** The static libraries, and the functions of Node that the addon imports. */
function buildLibraries() {
  makeTools();
  const blas = ['CROSS=1', `CROSS_SUFFIX=${binutils('')}`];
  buildStaticLibraries({ folder, tool, ar: binutils('ar'), blas, suffix: 'obj' });
  const functions = join(root, 'node_modules', 'node-api-headers', 'def', 'node_api.def');
  const stub = ['-d', functions, '-D', 'node.exe', '--output-delaylib', 'libnode.a'];
  runQuietly('The functions of node.exe', binutils('dlltool'), stub, { cwd: lib });
}

export const windows = {
  folder,
  output: 'win32-x64/hermkit.node',
  strip: binutils('strip'),
  libraries: LIBRARIES,
  buildLibraries,
  /** CMake's view of the system. */
  cmake: [
    '-DCMAKE_SYSTEM_NAME=Windows',
    `-DCMAKE_CXX_COMPILER=${tool('c++')}`,
    `-DCMAKE_AR=/usr/bin/${binutils('ar')}`,
    `-DCMAKE_JS_LIB=${join(lib, 'libnode.a')}`,
  ],
};
