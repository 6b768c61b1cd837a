// The portable binary: node-gyp through prebuildify, linked statically so that it needs nothing but libc.
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { gypEnvironment, gypTree } from './gyp-tree.mjs';
import { capture, root, runQuietly } from './run.mjs';
import { whenStale } from './stamp.mjs';

/** Where the compiler leaves objects and the unstripped binary; `builds.mjs` looks at them. */
export const PREBUILD_TREE = join(root, 'build', 'prebuild');

const host = { platform: process.platform, arch: process.arch };
const isMusl = () => !('glibcVersionRuntime' in process.report.getReport().header);

/** Debian's names of the systems that this one has cross compilers for. */
const CROSS = { arm64: 'aarch64-linux-gnu', x64: 'x86_64-linux-gnu' };

function crossEnvironment(arch) {
  if (arch === host.arch) return {};
  const prefix = CROSS[arch];
  if (prefix === undefined || host.platform !== 'linux') throw new Error(`There is no cross build for ${arch} here.`);
  const tool = (name) => `${prefix}-${name}`;
  return { CC: tool('gcc'), CXX: tool('g++'), AR: tool('ar'), PREBUILD_STRIP_BIN: tool('strip') };
}

/** The one file that {@link ensurePrebuild} makes for `arch`. */
export function prebuildFile(arch = host.arch) {
  const libc = host.platform !== 'linux' ? '' : isMusl() ? '.musl' : '.glibc';
  return join(root, 'prebuilds', `${host.platform}-${arch}`, `hermkit${libc}.node`);
}

function build(arch) {
  const folder = gypTree('prebuild');
  const prebuildify = join(root, 'node_modules', 'prebuildify', 'bin.js');
  const options = ['--target', process.versions.node, '--napi', '--strip', '--out', root, '--arch', arch];
  if (host.platform === 'linux') options.push('--tag-libc');
  const libc = isMusl() ? { PREBUILD_LIBC: 'musl' } : {};
  runQuietly(`Building the portable binary for ${host.platform}-${arch}`, process.execPath, [prebuildify, ...options], {
    cwd: folder,
    env: {
      JOBS: String(availableParallelism()),
      ...gypEnvironment(),
      ...crossEnvironment(arch),
      ...libc,
      GYP_DEFINES: 'herm_link=static',
    },
  });
}

/** Builds the portable binary unless it is there and nothing that it is made of has changed. */
export function ensurePrebuild(arch = host.arch) {
  const file = prebuildFile(arch);
  const step = {
    name: `prebuild-${arch}`,
    inputs: ['native', 'binding.gyp', 'node_modules/node-addon-api/package.json'],
    outputs: [relative(root, file), relative(root, PREBUILD_TREE)],
  };
  whenStale(step, () => build(arch));
  return file;
}

/** The newest glibc that binaries may ask for: what Debian 12 and Ubuntu 22.04 have. */
const NEWEST_GLIBC = 35;
const C_LIBRARY = /^(linux-vdso|ld-linux|ld-musl|libc|libm|libpthread|libdl|librt)\b/;
const BUDGET = 30_000_000;

function elfProblems(file) {
  const needed = [...capture('readelf', ['-dW', file]).stdout.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(
    ([, name]) => name,
  );
  const symbols = [...capture('nm', ['-D', '--undefined-only', file]).stdout.matchAll(/^ +([Uw]) (\S+)/gm)];
  const glibc = symbols.map(([, , symbol]) => Number(/@GLIBC_2\.(\d+)/.exec(symbol)?.[1] ?? 0));
  const nobodys = symbols.filter(([, kind, name]) => kind === 'U' && !/^napi_|^node_api_|@GLIBC/.test(name));
  // Electron forbids memory of the addon's behind a JavaScript array, and ends the process.
  const external = symbols.filter(([, , name]) => /create_external_(array)?buffer/.test(name));
  return [
    ...external.map(([, , name]) => `it uses ${name}, which Electron forbids`),
    ...needed.filter((name) => !C_LIBRARY.test(name)).map((name) => `it needs ${name}`),
    ...(isMusl() ? [] : nobodys.map(([, , name]) => `nothing defines ${name}`)),
    ...(Math.max(...glibc) > NEWEST_GLIBC ? [`it needs glibc 2.${Math.max(...glibc)}`] : []),
  ];
}

function machOProblems(file) {
  const needed = [...capture('otool', ['-L', file]).stdout.matchAll(/^\t(\S+)/gm)].map(([, name]) => name);
  const strange = needed.filter((name) => !name.startsWith('/usr/lib/') && !name.includes('hermkit.node'));
  return strange.map((name) => `it needs ${name}`);
}

/** @throws Error when the binary would look for more on a user's machine than the C library, or is too large. */
export function checkPortable(file) {
  const problems = host.platform === 'linux' ? elfProblems(file) : machOProblems(file);
  const { size } = statSync(file);
  if (size > BUDGET) problems.push(`it has ${size} bytes, more than ${BUDGET}`);
  if (problems.length > 0) throw new Error(`${file} is not portable: ${problems.join('; ')}.`);
  return size;
}
