// The package as users get it: packed, measured, linted, installed with all scripts blocked, and used in a directory
// tree that holds nothing but Node and its libraries.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { bareTree } from '../lib/bare-tree.mjs';
import { installInto, packInto, problemsInside } from '../lib/package.mjs';
import { checkPortable } from '../lib/portable.mjs';
import { ensurePrebuild } from '../lib/prebuild.mjs';
import { capture, root } from '../lib/run.mjs';

/** Of a package with one binary; releases bring several. */
const PACKED_BUDGET = 10_000_000;
const UNPACKED_BUDGET = 36_000_000;

const work = join(root, 'build', 'pack');
const tree = join(work, 'tree');
const app = join(tree, 'app');
const problems = [];
const expect = (holds, problem) => holds || problems.push(problem);
const bin = (name) => join(root, 'node_modules', '.bin', name);

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
  const binaries = paths.filter((path) => path.endsWith('.node')).length;
  const within = (bytes, budget, how) => expect(bytes <= binaries * budget, `${how} it has ${bytes} bytes`);
  within(size, PACKED_BUDGET, 'packed');
  within(unpackedSize, UNPACKED_BUDGET, 'unpacked');
}

async function checkManifest(file) {
  const bytes = readFileSync(file);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  for (const message of messages) problems.push(`publint: ${formatMessage(message, pkg, { color: false })}`);
  const attw = capture(bin('attw'), [file, '--profile', 'node16', '--no-emoji', '--no-color', '--format', 'ascii']);
  expect(attw.status === 0, `attw:\n${attw.stdout}${attw.stderr}`);
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

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
checkPortable(ensurePrebuild());
const packed = packInto(work);
console.log(
  `${packed.file.slice(dirname(work).length + 1)}: ${packed.size} bytes, unpacked ${packed.unpackedSize}, ${packed.paths.length} files`,
);
checkContents(packed);
await checkManifest(packed.file);
bareTree(tree);
installInto(app, packed.file);
checkTypes();
problems.push(...problemsInside(tree));

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else {
  console.log('The package installs with scripts blocked, and its command and library work beside Node alone.');
}
