// Makes a fresh clone ready to run and test, with Node's built-in modules alone: system packages, npm packages, the
// native addon and dist/. Each step looks at what is there first, so a second run does nothing and is instant.
// Nothing outside the repository is changed, except for the system packages (and only where that needs no password).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly } from './lib/run.mjs';
import { whenStale } from './lib/stamp.mjs';
import { ensureSystemPackages } from './lib/system.mjs';

const OLDEST_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(`Node ${OLDEST_NODE.join('.')} or newer is needed to build hermkit; this is ${process.version}.`);
}

/** Compares the lockfile with npm's own record of what it installed: right after `npm install x` too. */
function npmPackagesMatchLockfile() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && existsSync(join(root, path));
  });
}

function ensureNpmPackages() {
  if (npmPackagesMatchLockfile()) return;
  // No dependency needs its install script, so none may run (or download).
  runQuietly('Installing npm packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

function ensureAddon() {
  const step = {
    name: 'addon',
    inputs: ['native', 'CMakeLists.txt', 'node_modules/node-addon-api/package.json'],
    outputs: ['build/cmake/Release/hermkit.node'],
  };
  whenStale(step, () => runQuietly('Building the native addon', 'npm', ['run', '--silent', 'build:addon']));
}

function ensureDist() {
  const step = {
    name: 'dist',
    inputs: ['lib', 'scripts/lib', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsdown.config.ts'],
    outputs: ['dist/index.mjs', 'dist/index.cjs', 'dist/index.d.mts', 'dist/index.d.cts', 'dist/cli/main.mjs'],
  };
  whenStale(step, () => runQuietly('Building dist/', 'npm', ['run', '--silent', 'build:dist']));
}

try {
  checkNode();
  ensureSystemPackages();
  ensureNpmPackages();
  ensureAddon();
  ensureDist();
} catch (error) {
  console.error(`\nhermkit setup: ${error.message}`);
  process.exitCode = 1;
}
