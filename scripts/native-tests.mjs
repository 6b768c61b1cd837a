// Builds the kernels with their doctest tests (no Node headers needed) and runs them; arguments go to doctest.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root, run } from './lib/run.mjs';

const FOLDER = 'build/native-tests';

/** Returns the first exit status that is not 0. */
export function buildNativeTests() {
  if (!existsSync(join(root, FOLDER, 'CMakeCache.txt'))) {
    const status = run('cmake', ['-S', '.', '-B', FOLDER, '-DHERM_NATIVE_TESTS=ON'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) return status;
  }
  return run('cmake', ['--build', FOLDER, '--parallel', String(availableParallelism())]);
}

export const nativeTests = join(root, FOLDER, 'herm_native_tests');

if (process.argv[1] === import.meta.filename) {
  process.exitCode = buildNativeTests() || run(nativeTests, process.argv.slice(2));
}
