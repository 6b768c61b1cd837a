import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'tsdown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testFile } from './support/files.ts';

/** Reads a .herm file by the bundle beside it; nothing of hermkit's own folder is within reach. */
const SCRIPT = `
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { openHerm } from './decode.mjs';

const file = await openHerm(new Uint8Array(readFileSync('model.herm')));
const hash = createHash('sha256');
for await (const bytes of file.recover()) hash.update(bytes);
console.log(hash.digest('hex') === file.files[0].sha256 && (await file.skeleton()).length);
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-browser-'));
  await build({
    config: false,
    entry: { decode: 'lib/decode/index.ts' },
    outDir: folder,
    platform: 'browser',
    format: 'esm',
    outExtensions: () => ({ js: '.mjs' }),
    dts: false,
    clean: false,
    logLevel: 'error',
    deps: { alwaysBundle: [/./] },
  });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

describe('the decoder in one file for browsers', () => {
  it('imports nothing, neither of Node.js nor else', async () => {
    const scripts = (await readdir(folder)).filter((name) => name.endsWith('.mjs'));
    expect(scripts).toEqual(['decode.mjs']);
    const code = await readFile(join(folder, 'decode.mjs'), 'utf8');
    expect(code).not.toMatch(/^\s*import\b|\bimport\(|\brequire\(|["']node:/m);
  });

  it('decodes where there is no addon', async () => {
    const { herm, made } = await testFile('three layers');
    await writeFile(join(folder, 'model.herm'), herm);
    await writeFile(join(folder, 'check.mjs'), SCRIPT);
    const { stdout } = await promisify(execFile)(process.execPath, ['check.mjs'], { cwd: folder });
    expect(Number(stdout)).toBeGreaterThan(made.tensors.length);
  });
});
