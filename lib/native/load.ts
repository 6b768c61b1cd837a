import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HermError } from '../errors.ts';
import { doesNotLoad, noBinary, nodeTooOld } from './load_advice.ts';
import { thisSystem } from './system.ts';

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
const BLAS_THREADS = 'OPENBLAS_NUM_THREADS';
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

/** The folder of this package. */
export const ownRoot = (): string => packageRoot(dirname(fileURLToPath(import.meta.url)));

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
    addon = withoutBlasThreads(() => require(file) as LoadedAddon);
  } catch (cause) {
    throw new HermError('ADDON_LOAD', doesNotLoad(root, file, cause, thisSystem()), { root, file }, { cause });
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

/**
 * OpenBLAS starts a thread for every core as it is loaded, and these spin for tens of milliseconds beside work that they have
 * no part in: hermkit gives it one thread.
 */
function withoutBlasThreads<T>(load: () => T): T {
  const { [BLAS_THREADS]: wanted } = process.env;
  if (wanted !== undefined) return load();
  process.env[BLAS_THREADS] = '1';
  try {
    return load();
  } finally {
    delete process.env[BLAS_THREADS];
  }
}

function findBinary(root: string): string {
  const tooOld = nodeTooOld(process.versions);
  if (tooOld !== undefined) throw new HermError('ADDON_LOAD', tooOld);
  const built = join(root, 'build', 'cmake', 'Release', 'hermkit.node');
  if (existsSync(built)) return built;
  try {
    return nodeGypBuild.resolve(root);
  } catch (cause) {
    throw new HermError('ADDON_LOAD', noBinary(root, thisSystem()), { root }, { cause });
  }
}
