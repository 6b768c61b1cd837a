// A published binary on the system that it is for: the golden files decode to the bytes that they have everywhere, and a
// net that is compressed here comes back. Runs in that system's Node, with nothing but Node and an installed hermkit:
//   node scripts/checks/prebuilt.mjs FOLDER     FOLDER/node_modules/hermkit is what is checked
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(join(resolve(process.argv[2]), 'package.json'));
const { compress, openHerm } = require('hermkit');
const { openHerm: openPlainly } = require('hermkit/decode');

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function tensorsDigest(tensors) {
  const hash = createHash('sha256');
  for (const { name, dtype, shape, data } of tensors) hash.update(JSON.stringify([name, dtype, shape])).update(data);
  return hash.digest('hex');
}

/** Both as test/decode/support/golden.ts makes them. */
async function checkGolden(folder, name, { files, skeletons }) {
  const bytes = new Uint8Array(readFileSync(join(folder, name)));
  const { blocks, ladder, refits } = (await openPlainly(bytes)).header;
  const file = await openHerm(bytes);
  for (const [original, digest] of Object.entries(files)) {
    const hash = createHash('sha256');
    for await (const part of file.recover({ file: original })) hash.update(part);
    assert.equal(hash.digest('hex'), digest, `${name}: ${original}`);
  }
  let compared = 0;
  for (const level of [...ladder, ...refits.map(({ widths }) => widths)]) {
    const widths = Object.fromEntries(blocks.map((block, i) => [block.name, level[i]]));
    const plain = tensorsDigest((await file.skeleton(widths, { refit: false })).tensors);
    assert.equal(plain, skeletons[level.join(' ')], `${name} at ${level.join(' ')}`);
    const refitted = tensorsDigest((await file.skeleton(widths, { refit: true })).tensors);
    assert.equal(
      refitted,
      skeletons[`${level.join(' ')} refitted`] ?? plain,
      `${name} at ${level.join(' ')}, refitted`,
    );
    compared += 1;
  }
  return compared;
}

/** Written twice to the same place and read back; and a directory of shards, written where an empty one is. */
async function checkRoundTrip(folder) {
  const model = join(root, 'test', 'fixtures', 'lenet', 'relu.safetensors');
  const herm = join(folder, 'lenet.herm');
  await compress(model, herm, { refit: [0.5] });
  const { bytes } = await compress(model, herm, { refit: [0.5] });
  const file = await openHerm(herm);
  await file.recoverTo(join(folder, 'back.safetensors'));
  await file.close();
  assert.equal(sha256(readFileSync(join(folder, 'back.safetensors'))), sha256(readFileSync(model)));
  mkdirSync(join(folder, 'shards'));
  await (await openHerm(new Uint8Array(readFileSync(join(golden, 'shards.herm'))))).recoverTo(join(folder, 'shards'));
  return { bytes, shards: readdirSync(join(folder, 'shards')).length, left: readdirSync(folder).sort() };
}

const golden = join(root, 'test', 'golden', 'v1');
const digests = Object.entries(JSON.parse(readFileSync(join(golden, 'digests.json'), 'utf8')));
let skeletons = 0;
for (const [name, expected] of digests) skeletons += await checkGolden(golden, name, expected);
console.log(`${digests.length} golden files, ${skeletons} skeletons: the bytes that they have everywhere`);

const folder = mkdtempSync(join(tmpdir(), 'hermkit-prebuilt-'));
try {
  const { bytes, shards, left } = await checkRoundTrip(folder);
  assert.deepEqual(left, ['back.safetensors', 'lenet.herm', 'shards']);
  console.log(`LeNet compressed to ${bytes} bytes and recovered; a directory of ${shards} files written`);
} finally {
  rmSync(folder, { recursive: true });
}
