import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { layersModel } from '../format/support/layers.ts';
import { INDEX, writeSharded } from '../format/support/sharded.ts';
import { herm, start, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const FILES = [
  'config.json',
  'empty.txt',
  'model-00001-of-00002.safetensors',
  'model-00002-of-00002.safetensors',
  INDEX,
];
const contents = (path: string) =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]));

beforeAll(async () => {
  writeSharded(at('Net'), 2);
  rmSync(at('Net/tokenizer.model'));
  expect(await herm('compress', at('Net'), '-o', at('net.herm'), '--refit', '50%')).toMatchObject({
    code: 0,
    stderr: '',
  });
});

describe('a directory', () => {
  it('is inspected and compressed as a whole, and what is kept of it is said', async () => {
    const inspected = await herm('inspect', at('Net'), '--json');
    expect(JSON.parse(inspected.stdout)).toMatchObject({ files: FILES.slice(2, 4), tensors: 13 });
    const { stdout } = await herm('compress', at('Net'), '-o', at('again.herm'));
    expect(stdout).toContain(`Kept: ${[...FILES.slice(2, 4), 'config.json', 'empty.txt', INDEX].join(', ')}.\n`);
    const json = JSON.parse((await herm('compress', at('Net'), '-o', at('json.herm'), '--json')).stdout);
    expect(json).toMatchObject({
      files: FILES.slice(2, 4),
      extras: ['config.json', 'empty.txt', INDEX],
      filesLeftOut: [],
    });
  });

  it('is told by info, and verified file by file', async () => {
    const { stdout } = await herm('info', at('net.herm'));
    expect(stdout).toMatch(/original +Net, /);
    expect(stdout).toMatch(/files +2 safetensors, 3 others: model-00001/);
    expect(await herm('verify', at('net.herm'), '--against', at('Net'))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/gives back Net \(5 files, each by its SHA-256\)\.\n.*Net is that directory\./),
    });
    await herm('recover', at('net.herm'), '-o', at('changed'));
    writeFileSync(at('changed/config.json'), '{}');
    expect(await herm('verify', at('net.herm'), '--against', at('changed'))).toMatchObject({ code: 1 });
  });

  it('is recovered byte for byte, and not over another one', async () => {
    const { code, stdout } = await herm('recover', at('net.herm'), '-o', at('back'));
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('5 files, each by its SHA-256'),
    });
    expect(contents(at('back'))).toEqual(contents(at('Net')));
    const again = await herm('recover', at('net.herm'), '-o', at('back'), '--force', '--json');
    expect(JSON.parse(again.stdout).error.code).toBe('OUTPUT_EXISTS');
  });

  it('is expanded to a directory, or to one safetensors file', async () => {
    expect(await herm('expand', at('net.herm'), '--width', '50%', '-o', at('small'))).toMatchObject({ code: 0 });
    expect(readdirSync(at('small'))).toEqual(readdirSync(at('Net')));
    expect(await herm('inspect', at('small'))).toMatchObject({ code: 0, stdout: expect.stringContaining('6 > 8 > 6') });
    const { code } = await herm('expand', at('net.herm'), '--width', '50%', '-o', at('small.safetensors'));
    expect({ code, file: existsSync(at('small.safetensors')) }).toEqual({ code: 0, file: true });
    expect(await herm('inspect', at('small.safetensors'))).toMatchObject({ code: 0 });
  });
});

describe('--resume', () => {
  /** Long enough to be interrupted between two groups. */
  const large = () => writeSharded(at('Large'), 2, layersModel({ layers: 8, inputs: 64, neurons: 512 }));

  it('goes on after Ctrl-C, and says what it keeps and takes over', async () => {
    large();
    const args = ['compress', at('Large'), '-o', at('large.herm'), '--resume'];
    const manifest = join(at('large.herm.partial'), 'manifest.json');
    const { child, finished } = start(...args);
    const begun = () => existsSync(manifest) && readFileSync(manifest, 'utf8').includes('"written"');
    while (child.exitCode === null && !begun()) await setTimeout(1);
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: expect.stringMatching(
        /no output was written\. What is done is kept in .*large\.herm\.partial \(\d of 8 groups/,
      ),
    });
    expect(existsSync(at('large.herm'))).toBe(false);
    const resumed = await herm(...args);
    expect(resumed).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/Reused of .*large\.herm\.partial: h\.0\.fc1/),
    });
    expect(existsSync(at('large.herm.partial'))).toBe(false);
    await herm('compress', at('Large'), '-o', at('whole.herm'));
    expect(readFileSync(at('large.herm')).equals(readFileSync(at('whole.herm')))).toBe(true);
  });

  it('does the same as without it when there is nothing to go on from', async () => {
    const { code, stdout, stderr } = await herm('compress', at('Net'), '-o', at('fresh.herm'), '--resume', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout).resumed).toEqual({ reused: [] });
    expect(existsSync(at('fresh.herm.partial'))).toBe(false);
  });
});
