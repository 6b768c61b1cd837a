import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromFloat64, serializeSafetensors } from '../../lib/index.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();

beforeAll(async () => {
  await herm('compress', LENET, '-o', at('net.herm'));
  const whole = readFileSync(at('net.herm'));
  writeFileSync(at('short.herm'), whole.subarray(0, whole.length / 2));
  await herm('expand', at('net.herm'), '--width', '10%', '-o', at('small.safetensors'));
  writeFileSync(at('stub.herm'), whole.subarray(0, 20));
  const damaged = Uint8Array.from(whole);
  damaged[whole.length - 1000]! ^= 1;
  writeFileSync(at('damaged.herm'), damaged);
  writeFileSync(at('text.txt'), 'This is neither a model nor a .herm file.\n');
  writeFileSync(at('taken.safetensors'), 'kept');
  mkdirSync(at('folder'));
  const weights = [fromFloat64([1, 2], 'F32', 'fc1.weight', [2, 1]), fromFloat64([1, 2], 'F32', 'fc2.weight', [1, 2])];
  writeFileSync(at('silent.safetensors'), serializeSafetensors(weights));
});

/** [what, arguments, code, part of the message]; `@x` is the file x in the test's folder. */
const CASES: [string, string[], string, string][] = [
  ['a missing model', ['compress', '@no.safetensors', '-o', '@new'], 'IO', 'no such file'],
  ['a missing .herm file', ['info', '@no.herm'], 'IO', 'no such file'],
  ['a folder without a model', ['inspect', '@folder'], 'MODEL_FILES', 'no safetensors files'],
  ['a model that is none', ['compress', '@text.txt', '-o', '@new'], 'SAFETENSORS_HEADER_TOO_LARGE', 'text.txt'],
  ['a .herm file that is none', ['info', '@text.txt'], 'HERM_MAGIC', 'is not a .herm file'],
  ['a model for a .herm file', ['recover', LENET, '-o', '@new'], 'HERM_MAGIC', 'herm compress'],
  ['a truncated file', ['recover', '@short.herm', '-o', '@new'], 'HERM_TRUNCATED', 'only the beginning'],
  ['a file truncated in its header', ['info', '@stub.herm'], 'HERM_TRUNCATED', 'ends inside its header'],
  ['a width beyond a truncation', ['expand', '@short.herm', '--width', '300', '-o', '@new'], 'WIDTH', 'up to 150'],
  ['a share beyond a truncation', ['expand', '@short.herm', '--width', '100%', '-o', '@new'], 'WIDTH', 'Download more'],
  ['recovering a damaged file', ['recover', '@damaged.herm', '-o', '@new'], 'HERM_CHECKSUM', 'damaged'],
  ['a width of no neurons', ['expand', '@net.herm', '--width', 'fc1=0', '-o', '@new'], 'WIDTH', 'from 1 to 300, not 0'],
  ['too large a width', ['expand', '@net.herm', '--width', 'fc1=301', '-o', '@new'], 'WIDTH', 'from 1 to 300, not 301'],
  ['an unknown block to expand', ['expand', '@net.herm', '--width', 'fc9=50%', '-o', '@new'], 'WIDTH', '"fc1", "fc2"'],
  ['an unknown block to analyse', ['sca', LENET, '--block', 'fc9'], 'BAD_ARGUMENT', '"fc1", "fc2"'],
  ['an unknown neuron', ['gid', LENET, '--block', 'fc2', '--pair', '1,100'], 'BAD_ARGUMENT', '0 to 99'],
  ['an unknown neuron of a group', ['sca', LENET, '--block', 'fc2', '--group', '1,100'], 'BAD_ARGUMENT', '0 to 99'],
  [
    'an existing output',
    ['expand', '@net.herm', '--width', '9', '-o', '@taken.safetensors'],
    'OUTPUT_EXISTS',
    '--force',
  ],
  ['the input as output', ['compress', LENET, '-o', LENET, '--force'], 'OUTPUT_EXISTS', 'is the input itself'],
  ...(
    [
      ['samples', ['compress', LENET, '--samples', 'fc1=@taken.safetensors', '-o', '@taken.safetensors']],
      ['a plan', ['expand', '@net.herm', '--plan', '@taken.safetensors', '-o', '@taken.safetensors']],
      ['a tree', ['grow', '@small.safetensors', '--tree', '@net.herm', '--width', '50%', '-o', '@net.herm']],
      ['a sensitivity', ['plan', '@net.herm', '--params', '40%', '--sensitivity', '@text.txt', '-o', '@text.txt']],
      ['samples to measure on', ['sensitivity', '@net.herm', '--samples', '@text.txt', '-o', '@text.txt']],
      ['a plan to show', ['report', '@net.herm', '--plan', '@text.txt', '-o', '@text.txt']],
    ] as const
  ).map(([what, args]): [string, string[], string, string] => [
    `${what} as output`,
    [...args, '--force'],
    'OUTPUT_EXISTS',
    'is the input itself',
  ]),
  ['an output in no folder', ['compress', LENET, '-o', '@no/new'], 'IO', 'no such file or directory'],
  ['an output that is a folder', ['compress', LENET, '-o', '@folder', '--force'], 'IO', 'not a regular file'],
  ['an output below a file', ['recover', '@net.herm', '-o', '@text.txt/new'], 'IO', 'not a directory'],
  ['too little memory', ['compress', LENET, '-o', '@new', '--memory', '1MB'], 'OUT_OF_MEMORY', '977 KiB are allowed'],
  ['an unknown activation', ['compress', LENET, '-o', '@new', '--activation', 'swiglu'], 'ACTIVATION', '"swiglu"'],
  ['no activation', ['compress', '@silent.safetensors', '-o', '@new'], 'ACTIVATION', '--activation'],
  ['blocks that do not fit', ['compress', LENET, '-o', '@new', '--blocks', 'fc1>fc3'], 'BLOCK_SHAPE', 'fc3.weight'],
  [
    'blocks that do not exist',
    ['compress', LENET, '-o', '@new', '--blocks', 'fc1>fc9'],
    'TENSOR_MISSING',
    'fc9.weight',
  ],
  ['blocks that are no blocks', ['compress', LENET, '-o', '@new', '--blocks', 'fc1'], 'BLOCK_SPEC', 'fc1>fc2,fc2>fc3'],
];

describe('errors', () => {
  it.each(CASES)('%s: code, message, exit code 1, no output', async (_, templates, code, part) => {
    const args = templates.map((arg) => arg.replace(/@(.*)/, (_, name) => at(name)));
    const result = await herm(...args, '--json');
    expect(result).toMatchObject({ code: 1, stderr: '' });
    const { error } = JSON.parse(result.stdout);
    expect(error).toEqual({ code, message: expect.stringContaining(part), details: expect.any(Object) });
    expect(existsSync(at('new'))).toBe(false);
    expect(readFileSync(at('taken.safetensors'), 'utf8')).toBe('kept');
    expect(readdirSync(at('.')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('are one line on stderr without --json, also with --quiet', async () => {
    const expected = {
      code: 1,
      stdout: '',
      stderr: `error HERM_MAGIC: ${at('text.txt')} is not a .herm file. Compress a model first: herm compress.\n`,
    };
    expect(await herm('info', at('text.txt'))).toEqual(expected);
    expect(await herm('info', at('text.txt'), '--quiet')).toEqual(expected);
  });

  it('does not call a truncated file whole', async () => {
    const { code, stdout } = await herm('verify', at('short.herm'));
    expect(code).toBe(1);
    expect(stdout).toContain('only the beginning');
    const json = await herm('verify', at('short.herm'), '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, complete: false });
  });

  it('replaces an output with --force', async () => {
    writeFileSync(at('old.safetensors'), 'old');
    expect(await herm('recover', at('net.herm'), '-o', at('old.safetensors'), '--force', '-q')).toMatchObject({
      code: 0,
    });
    expect(readFileSync(at('old.safetensors')).equals(readFileSync(LENET))).toBe(true);
  });
});
