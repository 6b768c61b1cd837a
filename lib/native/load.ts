import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HermError } from '../errors.ts';

/** What the binary was compiled with and which OpenBLAS it runs on. */
export interface BuildInfo {
  /** OpenBLAS version and build options. */
  readonly blasConfig: string;
  /** The CPU kernel set that OpenBLAS chose at run time, for example `Haswell`. */
  readonly blasCore: string;
  /** How the OpenBLAS found at run time runs its threads; `sequential` is refused when loading. */
  readonly blasParallel: 'sequential' | 'pthread' | 'openmp';
  readonly compiler: string;
  readonly napiVersion: number;
}

/** The part of the addon that loading itself needs; the whole of it is typed where the kernels are bound. */
export interface LoadedAddon {
  buildInfo(): BuildInfo;
}

const require = createRequire(import.meta.url);
const nodeGypBuild = require('node-gyp-build') as { resolve(root: string): string };
let loaded: LoadedAddon | undefined;

/**
 * Loads the native addon, once a process: `build/cmake` first (a source tree), then what node-gyp-build finds
 * (`build/Release`, then `prebuilds/`).
 *
 * @throws HermError `ADDON_LOAD` when there is no binary for this system, or it does not load here.
 */
export function loadAddon(): LoadedAddon {
  loaded ??= loadFrom(ownRoot());
  return loaded;
}

/**
 * The binary that {@link loadAddon} loads.
 *
 * @throws HermError `ADDON_LOAD` when there is none for this system.
 */
export function addonFile(): string {
  return findBinary(ownRoot());
}

const ownRoot = (): string => packageRoot(dirname(fileURLToPath(import.meta.url)));

/** Source files, tests and both bundles lie at different depths: the package's own manifest marks the root. */
function packageRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'hermkit') return folder;
    if (folder === dirname(folder)) {
      throw new HermError('ADDON_LOAD', `hermkit's package.json was not found above ${start}; reinstall hermkit.`);
    }
  }
}

/** {@link loadAddon} for the package that lies in `root`. */
export function loadFrom(root: string): LoadedAddon {
  const file = findBinary(root);
  let addon: LoadedAddon;
  try {
    addon = require(file) as LoadedAddon;
  } catch (cause) {
    throw new HermError('ADDON_LOAD', diagnose(root, file, cause), { root, file }, { cause });
  }
  if (addon.buildInfo().blasParallel === 'sequential') {
    throw new HermError(
      'ADDON_LOAD',
      `${file} loaded the sequential build of OpenBLAS, which gives wrong results under concurrent calls. Install the pthread build (Debian: apt-get install libopenblas0-pthread).`,
      { root, file },
    );
  }
  return addon;
}

function findBinary(root: string): string {
  const built = join(root, 'build', 'cmake', 'Release', 'hermkit.node');
  if (existsSync(built)) return built;
  try {
    return nodeGypBuild.resolve(root);
  } catch (cause) {
    throw new HermError(
      'ADDON_LOAD',
      `hermkit has no native addon for ${target()}. ${advice(root)}`,
      { root },
      { cause },
    );
  }
}

const target = (): string => `${process.platform}-${process.arch}, Node ${process.versions.node}`;

function advice(root: string): string {
  if (existsSync(join(root, 'scripts', 'setup.mjs'))) return `Run "npm run setup" in ${root}.`;
  return `Install a C++20 compiler, OpenBLAS (pthread build), LAPACKE, zstd and xxHash with their headers, then run: npx node-gyp@12 rebuild --directory ${root}`;
}

/** Says in plain words why the addon did not load, and what to do. */
function diagnose(root: string, file: string, cause: unknown): string {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1).join();
  const library = /^(lib[\w.+-]+): cannot open shared object file/.exec(reason)?.[1];
  if (library !== undefined) {
    return `The native addon ${file} needs ${library}, which is not installed. Install it (Debian: libopenblas0-pthread, liblapacke) or build the addon here. ${advice(root)}`;
  }
  if (/GLIBC(XX)?_[\d.]+' not found/.test(reason)) {
    return `The native addon ${file} was built on a newer system than this one (${reason}). ${advice(root)}`;
  }
  if (/invalid ELF header|wrong ELF class|incompatible architecture|not a mach-o file/i.test(reason)) {
    return `The native addon ${file} was built for another system than ${target()}. ${advice(root)}`;
  }
  return `The native addon ${file} did not load on ${target()}: ${reason}. ${advice(root)}`;
}
