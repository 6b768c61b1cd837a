import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptSpool } from '../../lib/file/kept_spool.ts';
import { type CompressOptions, compress } from '../../lib/herm/compress.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { layersModel, RELU } from './support/layers.ts';

let folder: string;
let output: string;
let partial: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-resume-'));
  output = join(folder, 'model.herm');
  partial = `${output}.partial`;
});
afterEach(() => rm(folder, { recursive: true }));

const model = (seed = 1) => bufferSource(serializeSafetensors(layersModel({ seed }), RELU), 'model.safetensors');
const OPTIONS: CompressOptions = { refit: [0.5] };

/** Compresses until the named block is merged, or until another stage begins. */
async function interrupt(at: string, options: CompressOptions = {}, source = model()): Promise<void> {
  const controller = new AbortController();
  const onProgress: CompressOptions['onProgress'] = ({ stage, block }) => {
    if (block === at || stage === at) controller.abort();
  };
  const done = compress(source, output, { ...OPTIONS, ...options, signal: controller.signal, onProgress });
  await expect(done).rejects.toMatchObject({ code: 'ABORTED' });
}

async function uninterrupted(options = OPTIONS, source = model()): Promise<Buffer> {
  const other = join(folder, 'other.herm');
  await compress(source, other, options);
  const bytes = await readFile(other);
  await rm(other);
  return bytes;
}

const resume = (options = OPTIONS, source = model()) => compress(source, output, { ...options, resume: true });

describe('an interrupted compression', () => {
  it('goes on from the groups that are finished, to the same bytes', async () => {
    const merged: (string | undefined)[] = [];
    await interrupt('h.1.fc1', { resume: true });
    expect(await readdir(folder)).toEqual(['model.herm.partial']);
    const onProgress: CompressOptions['onProgress'] = ({ stage, block }) => {
      if (stage === 'merge') merged.push(block);
    };
    const report = await resume({ ...OPTIONS, onProgress });
    expect(report.resumed).toEqual({ reused: ['h.0.fc1'], unusable: undefined });
    expect([...new Set(merged)]).toEqual(['h.1.fc1', 'h.2.fc1']);
    expect(report.merges.map(({ mode }) => mode)).toEqual(['stored', 'stored', 'stored']);
    expect((await readFile(output)).equals(await uninterrupted())).toBe(true);
    expect(await readdir(folder)).toEqual(['model.herm']);
  });

  it('says in its error what is kept, and how to go on', async () => {
    const controller = new AbortController();
    const done = resume({
      ...OPTIONS,
      signal: controller.signal,
      onProgress: ({ stage }) => (stage === 'write' ? controller.abort() : undefined),
    });
    await expect(done).rejects.toMatchObject({
      code: 'ABORTED',
      message: expect.stringMatching(/model\.herm\.partial \(3 of 3 groups of blocks\).*--resume/),
      details: { partial, finished: 3, groups: 3 },
    });
    const { resumed } = await resume();
    expect(resumed?.reused).toEqual(['h.0.fc1', 'h.1.fc1', 'h.2.fc1']);
    expect((await readFile(output)).equals(await uninterrupted())).toBe(true);
  });

  it('may be interrupted again and again', async () => {
    for (const at of ['h.1.fc1', 'h.2.fc1', 'write']) await interrupt(at, { resume: true });
    expect((await resume()).resumed?.reused).toHaveLength(3);
    expect((await readFile(output)).equals(await uninterrupted())).toBe(true);
  });

  it('leaves nothing without the option, and nothing when no group is finished', async () => {
    for (const at of ['read', 'h.0.fc1', 'h.2.fc1', 'write']) await interrupt(at);
    for (const at of ['read', 'h.0.fc1']) await interrupt(at, { resume: true });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('what does not fit is done again', () => {
  it('a group whose bytes are damaged or gone', async () => {
    await interrupt('write', { resume: true });
    const bytes = await readFile(join(partial, 'group-1'));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(partial, 'group-1'), bytes);
    await rm(join(partial, 'group-2'));
    expect((await resume()).resumed).toEqual({
      reused: ['h.0.fc1'],
      unusable: '2 of its groups are damaged',
    });
    expect((await readFile(output)).equals(await uninterrupted())).toBe(true);
  });

  it.each([
    ['damaged', (text: string) => text.replace('"merges":15', '"merges":14'), 'its manifest is damaged'],
    ['cut off', (text: string) => text.slice(0, 100), 'its manifest is damaged'],
    ['empty', () => '', 'its manifest is damaged'],
  ])('everything, if the manifest is %s', async (_, damage, unusable) => {
    await interrupt('write', { resume: true });
    const manifest = join(partial, 'manifest.json');
    await writeFile(manifest, damage(await readFile(manifest, 'utf8')));
    expect((await resume()).resumed).toEqual({ reused: [], unusable });
    expect((await readFile(output)).equals(await uninterrupted())).toBe(true);
  });

  it('everything, if the input is another one', async () => {
    await interrupt('write', { resume: true });
    const { resumed } = await resume(OPTIONS, model(2));
    expect(resumed).toEqual({ reused: [], unusable: 'it was made from another input' });
    expect((await readFile(output)).equals(await uninterrupted(OPTIONS, model(2)))).toBe(true);
  });

  it.each<[string, CompressOptions]>([
    ['refits', { refit: [0.25] }],
    ['activation', { ...OPTIONS, activation: 'gelu' }],
    ['blocks', { ...OPTIONS, blocks: 'h.0.fc1>h.0.fc2' }],
  ])('everything, if the options are others: %s', async (_, options) => {
    await interrupt('write', { resume: true });
    const { resumed } = await resume(options);
    expect(resumed).toEqual({ reused: [], unusable: 'it was made with other options' });
    expect((await readFile(output)).equals(await uninterrupted(options))).toBe(true);
  });

  it('nothing, if only threads and memory are others', async () => {
    await interrupt('write', { resume: true });
    expect((await resume({ ...OPTIONS, threads: 1, memory: 4e9 })).resumed?.reused).toHaveLength(3);
  });
});

it('a directory that is something else is not touched', async () => {
  await mkdir(partial);
  await writeFile(join(partial, 'mine'), 'mine');
  await expect(resume()).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', details: { file: partial } });
  expect(await readFile(join(partial, 'mine'), 'utf8')).toBe('mine');
});

describe('only one run at a time', () => {
  const origin = { input: 'a model', options: 'some' };

  it('goes on from what another one leaves', async () => {
    const spool = await keptSpool(partial, origin, {});
    await expect(keptSpool(partial, origin, {})).rejects.toMatchObject({
      code: 'OUTPUT_EXISTS',
      message: expect.stringContaining('by another compression, of this process. Wait for it'),
      details: { file: partial, process: process.pid },
    });
    await spool.close(true);
    await (await keptSpool(partial, origin, {})).close(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it('of all processes that run', async () => {
    const lock = `${partial}.lock`;
    await writeFile(lock, String(process.ppid));
    await expect(resume()).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', details: { process: process.ppid } });
    expect(await readFile(lock, 'utf8')).toBe(String(process.ppid));
    // Ended ones, one of which had the number that this one has now; and what a crash may leave.
    for (const owner of [spawnSync('true').pid, process.pid, '']) {
      await writeFile(lock, String(owner));
      expect((await resume()).resumed).toEqual({ reused: [], unusable: undefined });
      expect(await readdir(folder)).toEqual(['model.herm']);
    }
  });
});
