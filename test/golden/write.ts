// node scripts/fixtures/golden.mjs
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compress } from '../../lib/index.ts';
import { CASE_NAMES, testFile } from '../decode/support/files.ts';
import { DIGESTS, digests, GOLDEN, type GoldenDigests, goldenName } from '../decode/support/golden.ts';
import { writeSharded } from '../format/support/sharded.ts';
import { writeModel } from '../onnx/support/files.ts';
import { first, network, relu, second } from '../onnx/support/layers.ts';

/** Models whose files count, by name: each is written into a folder; @returns its path. */
const FILES: Readonly<Record<string, (folder: string) => string>> = {
  shards: (folder) => {
    writeSharded(join(folder, 'Test-1B'));
    return join(folder, 'Test-1B');
  },
  onnx: (folder) => writeModel(folder, network([first, relu, second])),
};

/** Compressed with a refit. */
async function compressed(write: (folder: string) => string): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'hermkit-golden-'));
  try {
    await compress(write(folder), join(folder, 'out.herm'), { refit: [0.5] });
    return readFileSync(join(folder, 'out.herm'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('writes the golden files that are missing', async () => {
  const known: Record<string, GoldenDigests> = existsSync(DIGESTS) ? JSON.parse(readFileSync(DIGESTS, 'utf8')) : {};
  for (const name of [...CASE_NAMES, ...Object.keys(FILES)]) {
    const file = goldenName(name);
    if (file in known) continue;
    const write = FILES[name];
    const herm = write ? await compressed(write) : (await testFile(name)).herm;
    const found = await digests(herm, 'native');
    expect(await digests(herm, 'typescript')).toEqual(found);
    writeFileSync(new URL(file, GOLDEN), herm);
    known[file] = found;
  }
  writeFileSync(DIGESTS, `${JSON.stringify(known, undefined, 2)}\n`);
});
