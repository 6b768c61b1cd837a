// Writes docs/licences.md: what is inside the published package besides hermkit's own code, and under which licences.
// With --check it only says whether the file is up to date.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as checker from 'license-checker-rseidelsohn';
import { root } from './lib/run.mjs';

const OUTPUT = join(root, 'docs', 'licences.md');

/** What the portable binaries are linked with (`static` in native/cmake/find-libs.sh, scripts/lib/cross); texts in native/licences/. */
const LINKED = [
  { name: 'OpenBLAS', licence: 'BSD-3-Clause', text: 'openblas' },
  { name: 'LAPACK (in OpenBLAS) and LAPACKE', licence: 'BSD-3-Clause', text: 'lapack' },
  { name: 'Zstandard', licence: 'BSD-3-Clause', text: 'zstd' },
  { name: 'xxHash', licence: 'BSD-2-Clause', text: 'xxhash' },
  { name: 'libstdc++, libgcc', licence: 'GPL-3.0-or-later WITH GCC-exception-3.1', text: 'gcc' },
  {
    name: 'mingw-w64 run-time library, winpthreads (on Windows)',
    licence: 'ZPL-2.1, MIT, BSD-3-Clause',
    text: 'mingw-w64',
  },
];

/** Every npm package that npm installs along with hermkit. */
function installed() {
  const options = {
    start: root,
    production: true,
    nopeer: true,
    excludePackages: 'hermkit',
    customFormat: { name: '', version: '' },
  };
  return new Promise((resolve, reject) =>
    checker.init(options, (error, found) => (error ? reject(error) : resolve(Object.values(found)))),
  );
}

/** The packages whose code dist/ contains, by its source maps. */
function bundled() {
  const maps = readdirSync(join(root, 'dist'), { recursive: true }).filter((name) => name.endsWith('.map'));
  const sources = maps.flatMap((name) => JSON.parse(readFileSync(join(root, 'dist', name), 'utf8')).sources);
  return new Set(sources.map((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1]).filter(Boolean));
}

function npmText(name) {
  const folder = join(root, 'node_modules', name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} is inside the package and brings no licence text.`);
  return readFileSync(join(folder, file), 'utf8');
}

const block = (text) => `\`\`\`text\n${text.trim()}\n\`\`\``;

function page(packages) {
  // node-addon-api is headers, compiled into the binary.
  const inside = [...bundled(), 'node-addon-api'].sort();
  const licenceOf = new Map(packages.map(({ name, licenses }) => [name, licenses]));
  const manifest = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  const texts = LINKED.map(({ name, text }) => [name, join(root, 'native', 'licences', `${text}.txt`)]);
  return `# Licences

hermkit is under the [MIT licence](../LICENSE). \`npm run licences\` writes this page.

## Inside the package

The binaries in \`prebuilds/\` contain

| what | licence |
| --- | --- |
${LINKED.map(({ name, licence }) => `| ${name} | ${licence} |`).join('\n')}
| node-addon-api (headers) | ${manifest('node-addon-api').license} |

and no Fortran run-time library. \`dist/\` contains ${inside
    .filter((name) => name !== 'node-addon-api')
    .map((name) => `${name} (${manifest(name).license})`)
    .join(', ')}, and \`lib/onnx/proto\` in it is made from ONNX's schema (Apache-2.0).

## Installed along with it

| package | version | licence |
| --- | --- | --- |
${packages.map(({ name, version }) => `| ${name} | ${version} | ${licenceOf.get(name)} |`).join('\n')}

## Texts

${texts.map(([name, file]) => `### ${name}\n\n${block(readFileSync(file, 'utf8'))}`).join('\n\n')}

${inside.map((name) => `### ${name}\n\n${block(npmText(name))}`).join('\n\n')}
`;
}

const text = page(await installed());
const current = existsSync(OUTPUT) && readFileSync(OUTPUT, 'utf8') === text;
if (!process.argv.includes('--check')) writeFileSync(OUTPUT, text);
else if (!current) {
  console.error('docs/licences.md is not up to date: npm run licences (it needs dist/).');
  process.exitCode = 1;
}
