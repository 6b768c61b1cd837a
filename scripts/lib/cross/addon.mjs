// The addon for a system that this one is not: static libraries first, then CMake's build of the addon with them.
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root, runQuietly } from '../run.mjs';
import { whenStale } from '../stamp.mjs';
import { musl } from './musl.mjs';
import { windows } from './windows.mjs';

/** Systems that are built here. */
export const CROSS_TARGETS = { 'win32-x64': windows, 'linux-x64-musl': musl };

const DOCTEST = '/usr/include/doctest';

function buildAddon(target) {
  const { folder } = target;
  const tree = join(folder, 'addon');
  const include = join(folder, 'doctest');
  if (existsSync(DOCTEST) && !existsSync(include)) {
    mkdirSync(include, { recursive: true });
    cpSync(DOCTEST, join(include, 'doctest'), { recursive: true });
  }
  const api = join(root, 'node_modules', 'node-api-headers', 'include');
  runQuietly('Configuring the addon', 'cmake', [
    ...['-G', 'Ninja', '-S', root, '-B', tree, ...target.cmake],
    ...[`-DHERM_STATIC_LIBS=${folder}`, `-DHERM_STATIC_NAMES=${target.libraries.join(';')}`],
    ...[`-DCMAKE_JS_INC=${api}`, `-DDOCTEST_INCLUDE_DIR=${include}`],
  ]);
  runQuietly('Compiling the addon', 'ninja', ['-C', tree, '-j2', 'hermkit']);
  return join(tree, 'hermkit.node');
}

/** The one file that {@link ensureCrossPrebuild} makes. */
export function crossPrebuildFile(name) {
  return join(root, 'prebuilds', CROSS_TARGETS[name].output);
}

/** Builds the portable binary for `name` unless it is there and nothing that it is made of has changed. */
export function ensureCrossPrebuild(name) {
  const target = CROSS_TARGETS[name];
  const file = crossPrebuildFile(name);
  const cross = {
    name: `cross-${name}-libraries`,
    inputs: ['scripts/lib/cross'],
    outputs: [relative(root, join(target.folder, 'lib'))],
  };
  whenStale(cross, () => target.buildLibraries());
  const inputs = ['native', 'CMakeLists.txt', 'scripts/lib/cross', 'node_modules/node-addon-api/package.json'];
  whenStale({ name: `prebuild-${name}`, inputs, outputs: [relative(root, file)] }, () => {
    const built = buildAddon(target);
    // Under another name until it is whole.
    const unfinished = `${file}.tmp`;
    mkdirSync(dirname(file), { recursive: true });
    try {
      copyFileSync(built, unfinished);
      runQuietly('Taking its symbols off', target.strip, ['--strip-unneeded', unfinished]);
      renameSync(unfinished, file);
    } finally {
      rmSync(unfinished, { force: true });
    }
  });
  return file;
}
