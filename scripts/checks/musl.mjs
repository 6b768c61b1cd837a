// The binary for musl, on Debian: the kernels' tests with musl, then the packed package in a tree that holds musl, a Node
// for it and nothing else.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareTree, NODE, runInside } from '../lib/bare-tree.mjs';
import { ensureCrossPrebuild } from '../lib/cross/addon.mjs';
import { musl } from '../lib/cross/musl.mjs';
import { installInto, packInto, problemsInside } from '../lib/package.mjs';
import { root, run, runQuietly } from '../lib/run.mjs';
import { muslNode } from './musl/node.mjs';

const tree = join(musl.folder, 'tree');

function kernelTests() {
  const build = join(musl.folder, 'addon');
  runQuietly('Compiling the kernels’ tests', 'ninja', ['-C', build, '-j2', 'herm_native_tests']);
  return run(join(build, 'herm_native_tests'), []) === 0 ? [] : ['the kernels’ tests failed'];
}

function makeTree() {
  const node = muslNode();
  const libraries = ['libstdc++.so.6', 'libgcc_s.so.1'].map((name) => [join(node, name), `/usr/lib/${name}`]);
  const own = ['scripts/checks/prebuilt.mjs', 'test/golden/v1', 'test/fixtures/lenet'];
  // By the last of these node-gyp-build knows Alpine.
  const release = join(node, 'alpine-release');
  writeFileSync(release, '3.20.0\n');
  bareTree(tree, [
    ...[[join(node, 'node'), NODE], ...libraries],
    ...['/lib/ld-musl-x86_64.so.1', ...own].map((path) => [join(path.startsWith('/') ? '/' : root, path), path]),
    [release, '/etc/alpine-release'],
  ]);
  installInto(join(tree, 'app'), packInto(musl.folder).file);
}

function goldenFiles() {
  const { status, stdout, stderr } = runInside(tree, ['/scripts/checks/prebuilt.mjs', '/app']);
  console.log(stdout.trimEnd());
  return status === 0 ? [] : [`prebuilt.mjs (status ${status}):\n${stderr}`];
}

ensureCrossPrebuild('linux-x64-musl');
const problems = kernelTests();
makeTree();
console.log(runInside(tree, ['/app/node_modules/hermkit/dist/cli/main.mjs', 'doctor']).stdout.trimEnd());
problems.push(...goldenFiles(), ...problemsInside(tree));
if (problems.length > 0) console.error(problems.join('\n'));
else console.log('The binary for musl works, and the package with it beside Node for musl alone.');
process.exitCode = problems.length > 0 ? 1 : 0;
