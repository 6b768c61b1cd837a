// Runs the kernel tests and then vitest, both whatever the first one said, and ends with one line for both.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture, root, run } from './lib/run.mjs';
import { buildNativeTests, nativeTests } from './native-tests.mjs';

function runDoctest() {
  if (buildNativeTests() !== 0) return { passed: 0, failed: 1 };
  const { status, stdout, stderr } = capture(nativeTests, ['--no-colors']);
  process.stdout.write(stdout + stderr);
  const counts = /test cases:\s+\d+ \|\s+(\d+) passed \|\s+(\d+) failed/.exec(stdout);
  return withStatus({ passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0) }, status);
}

function runVitest() {
  const file = join(root, 'build', 'vitest.json');
  rmSync(file, { force: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const status = run(process.execPath, [
    vitest,
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]);
  return withStatus(readCounts(file), status);
}

function readCounts(file) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: report.numPassedTests, failed: report.numFailedTests };
  } catch {
    return { passed: 0, failed: 1 }; // vitest ended without a report
  }
}

/** A crash, or a file that does not even load, fails no single test: it counts as one. */
const withStatus = ({ passed, failed }, status) => ({ passed, failed: status === 0 ? failed : Math.max(failed, 1) });

const results = [runDoctest(), runVitest()];
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
console.log(`\ntests: ${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
