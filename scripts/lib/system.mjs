// The system packages that building needs: found by what they provide, installed through apt-get where that needs no
// password, else named with the exact command to run.
import { existsSync } from 'node:fs';
import { capture, run } from './run.mjs';

const NEEDS = [
  { what: 'a C++20 compiler', found: () => hasCommand('c++'), apt: 'g++', dnf: 'gcc-c++', pacman: 'gcc' },
  { what: 'make', found: () => hasCommand('make'), apt: 'make', dnf: 'make', pacman: 'make' },
  { what: 'CMake', found: () => hasCommand('cmake'), apt: 'cmake', dnf: 'cmake', pacman: 'cmake', brew: 'cmake' },
  {
    what: 'pkg-config',
    found: () => hasCommand('pkg-config'),
    apt: 'pkg-config',
    dnf: 'pkgconf-pkg-config',
    pacman: 'pkgconf',
    brew: 'pkgconf',
  },
  {
    what: 'OpenBLAS (the pthread build)',
    found: hasOpenBlas,
    apt: 'libopenblas-pthread-dev',
    dnf: 'openblas-devel',
    pacman: 'openblas',
    brew: 'openblas',
  },
  {
    what: 'LAPACKE',
    found: hasLapacke,
    apt: 'liblapacke-dev',
    dnf: 'lapack-devel',
    pacman: 'lapacke',
    brew: 'openblas',
  },
  {
    what: 'Zstandard',
    found: () => hasLibrary('libzstd'),
    apt: 'libzstd-dev',
    dnf: 'libzstd-devel',
    pacman: 'zstd',
    brew: 'zstd',
  },
  {
    what: 'xxHash',
    found: () => hasLibrary('libxxhash'),
    apt: 'libxxhash-dev',
    dnf: 'xxhash-devel',
    pacman: 'xxhash',
    brew: 'xxhash',
  },
  {
    what: 'doctest',
    found: () => hasHeader('doctest/doctest.h'),
    apt: 'doctest-dev',
    dnf: 'doctest-devel',
    pacman: 'doctest',
    brew: 'doctest',
  },
];

const MANAGERS = [
  {
    name: 'apt',
    command: 'apt-get',
    install: 'apt-get update && apt-get install -y --no-install-recommends',
    root: true,
  },
  { name: 'brew', command: 'brew', install: 'brew install', root: false },
  { name: 'dnf', command: 'dnf', install: 'dnf install -y', root: true },
  { name: 'pacman', command: 'pacman', install: 'pacman -S --needed', root: true },
];

const hasCommand = (name) => capture('sh', ['-c', `command -v ${name}`]).status === 0;
const hasLibrary = (name) => capture('pkg-config', ['--exists', name]).status === 0;
const hasHeader = (name) =>
  ['/usr/include', '/usr/local/include', '/opt/homebrew/include'].some((folder) => existsSync(`${folder}/${name}`));

/** Asks the script that both builds ask, so that "found" here means "found" there. */
function hasOpenBlas() {
  return capture('sh', ['native/cmake/find-libs.sh', 'openblas']).status === 0;
}

function hasLapacke() {
  return hasLibrary('lapacke') || hasHeader('lapacke.h') || existsSync('/opt/homebrew/opt/openblas/include/lapacke.h');
}

/** @throws Error with the exact command line when something is missing and cannot be installed from here. */
export function ensureSystemPackages() {
  // The whole question in one process, for the usual case that nothing is missing.
  const tools = 'command -v c++ && command -v make && command -v cmake && sh native/cmake/find-libs.sh libs';
  if (capture('sh', ['-c', tools]).status === 0 && hasLapacke() && hasHeader('doctest/doctest.h')) return;

  const missing = NEEDS.filter((need) => !need.found());
  const manager = MANAGERS.find(({ command }) => hasCommand(command));
  if (manager?.name === 'apt' && installWithApt(missing.map((need) => need.apt))) {
    const left = NEEDS.filter((need) => !need.found());
    if (left.length === 0) return;
    throw new Error(`still missing after apt-get install: ${left.map((need) => need.what).join(', ')}.`);
  }
  throw new Error(howToInstall(missing, manager));
}

/** Installs where no password is needed; false where one is. */
function installWithApt(packages) {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && capture('sudo', ['-n', 'true']).status !== 0) return false;
  console.error(`Installing system packages: ${packages.join(' ')}`);
  const apt = (...args) => {
    const command = [
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      '-o',
      'DPkg::Lock::Timeout=300',
      ...args,
    ];
    const full = isRoot ? command : ['sudo', '-n', ...command];
    if (run(full[0], full.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] }) !== 0) {
      throw new Error(`"${full.join(' ')}" failed; its message is above.`);
    }
  };
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...packages);
  return true;
}

function howToInstall(missing, manager) {
  const list = missing.map((need) => need.what).join(', ');
  if (manager === undefined) return `please install ${list}, each with its headers, then run this again.`;
  const packages = [...new Set(missing.map((need) => need[manager.name]).filter(Boolean))];
  const compiler = missing.some((need) => need[manager.name] === undefined) ? '  xcode-select --install\n' : '';
  const install = manager.root
    ? manager.install.replaceAll(manager.command, `sudo ${manager.command}`)
    : manager.install;
  return `missing: ${list}. Install them and run this again:\n\n${compiler}  ${install} ${packages.join(' ')}\n`;
}
