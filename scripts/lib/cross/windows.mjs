// Windows on x64, by Debian's mingw-w64 (GCC, with C++'s threads over winpthreads).
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly } from '../run.mjs';
import { buildLapack, compileAll } from './lapack.mjs';
import { buildOpenBlas } from './openblas.mjs';
import { CROSS, debianSource, headers, tools } from './sources.mjs';

const folder = join(CROSS, 'win32-x64');
const lib = join(folder, 'lib');
const include = join(folder, 'include');
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

function buildZstd() {
  const source = join(debianSource('libzstd'), 'lib');
  const files = ['common', 'compress', 'decompress'].flatMap((part) =>
    readdirSync(join(source, part))
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(source, part, name)),
  );
  const options = ['-O3', '-DXXH_NAMESPACE=ZSTD_', '-DZSTD_DISABLE_ASM', '-DZSTD_LEGACY_SUPPORT=0'];
  compile('zstd', options, files);
}

function compile(name, options, files) {
  compileAll({
    title: name,
    folder: join(folder, name),
    compiler: tool('cc'),
    options,
    files,
    ar: binutils('ar'),
    archive: join(lib, `lib${name}.a`),
  });
}

/** The static libraries, and the functions of Node that the addon imports. */
function buildLibraries() {
  mkdirSync(lib, { recursive: true });
  makeTools();
  headers(include);
  const compilers = [
    ...[`CC=${tool('cc')}`, `FC=${tool('fc')}`, `AR=${binutils('ar')}`, 'HOSTCC=gcc'],
    ...['CROSS=1', `CROSS_SUFFIX=${binutils('')}`, 'F_COMPILER=GFORTRAN'],
  ];
  const blas = buildOpenBlas({ folder: join(folder, 'openblas'), compiler: compilers, suffix: 'obj' });
  copyFileSync(blas, join(lib, 'libopenblas.a'));
  buildLapack({ folder, lib, include, cc: tool('cc'), fc: tool('fc'), ar: binutils('ar') });
  buildZstd();
  compile('xxhash', ['-O3'], [join(debianSource('xxhash'), 'xxhash.c')]);
  const functions = join(root, 'node_modules', 'node-api-headers', 'def', 'node_api.def');
  const stub = ['-d', functions, '-D', 'node.exe', '--output-delaylib', 'libnode.a'];
  runQuietly('The functions of node.exe', binutils('dlltool'), stub, { cwd: lib });
}

export const windows = {
  folder,
  file: 'hermkit.node',
  strip: binutils('strip'),
  libraries: ['lapacke', 'lapack', 'openblas', 'zstd', 'xxhash'],
  buildLibraries,
  /** CMake's view of the system. */
  cmake: [
    '-DCMAKE_SYSTEM_NAME=Windows',
    `-DCMAKE_CXX_COMPILER=${tool('c++')}`,
    `-DCMAKE_AR=/usr/bin/${binutils('ar')}`,
    `-DCMAKE_JS_LIB=${join(lib, 'libnode.a')}`,
  ],
};
