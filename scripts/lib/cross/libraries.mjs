// The static libraries that the addon calls, of Debian's sources, by the compilers of another system.
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.mjs';
import { buildLapack, compileAll, hasLapacke } from './lapack.mjs';
import { buildOpenBlas, hasBlas } from './openblas.mjs';
import { debianSource, headers } from './sources.mjs';

/** Their names, callers before what they call. */
export const LIBRARIES = ['lapacke', 'lapack', 'openblas', 'zstd', 'xxhash'];

/** Functions of BLAS and LAPACK that the kernels call and that these libraries do not have. */
export function missingFunctions() {
  const kernels = join(root, 'native', 'kernels');
  const sources = readdirSync(kernels).map((name) => readFileSync(join(kernels, name), 'utf8'));
  const called = new Set(sources.join('\n').match(/\b(cblas|LAPACKE)_[sd]\w+/g));
  return [...called].filter((name) => !hasBlas(name) && !hasLapacke(name));
}

function zstdFiles() {
  const source = join(debianSource('libzstd'), 'lib');
  return ['common', 'compress', 'decompress'].flatMap((part) =>
    readdirSync(join(source, part))
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(source, part, name)),
  );
}

/**
 * Builds {@link LIBRARIES} into `folder`/lib, with their headers in `folder`/include.
 *
 * @param {{ folder: string, tool: (name: string) => string, ar: string, blas: string[], suffix: string }} build the
 *   paths of the compilers `cc` and `fc`, OpenBLAS's variables for the system, and the ending of its object files
 */
export function buildStaticLibraries({ folder, tool, ar, blas, suffix }) {
  const lib = join(folder, 'lib');
  const include = join(folder, 'include');
  mkdirSync(lib, { recursive: true });
  headers(include);
  const compiler = [`CC=${tool('cc')}`, `FC=${tool('fc')}`, `AR=${ar}`, 'HOSTCC=gcc', 'F_COMPILER=GFORTRAN', ...blas];
  copyFileSync(buildOpenBlas({ folder: join(folder, 'openblas'), compiler, suffix }), join(lib, 'libopenblas.a'));
  buildLapack({ folder, lib, include, cc: tool('cc'), fc: tool('fc'), ar });
  const compile = (name, options, files) => {
    const archive = join(lib, `lib${name}.a`);
    compileAll({ title: name, folder: join(folder, name), compiler: tool('cc'), options, files, ar, archive });
  };
  compile('zstd', ['-O3', '-DXXH_NAMESPACE=ZSTD_', '-DZSTD_DISABLE_ASM', '-DZSTD_LEGACY_SUPPORT=0'], zstdFiles());
  compile('xxhash', ['-O3'], [join(debianSource('xxhash'), 'xxhash.c')]);
}
