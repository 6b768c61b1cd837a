// The package as users get it: packed, installed with all scripts blocked, and used inside a bare tree's folder app/.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInside } from './bare-tree.mjs';
import { capture, root, runQuietly } from './run.mjs';

/** Packs it into `folder`. */
export function packInto(folder) {
  const { status, stdout, stderr } = capture('npm', [
    'pack',
    '--json',
    '--ignore-scripts',
    '--pack-destination',
    folder,
  ]);
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const [{ filename, files, size, unpackedSize }] = JSON.parse(stdout);
  return { file: join(folder, filename), paths: files.map(({ path }) => path), size, unpackedSize };
}

/** Installs the packed `file` in the new folder `app`. */
export function installInto(app, file) {
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }\n');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  runQuietly('Installing it, scripts blocked', 'npm', ['install', ...options, file], { cwd: app });
}

const sha256 = (file) => (existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'none');

/** What goes wrong when the command and the library are used in `tree`, whose folder app/ has the package installed. */
export function problemsInside(tree) {
  const app = join(tree, 'app');
  const problems = [];
  const expect = (holds, problem) => holds || problems.push(problem);
  const inside = (title, args) => {
    const { status, stdout, stderr } = runInside(tree, args);
    expect(status === 0 && stderr === '', `${title} (status ${status}):\n${stdout}${stderr}`);
    return stdout;
  };
  cpSync(join(root, 'test', 'fixtures', 'lenet', 'relu.safetensors'), join(app, 'model.safetensors'));
  checkCommand(app, inside, expect);
  checkLibrary(app, inside, expect);
  return problems;
}

function checkCommand(app, inside, expect) {
  const herm = (...args) => inside(`herm ${args.join(' ')}`, ['/app/node_modules/hermkit/dist/cli/main.mjs', ...args]);
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
function checkLibrary(app, inside, expect) {
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
