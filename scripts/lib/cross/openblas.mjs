// The part of OpenBLAS that the addon calls, for a system that Debian has no static library of: its BLAS for one and two
// words of real numbers, and its own Cholesky factorisation.
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from '../run.mjs';
import { debianSource } from './sources.mjs';

const times = (...lists) => lists.reduce((all, list) => all.flatMap((a) => list.map((b) => a + b)), ['']);
const GEMM = times(['gemm_', 'gemm_thread_'], ['nn', 'nt', 'tn', 'tt']);
const SYRK = [...times(['syrk_', 'syrk_thread_'], ['UN', 'UT', 'LN', 'LT']), 'syrk_kernel_U', 'syrk_kernel_L'];
const TRIANGULAR = times(['trmm_', 'trsm_'], ['L', 'R'], ['N', 'T'], ['U', 'L'], ['N', 'U']);
const TRMV = times(['trmv_', 'trmv_thread_'], ['N', 'T'], ['U', 'L'], ['N', 'U']);

/** Which objects of a folder are needed, of single and of double numbers; the others' kernels would double the time. */
const PARTS = [
  {
    folder: 'interface',
    s: ['cblas_sgemm', 'cblas_ssyrk'],
    d: [
      ...'copy dot gemm gemv ger nrm2 rot scal swap axpy syrk trmm trmv trsm potrf'
        .split(' ')
        .map((name) => `d${name}`),
      ...['idamax', 'cblas_daxpy', 'cblas_ddot', 'cblas_dgemm', 'cblas_dsyrk', 'cblas_dtrmm', 'cblas_dtrsm'],
    ],
  },
  { folder: 'driver/level2', s: [], d: times(['d'], ['gemv_thread_n', 'gemv_thread_t', 'ger_thread', ...TRMV]) },
  { folder: 'driver/level3', s: times(['s'], [...GEMM, ...SYRK]), d: times(['d'], [...GEMM, ...SYRK, ...TRIANGULAR]) },
  { folder: 'lapack/potf2', s: [], d: ['dpotf2_U', 'dpotf2_L'] },
  { folder: 'lapack/potrf', s: [], d: times(['dpotrf_'], ['U', 'L'], ['_single', '_parallel']) },
];

/** Whether {@link buildOpenBlas}'s library has the function `name` of C's interface. */
export const hasBlas = (name) => PARTS.some(({ s, d }) => s.includes(name) || d.includes(name));

/** Processors with kernels of their own besides the baseline, PRESCOTT; AMD's and newer ones of Intel's take HASWELL. */
const CORES = ['HASWELL'];

/**
 * Builds `folder`/libopenblasp-*.a and returns its path.
 *
 * @param {{ folder: string, compiler: string[], suffix: string }} build make's variables that name the compilers, and
 *   the ending of object files
 */
export function buildOpenBlas({ folder, compiler, suffix }) {
  if (!existsSync(folder)) cpSync(debianSource('openblas'), folder, { recursive: true });
  const always = [
    ...compiler,
    ...['TARGET=PRESCOTT', 'DYNAMIC_ARCH=1', `DYNAMIC_LIST=${CORES.join(' ')}`, 'NUM_THREADS=64'],
    ...['USE_THREAD=1', 'USE_OPENMP=0', 'NO_AFFINITY=1', 'NO_WARMUP=1', 'NO_LAPACKE=1'],
    ...['BUILD_SINGLE=1', 'BUILD_DOUBLE=1', 'MAKE_NB_JOBS=0'],
  ];
  const make = (title, ...args) => {
    runQuietly(`OpenBLAS: ${title}`, 'make', ['-s', '-j2', ...always, ...args], { cwd: folder });
  };
  // Its threads on Windows name block sizes of complex numbers, in branches that nothing reaches.
  const unused = ['ZGEMM_P', 'ZGEMM_Q', 'CGEMM_P', 'CGEMM_Q'].map((name) => `-D${name}=1`);
  make('threads and memory', '-C', 'driver/others', 'libs', `CFLAGS=${unused.join(' ')}`);
  const list = (names) => names.map((name) => `${name}.${suffix}`).join(' ');
  for (const { folder: part, s, d } of PARTS) {
    make(part, '-C', part, 'libs', `SBLASOBJS=${list(s)}`, `DBLASOBJS=${list(d)}`, 'CBLASOBJS=', 'ZBLASOBJS=');
  }
  make('the table of kernels', '-C', 'kernel', 'commonlibs');
  for (const core of [...CORES, 'PRESCOTT']) {
    make(`kernels for ${core}`, 'GOTOBLAS_MAKEFILE=', '-C', 'kernel', `TARGET_CORE=${core}`, 'kernel');
  }
  return join(folder, 'libopenblasp-r0.3.21.a');
}
