// The addon has two builds: cmake-js (development) and node-gyp (installs and prebuilds). Checks that they compile the
// same files with the same flags, that all three binaries load with the same exports, and that the libraries of cross
// builds have what the kernels call.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { missingFunctions } from '../lib/cross/libraries.mjs';
import { gypEnvironment } from '../lib/gyp-tree.mjs';
import { ensurePrebuild, PREBUILD_TREE } from '../lib/prebuild.mjs';
import { capture, root, runQuietly } from '../lib/run.mjs';

/** Flags that change what the kernels compute or which symbols are seen; of two that contradict, the last one wins. */
function meaningfulFlags(command) {
  const flags = new Map();
  for (const [, flag] of command.matchAll(/(?:^|\s)'?(-[^\s']+)'?/g)) {
    if (flag.startsWith('-std=')) flags.set('standard', flag);
    else if (/^-O/.test(flag)) flags.set('optimisation', flag);
    else if (/^-[fm]/.test(flag) && !IRRELEVANT.has(flag))
      flags.set(flag.replace(/^-([fm])no-/, '-$1').replace(/=.*/, ''), flag);
    else if (/^-D(NAPI|NDEBUG|HERM)/.test(flag)) flags.set(flag.replace(/=.*/, ''), flag);
  }
  return [...flags.values()].sort().join(' ');
}
// -m64 names the default; the frame pointer is for profilers.
const IRRELEVANT = new Set(['-m64', '-fno-omit-frame-pointer', '-fPIC']);

/** What is compared: not the tests, nor what the portable binary has in place of a library. */
const isCommon = (source) => /^native\/(kernels|binding)\//.test(source);

/** Source file → flags, from CMake's compile_commands.json. */
function cmakeObjects() {
  const commands = JSON.parse(readFileSync(join(root, 'build', 'cmake', 'compile_commands.json'), 'utf8'));
  const sources = commands.map(({ file, command }) => [relative(root, file), meaningfulFlags(command)]);
  return new Map(sources.filter(([source]) => isCommon(source)));
}

/** Source file → flags, from the commands that gyp's makefiles record next to every object. */
function gypObjects(folder) {
  const objects = new Map();
  const records = join(folder, 'build', 'Release', '.deps');
  for (const name of readdirSync(records, { recursive: true })) {
    if (!name.endsWith('.o.d')) continue;
    const command = readFileSync(join(records, name), 'utf8').split('\n', 1)[0];
    const source = /\.\.\/(\S+\.cc)/.exec(command)?.[1];
    if (source === undefined || isCommon(source)) objects.set(source ?? name, meaningfulFlags(command));
  }
  return objects;
}

/** A name and kind for every export; in a process of its own, so that both binaries can be loaded. */
function exportsOf(file) {
  const script = `const addon = require(${JSON.stringify(file)});
    console.log(Object.keys(addon).sort().map((key) => key + ': ' + typeof addon[key]).join('\\n'), addon.buildInfo());`;
  const { status, stdout, stderr } = capture(process.execPath, ['-e', script]);
  if (status !== 0) throw new Error(`${file} does not load:\n${stderr}`);
  return stdout;
}

function differences(cmake, gyp) {
  const found = [];
  for (const file of new Set([...cmake.keys(), ...gyp.keys()])) {
    if (!gyp.has(file)) found.push(`${file}: compiled by CMake only`);
    else if (!cmake.has(file)) found.push(`${file}: compiled by node-gyp only`);
    else if (cmake.get(file) !== gyp.get(file))
      found.push(`${file}:\n  CMake     ${cmake.get(file)}\n  node-gyp  ${gyp.get(file)}`);
  }
  return found;
}

runQuietly('Building with cmake-js', 'npm', ['run', '--silent', 'build:addon']);
// The portable binary is node-gyp's too: the same objects, which are then linked as on a user's machine.
const portable = ensurePrebuild();
const folder = PREBUILD_TREE;
const nodeGyp = (...args) => [join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'), ...args];
const inTree = { cwd: folder, env: gypEnvironment() };
runQuietly('Linking with node-gyp', process.execPath, nodeGyp('configure', 'build'), inTree);

const cmake = cmakeObjects();
const found = differences(cmake, gypObjects(folder));
const cmakeExports = exportsOf(join(root, 'build', 'cmake', 'Release', 'hermkit.node'));
for (const file of [join(folder, 'build', 'Release', 'hermkit.node'), portable]) {
  const exports = exportsOf(file);
  if (cmakeExports !== exports) found.push(`exports differ:\nCMake:\n${cmakeExports}\n${file}:\n${exports}`);
}

for (const name of missingFunctions()) found.push(`${name}: not in the libraries of scripts/lib/cross`);

if (found.length > 0) {
  console.error(`The two builds differ:\n${found.join('\n')}`);
  process.exitCode = 1;
} else {
  const [file, flags] = [...cmake][0] ?? [];
  console.log(
    `Both builds compile the same ${cmake.size} files alike and export the same. For example ${file}: ${flags}`,
  );
}
