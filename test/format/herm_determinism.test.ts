import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { makeCase } from './support/case.ts';
import { compress } from './support/herm.ts';
import { extremes } from './support/values.ts';

const DECODER = fileURLToPath(new URL('./support/decode.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hermkit-determinism-'));
const path = join(folder, 'model.herm');

async function inProcess(env: Record<string, string>, threads: number): Promise<string[]> {
  const options = { env: { ...process.env, ...env } };
  const { stdout } = await promisify(execFile)(process.execPath, [DECODER, path, String(threads)], options);
  return JSON.parse(stdout);
}

function inWorker(threads: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    new Worker(DECODER, { workerData: { path, threads } }).once('message', resolve).once('error', reject);
  });
}

describe('decoding gives the same bytes', () => {
  let original: string;
  let expected: string[];

  beforeAll(async () => {
    const made = makeCase({ sizes: [70, 90, 80, 5], dtypes: ['F32', 'F64', 'BF16'], values: extremes });
    const bytes = serializeSafetensors(made.tensors);
    original = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(path, await compress(bytes, made.blocks, made.trees));
    expected = await inProcess({}, 1);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('as the original has, at the end of a process of its own', () => {
    expect(expected.at(-1)).toBe(original);
  });

  it.each(['Prescott', 'Nehalem', 'Haswell', 'SkylakeX'])('with the OpenBLAS kernels of %s', async (core) => {
    expect(await inProcess({ OPENBLAS_CORETYPE: core, OPENBLAS_NUM_THREADS: '2' }, 2)).toEqual(expected);
  });

  it.each([2, 3, 8])('with %i threads', async (threads) => {
    expect(await inProcess({}, threads)).toEqual(expected);
  });

  it('in several worker threads at once', async () => {
    const found = await Promise.all([inWorker(1), inWorker(2), inWorker(4)]);
    expect(found).toEqual([expected, expected, expected]);
  });
});
