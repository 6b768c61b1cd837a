// The package as users get it: packed, measured, linted, installed with all scripts blocked, and used in a directory
// tree that holds nothing but Node and its libraries.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { bareTree, runInside } from '../lib/bare-tree.mjs';
import { checkPortable } from '../lib/portable.mjs';
import { ensurePrebuild } from '../lib/prebuild.mjs';
import { capture, root, runQuietly } from '../lib/run.mjs';

const PACKED_BUDGET = 10_000_000;
const UNPACKED_BUDGET = 36_000_000;

const work = join(root, 'build', 'pack');
const tree = join(work, 'tree');
const app = join(tree, 'app');
const problems = [];
const expect = (holds, problem) => holds || problems.push(problem);
const bin = (name) => join(root, 'node_modules', '.bin', name);

function pack() {
  const { status, stdout, stderr } = capture('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work]);
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const [{ filename, files, size, unpackedSize }] = JSON.parse(stdout);
  return { file: join(work, filename), paths: files.map(({ path }) => path), size, unpackedSize };
}

/** What must be inside, and nothing of what only development needs. */
function checkContents({ paths, size, unpackedSize }) {
  const sources = capture('git', ['ls-files', 'native', 'docs/*.md', 'lib/file/FORMAT.md'])
    .stdout.split('\n')
    .filter(Boolean);
  const needed = ['README.md', 'LICENSE', 'CHANGELOG.md', 'binding.gyp', 'dist/index.d.cts', 'dist/cli/main.mjs'];
  for (const path of [...sources, ...needed]) expect(paths.includes(path), `${path} is not in the package`);
  const strange = paths.filter(
    (path) => /^(test|scripts|lib|build|node_modules|\.ci)\//.test(path) && path !== 'lib/file/FORMAT.md',
  );
  expect(strange.length === 0, `not for users: ${strange.slice(0, 5).join(', ')}`);
  expect(size <= PACKED_BUDGET, `packed it has ${size} bytes, more than ${PACKED_BUDGET}`);
  expect(unpackedSize <= UNPACKED_BUDGET, `unpacked it has ${unpackedSize} bytes, more than ${UNPACKED_BUDGET}`);
}

async function checkManifest(file) {
  const bytes = readFileSync(file);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  for (const message of messages) problems.push(`publint: ${formatMessage(message, pkg, { color: false })}`);
  const attw = capture(bin('attw'), [file, '--profile', 'node16', '--no-emoji', '--no-color', '--format', 'ascii']);
  expect(attw.status === 0, `attw:\n${attw.stdout}${attw.stderr}`);
}

function install(file) {
  bareTree(tree);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }\n');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  runQuietly('Installing it, scripts blocked', 'npm', ['install', ...options, file], { cwd: app });
}

const CONSUMER = `import { compress, type CompressReport, HermError, openHerm, type Tensor } from 'hermkit';
import { openHerm as decode } from 'hermkit/decode';
export async function use(): Promise<readonly Tensor[]> {
  const report: CompressReport = await compress('a', 'b', { refit: [0.5] });
  const file = await openHerm('b');
  if (report.bytes === 0) throw new HermError('IO', 'empty');
  await (await decode(new Blob([]))).skeleton({ fc1: 1 });
  return (await file.skeleton(0.5)).tensors;
}
`;

/** The declarations hold together in a strict project that checks its libraries' too, as ESM and as CommonJS. */
function checkTypes() {
  const types = join(root, 'node_modules', '@types');
  const flags = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--lib',
    'es2023',
    '--module',
    'nodenext',
  ];
  for (const name of ['consumer.mts', 'consumer.cts']) {
    writeFileSync(join(app, name), CONSUMER);
    const { status, stdout } = capture(bin('tsc'), [...flags, '--types', 'node', '--typeRoots', types, name], {
      cwd: app,
    });
    expect(status === 0, `tsc on ${name}:\n${stdout}`);
  }
}

function inside(title, args) {
  const { status, stdout, stderr } = runInside(tree, args);
  expect(status === 0 && stderr === '', `${title} (status ${status}):\n${stdout}${stderr}`);
  return stdout;
}

const herm = (...args) => inside(`herm ${args.join(' ')}`, ['/app/node_modules/hermkit/dist/cli/main.mjs', ...args]);
const sha256 = (file) => (existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'none');

function checkCommand() {
  const doctor = JSON.parse(herm('doctor', '--json') || '{}');
  expect(/\/prebuilds\/.*\.node$/.test(doctor.addon), `herm doctor names the addon ${doctor.addon}`);
  expect(doctor.blasParallel === 'pthread', `OpenBLAS is ${doctor.blasParallel}`);
  herm('compress', '/app/model.safetensors', '-o', '/app/model.herm', '--quiet');
  herm('verify', '/app/model.herm', '--against', '/app/model.safetensors');
  herm('recover', '/app/model.herm', '-o', '/app/back.safetensors');
  herm('expand', '/app/model.herm', '--width', '25%', '-o', '/app/small.safetensors');
  expect(
    sha256(join(app, 'back.safetensors')) === sha256(join(app, 'model.safetensors')),
    'recovered bytes are not those of the original',
  );
}

/** The scripts of the tests of processes and worker threads, which use the package by its name. */
function checkLibrary() {
  cpSync(join(root, 'test', 'e2e', 'process'), join(app, 'process'), { recursive: true });
  const same = '{"widths":{"fc1":150,"fc2":50},"same":true}';
  for (const script of ['esm.mjs', 'commonjs.cjs']) {
    const printed = inside(script, [`/app/process/${script}`, '/app/model.safetensors', `/app/${script}.herm`]).trim();
    expect(printed === same, `${script} printed ${printed}`);
  }
  const workers = (how) =>
    JSON.parse(inside(how, ['/app/process/workers.mjs', how, '/app/model.safetensors', '/app/workers']) || '[]');
  const atOnce = workers('atOnce');
  expect(atOnce.length === 3 && atOnce.every(({ code, same }) => code === 0 && same), 'worker threads at once');
  const reloaded = workers('reloaded');
  expect(reloaded.length === 20 && reloaded.every(({ code }) => code === 0), 'loading and unloading twenty times');
}

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
checkPortable(ensurePrebuild());
const packed = pack();
console.log(
  `${packed.file.slice(dirname(work).length + 1)}: ${packed.size} bytes, unpacked ${packed.unpackedSize}, ${packed.paths.length} files`,
);
checkContents(packed);
await checkManifest(packed.file);
install(packed.file);
cpSync(join(root, 'test', 'fixtures', 'lenet', 'relu.safetensors'), join(app, 'model.safetensors'));
checkTypes();
checkCommand();
checkLibrary();

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else {
  console.log('The package installs with scripts blocked, and its command and library work beside Node alone.');
}
