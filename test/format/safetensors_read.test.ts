import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSafetensorsHeader, readTensor } from '../../lib/model/safetensors.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { entry, fileOf, readHeader } from './safetensors_builder.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-read-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('what the reference accepts', () => {
  test('one tensor', async () => {
    const bytes = fileOf(
      `{"t":${entry()}}`,
      Uint8Array.from({ length: 16 }, (_, i) => i),
    );
    const header = await readHeader(bytes);
    expect(header.tensors).toEqual([{ name: 't', dtype: 'I32', shape: [2, 2], begin: 0, end: 16 }]);
    expect(header.metadata.size).toBe(0);
    expect(header.fileSize).toBe(bytes.byteLength);
    expect(header.dataOffset).toBe(bytes.byteLength - 16);
    expect(Buffer.compare(header.raw, bytes.subarray(0, header.dataOffset))).toBe(0);
  });

  test('no tensors at all', async () => {
    expect((await readHeader(fileOf('{}'))).tensors).toEqual([]);
    expect((await readHeader(fileOf('{"__metadata__":{}}'))).tensors).toEqual([]);
  });

  test('a scalar and empty tensors, those at one offset in header order', async () => {
    const empty = (at: number): string => entry({ dtype: 'F32', shape: [3, 0], data_offsets: [at, at] });
    const scalar = entry({ dtype: 'F32', shape: [], data_offsets: [0, 4] });
    const { tensors } = await readHeader(fileOf(`{"z":${empty(4)},"s":${scalar},"b":${empty(0)},"a":${empty(4)}}`, 4));
    expect(tensors.map(({ name }) => name)).toEqual(['b', 's', 'z', 'a']);
    expect(tensors[1]).toEqual({ name: 's', dtype: 'F32', shape: [], begin: 0, end: 4 });
  });

  test('a dimension of any size after a 0', async () => {
    const fields = { shape: [0, 2 ** 40, 2 ** 40], data_offsets: [0, 0] };
    expect((await readHeader(fileOf(`{"t":${entry(fields)}}`))).tensors[0]?.shape).toEqual(fields.shape);
  });

  test('dimensions before a 0 whose product just fits 64 bits', async () => {
    const fields = { shape: [2 ** 32, 2 ** 31, 0], data_offsets: [0, 0] };
    expect((await readHeader(fileOf(`{"t":${entry(fields)}}`))).tensors[0]?.shape).toEqual(fields.shape);
  });

  test('keys in any order, tensors in any order', async () => {
    const header = `{"b":{"data_offsets":[2,3],"shape":[1],"dtype":"U8"},"__metadata__":{"k":"v"},"a":{"shape":[1],"data_offsets":[0,2],"dtype":"F16"}}`;
    const { tensors, metadata } = await readHeader(fileOf(header, 3));
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b']);
    expect([...metadata]).toEqual([['k', 'v']]);
  });

  test('JSON white space anywhere between tokens, also before and after', async () => {
    const header = ' \t\r\n{ "t" :\n{"dtype"\t: "U8" , "shape":[ 2 ],\r\n"data_offsets":[ 0 , 2 ] } }\r \t\n';
    expect((await readHeader(fileOf(header, 2))).tensors).toHaveLength(1);
  });

  test('fields that mean nothing, of any value and 126 levels deep', async () => {
    const values = [
      'null',
      '-1.5e-3',
      '"\\ud83d\\ude00"',
      '[[],{"x":[{"x":1,"x":2}]}]',
      `${'['.repeat(125)}${']'.repeat(125)}`,
    ];
    const fields = values.map((value, i) => `"x${i}":${value}`).join(',');
    const header = `{"t":${entry().replace('{', `{${fields},`)}}`;
    expect((await readHeader(fileOf(header, 16))).tensors).toHaveLength(1);
  });

  test('metadata of strings, of none, or null', async () => {
    const read = async (value: string): Promise<unknown> => [
      ...(await readHeader(fileOf(`{"__metadata__":${value}}`))).metadata,
    ];
    expect(await read('{"format":"pt","":"\\u0000\\n\\"é","__proto__":"x"}')).toEqual([
      ['format', 'pt'],
      ['', '\0\n"é'],
      ['__proto__', 'x'],
    ]);
    expect(await read('{}')).toEqual([]);
    expect(await read('null')).toEqual([]);
  });

  test.each([
    ['BOOL', [3], 3],
    ['F4', [2, 3], 3],
    ['F6_E2M3', [4], 3],
    ['F6_E3M2', [2, 2], 3],
    ['U8', [3], 3],
    ['I8', [3], 3],
    ['F8_E5M2', [3], 3],
    ['F8_E4M3', [3], 3],
    ['F8_E8M0', [3], 3],
    ['F8_E4M3FNUZ', [3], 3],
    ['F8_E5M2FNUZ', [3], 3],
    ['I16', [3], 6],
    ['U16', [3], 6],
    ['F16', [3], 6],
    ['BF16', [3], 6],
    ['I32', [3], 12],
    ['U32', [3], 12],
    ['F32', [3], 12],
    ['C64', [3], 24],
    ['F64', [3], 24],
    ['I64', [3], 24],
    ['U64', [3], 24],
  ])('dtype %s, whose bytes pass through', async (dtype, shape, size) => {
    const data = Uint8Array.from({ length: size }, (_, i) => 200 + i);
    const source = bufferSource(fileOf(`{"t":${entry({ dtype, shape, data_offsets: [0, size] })}}`, data));
    const header = await readSafetensorsHeader(source);
    expect(await readTensor(source, header, header.tensors[0]!)).toEqual({ name: 't', dtype, shape, data });
  });

  test.each([
    '__proto__',
    'constructor',
    'toString',
    '',
    ' ',
    '0',
    'é',
    '\u{1f600}',
    '\ufeff',
    'x\ufeff',
    'a\0b',
    '__metadata',
    '"\\/',
  ])('the tensor name %j', async (name) => {
    const others =
      '"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},';
    const { tensors } = await readHeader(fileOf(`{${others}${JSON.stringify(name)}:${entry()}}`, 16));
    expect(tensors.map((info) => info.name)).toEqual(['a', 'x', name]);
    expect(Object.hasOwn(Object.prototype, 'dtype')).toBe(false);
  });

  test('a header of the largest size', async () => {
    const header = Buffer.alloc(100_000_000, 0x20);
    header.write('{}');
    expect((await readHeader(fileOf(header))).dataOffset).toBe(100_000_008);
  });
});

describe('hostile headers of the largest size end in an error', () => {
  const SIZE = 100_000_000;
  test.each([
    [
      'nested arrays',
      () => Buffer.concat([Buffer.from('{"a":{"x":'), Buffer.alloc(SIZE - 10, '[')]),
      /deeper than 127/,
    ],
    ['nested objects', () => Buffer.alloc(SIZE, '{"a":'), /deeper than 127/],
    [
      'one long string of escapes',
      () => Buffer.concat([Buffer.from('{"'), Buffer.alloc(SIZE - 2, '\\n')]),
      /escape sequences/,
    ],
    [
      'white space',
      () => Buffer.concat([Buffer.from('{'), Buffer.alloc(SIZE - 2, ' '), Buffer.from('}')]),
      /blanks in a row/,
    ],
    ['one long number', () => Buffer.concat([Buffer.from('{"a":{"x":'), Buffer.alloc(SIZE - 10, '9')]), /out of range/],
    [
      'a shape without end',
      () => Buffer.concat([Buffer.from('{"a":{"shape":['), Buffer.alloc(SIZE - 15, '1,')]),
      /too many numbers/,
    ],
  ])('%s', async (_, header, message) => {
    await expect(readHeader(fileOf(header()))).rejects.toMatchObject({
      code: expect.stringMatching(/^SAFETENSORS_(JSON|SHAPE)$/),
      message: expect.stringMatching(message),
    });
  });
});

describe('files', () => {
  test('of more than 2 GiB: a tensor beyond 2^31, and one across it that takes several reads', async () => {
    const path = join(folder, 'large.safetensors');
    const before = 2 ** 31 - 150 * 2 ** 20;
    const across = 300 * 2 ** 20;
    const offsets = [0, before, before + across, before + across + 8] as const;
    const part = (i: 0 | 1 | 2, dtype: string, shape: readonly number[]): string =>
      entry({ dtype, shape, data_offsets: [offsets[i], offsets[i + 1]] });
    const head = fileOf(`{"a":${part(0, 'U8', [before])},"b":${part(1, 'U8', [across])},"c":${part(2, 'F32', [2])}}`);
    const file = await open(path, 'w');
    await file.write(head);
    await file.truncate(head.byteLength + offsets[3]);
    await file.write(Buffer.from([7]), 0, 1, head.byteLength + before);
    await file.write(Buffer.from([9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]), 0, 9, head.byteLength + offsets[2] - 1);
    await file.close();

    const source = await fileSource(path);
    const header = await readSafetensorsHeader(source);
    const [, b, c] = header.tensors;
    expect((await readTensor(source, header, c!)).data).toEqual(Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0x40));
    const { data } = await readTensor(source, header, b!);
    await source.close();
    await rm(path);
    expect(data.byteLength).toBe(across);
    expect([data[0], data[1], data.at(-2), data.at(-1)]).toEqual([7, 0, 0, 9]);
  });

  test('are read as memory is', async () => {
    const path = join(folder, 'small.safetensors');
    const bytes = fileOf(`{"t":${entry()}}`, Buffer.from('0123456789abcdef'));
    await writeFile(path, bytes);
    const source = await fileSource(path);
    const header = await readSafetensorsHeader(source);
    expect(source).toMatchObject({ name: path, size: bytes.byteLength });
    expect(Buffer.from((await readTensor(source, header, header.tensors[0]!)).data).toString()).toBe(
      '0123456789abcdef',
    );
    expect(header.raw).toEqual(new Uint8Array(bytes.subarray(0, -16)));
    await source.close();
  });

  test('are named when they are missing or not files', async () => {
    const missing = join(folder, 'missing.safetensors');
    await expect(fileSource(missing)).rejects.toMatchObject({
      name: 'HermError',
      code: 'IO',
      message: `Cannot read ${missing}: no such file or directory; check the path.`,
    });
    await expect(fileSource(folder)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('not a regular file'),
    });
  });

  test('that shrink while they are read give an error, not zeros', async () => {
    const path = join(folder, 'shrinking');
    await writeFile(path, Buffer.alloc(100));
    const source = await fileSource(path);
    const file = await open(path, 'r+');
    await file.truncate(50);
    await file.close();
    await expect(source.read(40, 60)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('became shorter'),
    });
    await source.close();
  });

  test.each([
    [90, 11],
    [101, 0],
    [-1, 2],
    [0, -1],
    [0.5, 1],
    [0, 2 ** 60],
    [Number.NaN, 1],
  ])('are not read outside: %d + %d of 100 bytes', async (offset, length) => {
    const path = join(folder, 'hundred');
    await writeFile(path, Buffer.alloc(100));
    const file = await fileSource(path);
    for (const source of [file, bufferSource(Buffer.alloc(100), 'memory')]) {
      await expect(source.read(offset, length)).rejects.toMatchObject({
        code: 'IO',
        message: expect.stringContaining('it has 100 bytes'),
      });
    }
    await file.close();
  });

  test('too large a piece for one buffer is an error that says so', async () => {
    const path = join(folder, 'huge');
    const file = await open(path, 'w');
    await file.truncate(2 ** 43);
    await file.close();
    const source = await fileSource(path);
    await expect(source.read(0, 2 ** 43)).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      details: { file: path, length: 2 ** 43 },
    });
    await source.close();
    await rm(path);
  });
});
