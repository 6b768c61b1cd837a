// Builds the kernels with their doctest tests and runs them; arguments go to doctest.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root, run } from './lib/run.mjs';

// The addon's tree: kernels are compiled once for both.
const FOLDER = 'build/cmake';

/** Returns the first exit status that is not 0. */
export function buildNativeTests() {
  if (!existsSync(join(root, FOLDER, 'CMakeCache.txt'))) {
    const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
    const status = run(process.execPath, [cmakeJs, 'configure', '-O', FOLDER], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) return status;
  }
  const target = ['--target', 'herm_native_tests', '--parallel', String(availableParallelism())];
  return run('cmake', ['--build', FOLDER, ...target]);
}

export const nativeTests = join(root, FOLDER, 'herm_native_tests');

if (process.argv[1] === import.meta.filename) {
  process.exitCode = buildNativeTests() || run(nativeTests, process.argv.slice(2));
}
