// Every npm dependency has its line, with its reason, in docs/dependencies.md, and is pinned to one version.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';

const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const all = { ...dependencies, ...devDependencies };
const rows = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'));
const listed = rows.flatMap((row) =>
  row
    .split('|')[1]
    .split(',')
    .map((name) => name.trim()),
);

const problems = [];
for (const [name, version] of Object.entries(all)) {
  if (!/^\d+\.\d+\.\d+$/.test(version)) problems.push(`${name} is not pinned: "${version}" in package.json`);
  if (!listed.includes(name)) problems.push(`${name} has no line in docs/dependencies.md`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
