// The routines of LAPACK and LAPACKE that the addon calls, and those that they call, without OpenBLAS's own.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from '../run.mjs';
import { debianSource } from './sources.mjs';

const SRC = `la_constants.f90 la_xisnan.F90 dlartg.f90 dlassq.f90
  dbdsdc dbdsqr dgebd2 dgebrd dgelq2 dgelqf dgeqp3 dgeqr2 dgeqrf dgesdd dgesvd disnan dlabrd dlacpy dlaed6 dlaisnan
  dlamrg dlange dlanst dlapy2 dlaqp2 dlaqps dlarf dlarfb dlarfg dlarft dlas2 dlascl dlasd0 dlasd1 dlasd2 dlasd3 dlasd4
  dlasd5 dlasd6 dlasd7 dlasd8 dlasda dlasdq dlasdt dlaset dlasq1 dlasq2 dlasq3 dlasq4 dlasq5 dlasq6 dlasr dlasrt dlasv2
  dlauu2 dlauum dorg2r dorgbr dorgl2 dorglq dorgqr dorm2r dormbr dorml2 dormlq dormqr dpstf2 dpstrf dtrti2 dtrtri
  ieeeck iladlc iladlr ilaenv iparmq`;
const INSTALL = 'dlamch droundup_lwork lsame';
const LAPACKE = `src/dgeqp3 src/dgesdd src/dgesvd src/dlauum src/dorgqr src/dpotrf src/dpstrf src/dtrtri
  src/dgeqp3_work src/dgesdd_work src/dgesvd_work src/dlauum_work src/dorgqr_work src/dpotrf_work src/dpstrf_work
  src/dtrtri_work src/nancheck utils/d_nancheck utils/dge_nancheck utils/dge_trans utils/dpo_nancheck utils/dpo_trans
  utils/dsy_nancheck utils/dsy_trans utils/dtr_nancheck utils/dtr_trans utils/lsame utils/xerbla`;

const words = (text) => text.split(/\s+/).filter(Boolean);

/** Whether {@link buildLapack}'s libraries have the function `name` of C's interface. */
export const hasLapacke = (name) => words(LAPACKE).includes(`src/${name.replace('LAPACKE_', '')}`);

/** Compiles sources, those that are not yet, into an archive of their objects. */
export function compileAll({ title, folder, compiler, options, files, ar, archive }) {
  mkdirSync(folder, { recursive: true });
  const objects = files.map((file) => join(folder, `${file.replace(/^.*\/|\.\w+$/g, '')}.o`));
  files.forEach((file, i) => {
    if (existsSync(objects[i])) return;
    runQuietly(`${title}: ${file.replace(/^.*\//, '')}`, compiler, [...options, '-c', file, '-o', objects[i]], {
      cwd: folder,
    });
  });
  rmSync(archive, { force: true });
  runQuietly(`${title}: the archive`, ar, ['crs', archive, ...objects]);
}

/** Builds the static libraries liblapack.a and liblapacke.a into `lib`. */
export function buildLapack({ folder, lib, include, cc, fc, ar }) {
  const root = debianSource('lapack');
  const source = (part, name) => join(root, part, name.includes('.') ? name : `${name}.f`);
  const files = [
    ...words(SRC).map((name) => source('SRC', name)),
    ...words(INSTALL).map((name) => source('INSTALL', name)),
  ];
  const shared = { ar, title: 'LAPACK' };
  // -frecursive: arrays of a routine lie on its stack, or two threads would share them.
  const fortran = ['-O2', '-frecursive'];
  compileAll({
    ...shared,
    folder: join(folder, 'fortran'),
    compiler: fc,
    options: fortran,
    files,
    archive: join(lib, 'liblapack.a'),
  });
  const lapacke = words(LAPACKE).map((name) => join(root, 'LAPACKE', name.replace(/\/(\w+)$/, '/lapacke_$1.c')));
  const c = ['-O2', `-I${include}`];
  compileAll({
    ...shared,
    folder: join(folder, 'lapacke'),
    compiler: cc,
    options: c,
    files: lapacke,
    archive: join(lib, 'liblapacke.a'),
  });
}
