import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHerm } from '../../lib/file/read.ts';
import { compress } from '../../lib/herm/compress.ts';
import { readSafetensorsHeader, serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { withHeader } from './support/header.ts';
import { layersModel, RELU } from './support/layers.ts';
import { CONFIG, INDEX, shardName, writeSharded } from './support/sharded.ts';

let folder: string;
let model: string;
let herm: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-files-'));
  model = join(folder, 'Test-1B');
  herm = join(folder, 'test.herm');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What is in a directory. */
const contents = (path: string) =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]));
const FILES = [0, 1, 2].map((at) => shardName(at, 3));
const EXTRAS = ['config.json', 'empty.txt', INDEX, 'tokenizer.model'];

describe('a model of several files', () => {
  it('comes back as the same directory', async () => {
    writeSharded(model);
    const report = await compress(model, herm, { refit: [0.5] });
    expect(report).toMatchObject({ files: FILES, extras: EXTRAS, filesLeftOut: [] });
    expect(report.blocks.map(({ name }) => name)).toEqual(['h.0.fc1', 'h.1.fc1', 'h.2.fc1']);
    const file = await openHerm(await fileSource(herm));
    expect(file.original).toMatchObject({ name: 'Test-1B', directory: true, sha256: null });
    expect(file.original.size).toBe(Object.values(contents(model)).reduce((sum, { length }) => sum + length, 0));
    await expect(file.verify()).resolves.toMatchObject({ complete: true });
    const back = join(folder, 'back');
    await file.recoverTo(back);
    expect(contents(back)).toEqual(contents(model));
    await file.close();
    expect(readdirSync(folder).sort()).toEqual(['Test-1B', 'back', 'test.herm']);
  });

  it('gives each of its files by name, and asks for one', async () => {
    writeSharded(model);
    await compress(model, herm);
    const file = await openHerm(await fileSource(herm));
    for (const [name, bytes] of Object.entries(contents(model))) {
      const parts: Uint8Array[] = [];
      for await (const part of file.recover({ file: name })) parts.push(part);
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    }
    for (const name of [undefined, 'other.safetensors']) {
      await expect(file.recover({ file: name })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
        message: expect.stringContaining('"config.json"'),
      });
    }
    await file.close();
  });

  it('has the same levels and skeletons as the same tensors in one file', async () => {
    writeSharded(model);
    await compress(model, herm);
    const single = join(folder, 'single.safetensors');
    writeFileSync(single, serializeSafetensors(layersModel(), RELU));
    await compress(single, `${single}.herm`);
    const [several, one] = [await openHerm(await fileSource(herm)), await openHerm(await fileSource(`${single}.herm`))];
    expect(several.ladder).toEqual(one.ladder);
    expect(several.errors).toEqual(one.errors);
    const byName = async (file: typeof one) => {
      const { tensors } = await file.skeleton(0.5);
      return new Map(tensors.map((tensor) => [tensor.name, tensor]));
    };
    expect(await byName(several)).toEqual(await byName(one));
    await Promise.all([several.close(), one.close()]);
  });

  it('by its index is the shards and the index alone', async () => {
    writeSharded(model);
    const report = await compress(join(model, INDEX), herm);
    expect(report).toMatchObject({ files: FILES, extras: [INDEX] });
  });

  it('may be one safetensors file and what lies beside it', async () => {
    mkdirSync(model);
    writeFileSync(join(model, 'model.safetensors'), serializeSafetensors(layersModel(), RELU));
    writeFileSync(join(model, 'config.json'), CONFIG);
    await compress(model, herm);
    const file = await openHerm(await fileSource(herm));
    await file.recoverTo(join(folder, 'back'));
    expect(contents(join(folder, 'back'))).toEqual(contents(model));
    await file.close();
  });

  it('says which files of its directory it keeps, and which not', async () => {
    writeSharded(model);
    mkdirSync(join(model, 'onnx'));
    writeFileSync(join(model, 'old.herm'), 'x');
    writeFileSync(join(model, 'pytorch_model.bin'), '');
    truncateSync(join(model, 'pytorch_model.bin'), 2 ** 26 + 1);
    // As in the cache of Hugging Face's hub.
    writeFileSync(join(folder, 'blob'), 'text');
    symlinkSync(join(folder, 'blob'), join(model, 'merges.txt'));
    const report = await compress(model, herm);
    expect(report.extras).toEqual(['config.json', 'empty.txt', 'merges.txt', INDEX, 'tokenizer.model']);
    expect(report.filesLeftOut).toEqual(['old.herm', 'onnx', 'pytorch_model.bin']);
  });

  it('is not overwritten by its output, in any of its files', async () => {
    writeSharded(model);
    const before = contents(model);
    for (const name of [FILES[1]!, 'config.json']) {
      await expect(compress(model, join(model, name))).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    }
    expect(contents(model)).toEqual(before);
  });
});

describe('writing a model of several files', () => {
  it('a skeleton has the same shards, and an index with their new size', async () => {
    const shards = writeSharded(model);
    await compress(model, herm);
    const file = await openHerm(await fileSource(herm));
    const skeleton = await file.skeleton(0.5);
    const small = join(folder, 'small');
    const { files } = await file.writeSkeleton(small, skeleton);
    expect(files).toEqual([...FILES, ...EXTRAS]);
    let total = 0;
    for (const [name, tensors] of Object.entries(shards)) {
      const header = await readSafetensorsHeader(bufferSource(readFileSync(join(small, name)), name));
      expect(header.tensors.map((info) => info.name).sort()).toEqual(tensors.map((info) => info.name).sort());
      expect(header.metadata).toEqual(RELU);
      for (const { begin, end } of header.tensors) total += end - begin;
    }
    const [index, before] = [small, model].map((path) => JSON.parse(readFileSync(join(path, INDEX), 'utf8')));
    expect(index).toEqual({ ...before, metadata: { total_size: total } });
    expect(readFileSync(join(small, 'config.json'), 'utf8')).toBe(CONFIG);
    // A model like any other.
    await compress(small, join(folder, 'again.herm'));

    await file.writeSkeleton(join(folder, 'small.safetensors'), skeleton);
    const one = await readSafetensorsHeader(bufferSource(readFileSync(join(folder, 'small.safetensors'))));
    expect(one.tensors).toHaveLength(Object.values(shards).flat().length);
    await file.close();
  });

  it('takes no directory that is there, unless it is empty, and no file', async () => {
    writeSharded(model);
    await compress(model, herm);
    const file = await openHerm(await fileSource(herm));
    await expect(file.recoverTo(model)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await expect(file.recoverTo(herm)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    mkdirSync(join(folder, 'empty'));
    await file.recoverTo(join(folder, 'empty'));
    expect(contents(join(folder, 'empty'))).toEqual(contents(model));
    await file.close();
  });

  it('leaves nothing when it is aborted, or what comes back is not the original', async () => {
    writeSharded(model);
    await compress(model, herm);
    const file = await openHerm(await fileSource(herm));
    for (const when of [0, 0.5, 1]) {
      const controller = new AbortController();
      const onProgress = (done: number) => (done >= when ? controller.abort() : undefined);
      const done = file.recoverTo(join(folder, 'back'), { signal: controller.signal, onProgress });
      await expect(done).rejects.toMatchObject({ code: 'ABORTED' });
    }
    await file.close();
    for (const list of ['files', 'extras'] as const) {
      const other = await withHeader(readFileSync(herm), (header) => {
        header[list].at(-1)!.sha256 = '0'.repeat(64);
      });
      await expect((await openHerm(other)).recoverTo(join(folder, 'back'))).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
    }
    expect(readdirSync(folder).sort()).toEqual(['Test-1B', 'test.herm']);
  });
});

describe('names of files', () => {
  const hostile = [
    '',
    '.',
    '..',
    '../evil',
    '/etc/passwd',
    'a/b',
    'a\\b',
    'C:evil',
    'nul\0',
    'x'.repeat(256),
    '\ud800',
  ];

  it.each(hostile)('in a .herm file cannot lead out of the directory: %j', async (name) => {
    writeSharded(model);
    await compress(model, herm);
    for (const list of ['files', 'extras'] as const) {
      const evil = await withHeader(readFileSync(herm), (header) => {
        header[list][0]!.name = name;
      });
      await expect(openHerm(evil)).rejects.toMatchObject({ code: 'HERM_NAME' });
    }
  });

  it('in a .herm file are there once, whatever their case', async () => {
    writeSharded(model);
    await compress(model, herm);
    for (const name of ['tokenizer.model', 'Tokenizer.MODEL', FILES[0]!]) {
      const evil = await withHeader(readFileSync(herm), (header) => {
        header.extras[0]!.name = name;
      });
      await expect(openHerm(evil)).rejects.toMatchObject({ code: 'HERM_NAME' });
    }
  });

  it('in an index cannot lead out of the directory', async () => {
    writeSharded(model);
    for (const shard of ['../other.safetensors', '/x.safetensors']) {
      writeFileSync(join(model, INDEX), JSON.stringify({ weight_map: { a: shard } }));
      await expect(compress(model, herm)).rejects.toMatchObject({ code: 'HERM_NAME' });
    }
  });

  it('that differ in case only are refused when compressing', async () => {
    writeSharded(model);
    writeFileSync(join(model, 'Config.json'), CONFIG);
    await expect(compress(model, herm)).rejects.toMatchObject({ code: 'HERM_NAME', details: { name: 'config.json' } });
  });
});

describe('an index that does not fit its shards', () => {
  const change = (edit: (map: object) => unknown) => {
    const index = JSON.parse(readFileSync(join(model, INDEX), 'utf8'));
    edit(index.weight_map);
    writeFileSync(join(model, INDEX), JSON.stringify(index));
  };
  const [first, second] = FILES as [string, string];

  it.each<[string, RegExp, () => void]>([
    [
      'names a tensor that is nowhere',
      /"nowhere" is not in model-00001/,
      () => change((map) => Object.assign(map, { nowhere: first })),
    ],
    [
      'names another shard',
      /"embedding" should be in .*00002.* is in .*00001/,
      () => change((map) => Object.assign(map, { embedding: second })),
    ],
    [
      'leaves out a tensor',
      /does not list tensor "embedding" of .*00001/,
      () => change((map) => Reflect.deleteProperty(map, 'embedding')),
    ],
    ['is not there', /3 safetensors files, and no/, () => rmSync(join(model, INDEX))],
    ['is there twice', /2 indexes/, () => writeFileSync(join(model, 'other.safetensors.index.json'), '{}')],
    ['is no JSON', /index\.json .* not a JSON object/, () => writeFileSync(join(model, INDEX), '{"weight_map"')],
    ['is empty', /weight_map/, () => writeFileSync(join(model, INDEX), '{}')],
    ['maps to no names', /weight_map/, () => writeFileSync(join(model, INDEX), '{"weight_map":{"a":1}}')],
    ['lacks a shard', /"model-00002-of-00003.safetensors" is missing/, () => rmSync(join(model, second))],
    [
      'does not know a shard',
      /does not list the file "stray.safetensors"/,
      () => writeFileSync(join(model, 'stray.safetensors'), serializeSafetensors([])),
    ],
    [
      'has a tensor in two shards',
      /"embedding" is in two files, .*00001.* and .*00002/,
      () => writeFileSync(join(model, second), serializeSafetensors(layersModel().slice(0, 1))),
    ],
    [
      'has no shards',
      /"model-00001-of-00003.safetensors" is missing/,
      () => FILES.forEach((name) => void rmSync(join(model, name))),
    ],
  ])('%s', async (_, message, damage) => {
    writeSharded(model);
    damage();
    await expect(compress(model, herm)).rejects.toMatchObject({
      code: 'MODEL_FILES',
      message: expect.stringMatching(message),
    });
    expect(readdirSync(folder)).toEqual(['Test-1B']);
  });
});
