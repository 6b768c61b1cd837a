// The portable binary: node-gyp through prebuildify, linked statically so that it needs nothing but libc.
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { gypEnvironment, gypTree } from './gyp-tree.mjs';
import { root, runQuietly } from './run.mjs';
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
