import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prebuiltSystems, type System, systemName } from './system.ts';

/** The oldest Node that hermkit is tested on; `engines` in package.json says the same. */
const OLDEST_NODE = 20;

/** Why this Node cannot run hermkit, if it cannot. */
export function nodeTooOld({ node }: Pick<System, 'node'>): string | undefined {
  if (Number.parseInt(node, 10) >= OLDEST_NODE) return undefined;
  return `hermkit needs Node ${OLDEST_NODE} or newer; this is Node ${node}.`;
}

/** What to say where there is no binary for `system`. */
export function noBinary(root: string, system: System): string {
  const prebuilt = prebuiltSystems(root);
  const others = prebuilt.length === 0 ? 'none' : `prebuilt ones for ${prebuilt.join(', ')}`;
  return `hermkit has no native addon for ${systemName(system)}; this package brings ${others}. ${advice(root, system)}`;
}

/** Says in plain words why the binary `file` did not load, and what to do. */
export function doesNotLoad(root: string, file: string, cause: unknown, system: System): string {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1).join();
  const to = advice(root, system);
  const name = systemName(system);
  if (system.libc === 'musl' && file.endsWith('.glibc.node')) {
    const forMusl = existsSync(file.replace(/\.glibc\.node$/, '.musl.node'));
    // Alpine is the one such system that node-gyp-build knows.
    const own = forMusl ? 'The one for musl is beside it: set LIBC=musl in the environment.' : to;
    return `The native addon ${file} was built for glibc, and this system has musl: ${name}. ${own}`;
  }
  const library = /^(lib[\w.+-]+): cannot open shared object file/.exec(reason)?.[1];
  if (library !== undefined) {
    return `The native addon ${file} needs ${library}, which is not installed. Install it (Debian: libopenblas0-pthread, liblapacke) or build the addon here. ${to}`;
  }
  if (/(GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found/.test(reason)) {
    return `The native addon ${file} was built on a newer system than this one (${reason}). ${to}`;
  }
  // A library of another processor counts as one that does not exist.
  const ignored = reason.includes(`${file}: cannot open shared object file`) && existsSync(file);
  if (ignored || /invalid ELF header|wrong ELF class|incompatible architecture|not a mach-o file/i.test(reason)) {
    return `The native addon ${file} was built for another system than ${name}. ${to}`;
  }
  return `The native addon ${file} did not load on ${name}: ${reason}. ${to}`;
}

/** The libraries and tools of a build, by what tells the systems apart. */
const PACKAGES = [
  {
    on: ({ libc }: System) => libc === 'musl',
    how: 'Alpine: apk add g++ make python3 pkgconf openblas-dev lapack-dev zstd-dev xxhash-dev',
  },
  {
    on: ({ platform }: System) => platform === 'linux',
    how: 'Debian: apt-get install g++ make python3 pkg-config libopenblas-pthread-dev liblapacke-dev libzstd-dev libxxhash-dev',
  },
  {
    on: ({ platform }: System) => platform === 'darwin',
    how: 'macOS: xcode-select --install; brew install pkgconf openblas zstd xxhash',
  },
];

const WITHOUT = 'hermkit/decode reads .herm files without the addon, slowly.';

function onWindows(root: string, { arch }: System): string {
  const binary = 'win32-x64';
  const linux = 'WSL 2 runs hermkit as Linux does.';
  if (!prebuiltSystems(root).includes(binary)) {
    return `Releases bring a binary for ${binary}, which Debian makes (in a clone: npm run build:prebuild -- ${binary}). ${linux}`;
  }
  return arch === 'x64' ? `Reinstall hermkit. ${linux}` : `Node for x64 runs the binary for ${binary}. ${linux}`;
}

function advice(root: string, system: System): string {
  if (existsSync(join(root, 'scripts', 'setup.mjs'))) return `Run "npm run setup" in ${root}.`;
  const packages = PACKAGES.find(({ on }) => on(system));
  if (packages === undefined) {
    const instead = system.platform === 'win32' ? onWindows(root, system) : 'It is made for Linux, macOS and Windows.';
    return `It cannot be compiled on ${system.platform}. ${instead} ${WITHOUT}`;
  }
  return `To compile it here, install a C++20 compiler, Python, make, OpenBLAS (pthread build), LAPACKE, zstd and xxHash with their headers (${packages.how}), then run: npx node-gyp@12 rebuild --directory ${root}\n${WITHOUT}`;
}
