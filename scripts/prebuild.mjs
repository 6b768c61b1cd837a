// Builds the binary that is published: node-gyp through prebuildify, linked statically so that it needs nothing but libc,
// into prebuilds/<platform>-<arch>/. Then checks that promise.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gypEnvironment, gypTree } from './lib/gyp-tree.mjs';
import { capture, root, runQuietly } from './lib/run.mjs';

const ALLOWED = /^(linux-vdso|ld-linux|libc|libm|libpthread|libdl|librt)\b/;

/** Libraries beyond libc that the binary would look for on the user's machine. */
function strangers(file) {
  const { stdout } = capture('readelf', ['-d', file]);
  const needed = [...stdout.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
  return needed.filter((name) => !ALLOWED.test(name));
}

const folder = gypTree('prebuild');
const prebuildify = join(root, 'node_modules', 'prebuildify', 'bin.js');
const options = ['--target', process.versions.node, '--napi', '--strip', '--tag-libc', '--out', root];
runQuietly('Building the portable binary', process.execPath, [prebuildify, ...options], {
  cwd: folder,
  env: { ...gypEnvironment(), GYP_DEFINES: 'herm_link=static' },
});

const target = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
for (const name of readdirSync(target)) {
  const file = join(target, name);
  const found = process.platform === 'linux' ? strangers(file) : [];
  if (found.length > 0) throw new Error(`${file} is not portable: it needs ${found.join(', ')}.`);
  console.log(file);
}
