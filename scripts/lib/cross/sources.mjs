// What other systems' binaries are made of: Debian's source packages.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly } from '../run.mjs';

export const CROSS = join(root, 'build', 'cross');

/** The versions that Debian 12's binary packages are made of, which the native prebuilds contain. */
const VERSIONS = { openblas: '0.3.21+ds-4', lapack: '3.11.0-2', libzstd: '1.5.4+dfsg2-5', xxhash: '0.8.1-1' };

/** apt's options for lists of source packages of our own: the system's configuration stays as it is. */
function aptSources() {
  const folder = join(CROSS, 'apt');
  const options = [
    ['Dir::Etc::sourcelist', '/dev/null'],
    ['Dir::Etc::sourceparts', join(folder, 'sources')],
    ['Dir::State::lists', join(folder, 'lists')],
    ['Dir::Cache', join(folder, 'cache')],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  if (existsSync(join(folder, 'ready'))) return options;
  for (const part of ['sources', 'lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, part), { recursive: true });
  }
  const own = readFileSync('/etc/apt/sources.list.d/debian.sources', 'utf8');
  writeFileSync(join(folder, 'sources', 'debian.sources'), own.replaceAll(/^Types: .*$/gm, 'Types: deb-src'));
  runQuietly('Reading the lists of Debian’s source packages', 'apt-get', [...options, 'update']);
  writeFileSync(join(folder, 'ready'), '');
  return options;
}

/** The folder of a source package, unpacked with Debian's patches; apt checks its signature. */
export function debianSource(name) {
  const version = VERSIONS[name];
  const sources = join(CROSS, 'sources');
  const folder = join(sources, `${name}-${version.replace(/-[^-]*$/, '')}`);
  if (existsSync(folder)) return folder;
  mkdirSync(sources, { recursive: true });
  const get = [...aptSources(), 'source', '--only-source', `${name}=${version}`];
  runQuietly(`Fetching the source of ${name} ${version}`, 'apt-get', get, { cwd: sources });
  return folder;
}

/** GCC's sources: a package that holds them as an archive, as they were released. */
const GCC = { package: 'gcc-12-source', version: '12.2.0-14+deb12u1', release: 'gcc-12.2.0' };
const GCC_PARTS = `libstdc++-v3 libgcc libiberty include config gcc/BASE-VER gcc/DATESTAMP config.guess config.sub
  config-ml.in install-sh ltmain.sh missing mkinstalldirs`;

/** The part of GCC's sources that its C++ library is made of; apt checks the package's signature. */
export function gccSource() {
  const sources = join(CROSS, 'sources');
  const folder = join(sources, GCC.release);
  if (existsSync(join(folder, 'complete'))) return folder;
  const download = join(sources, GCC.package);
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download, { recursive: true });
  const wanted = `${GCC.package}=${GCC.version}`;
  runQuietly(`Fetching ${wanted}`, 'apt-get', ['download', wanted], { cwd: download });
  const [file] = readdirSync(download);
  runQuietly('Unpacking it', 'dpkg-deb', ['-x', file, '.'], { cwd: download });
  const archive = join(download, 'usr', 'src', 'gcc-12', `${GCC.release}-dfsg.tar.xz`);
  const parts = GCC_PARTS.split(/\s+/).map((name) => `${GCC.release}/${name}`);
  runQuietly('Unpacking what is in it', 'tar', ['xf', archive, ...parts], { cwd: sources });
  rmSync(download, { recursive: true });
  // Built by itself, the C++ library does not make this choice of GCC's.
  symlinkSync('gthr-posix.h', join(folder, 'libgcc', 'gthr-default.h'));
  writeFileSync(join(folder, 'complete'), '');
  return folder;
}

/** Programs of a compiler's, as one-line scripts: builds take the name of a program and no arguments with it. */
export function tools(folder, commands) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

/** Headers of the static libraries: the plain ones of their sources, which name no system. */
export function headers(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const lapack = debianSource('lapack');
  const copy = (from, to) => cpSync(from, join(folder, to));
  for (const name of ['lapack', 'lapacke', 'lapacke_config', 'lapacke_utils']) {
    copy(join(lapack, 'LAPACKE', 'include', `${name}.h`), `${name}.h`);
  }
  copy(join(lapack, 'LAPACKE', 'include', 'lapacke_mangling_with_flags.h.in'), 'lapacke_mangling.h');
  copy(join(lapack, 'CBLAS', 'include', 'cblas.h'), 'cblas.h');
  copy(join(lapack, 'CBLAS', 'include', 'cblas_mangling_with_flags.h.in'), 'cblas_mangling.h');
  for (const name of ['zstd.h', 'zstd_errors.h']) copy(join(debianSource('libzstd'), 'lib', name), name);
  copy(join(debianSource('xxhash'), 'xxhash.h'), 'xxhash.h');
}
