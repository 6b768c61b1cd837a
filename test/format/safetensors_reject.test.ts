import { describe, expect, test } from 'vitest';
import { entry, fileOf, readHeader } from './safetensors_builder.ts';

/** A file of one tensor "t" of 16 bytes, described as `description` says. */
const one = (description: string, data: number | Uint8Array = 16): Uint8Array => fileOf(`{"t":${description}}`, data);
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

async function expectRefused(bytes: Uint8Array, code: string, message: RegExp): Promise<void> {
  await expect(readHeader(bytes)).rejects.toMatchObject({
    name: 'HermError',
    code,
    message: expect.stringMatching(message),
    details: { file: 'model.safetensors' },
  });
}

describe('the length', () => {
  test.each([0, 1, 7])('a file of %i bytes has no room for it', (size) =>
    expectRefused(new Uint8Array(size), 'SAFETENSORS_HEADER_TOO_SMALL', new RegExp(`it has ${size} bytes`)),
  );

  test.each([100_000_001n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n])('%s is too large', async (length) => {
    const bytes = Buffer.from(one(entry()));
    bytes.writeBigUInt64LE(length);
    await expectRefused(bytes, 'SAFETENSORS_HEADER_TOO_LARGE', new RegExp(`header length is ${length}`));
  });

  test.each([1n, 1000n, 100_000_000n])(
    'the header may not reach beyond the file, even when it claims %s bytes',
    async (length) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(length);
      await expectRefused(bytes, 'SAFETENSORS_HEADER_LENGTH', /but the file has only 8 bytes/);
    },
  );
});

describe('the text', () => {
  test.each([
    ['a stray byte', [0xff]],
    ['a character cut off', [0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('UTF-8 with %s', (_, bytes) =>
    expectRefused(
      fileOf(Buffer.concat([Buffer.from('{"'), Buffer.from(bytes), Buffer.from('":1}')])),
      'SAFETENSORS_UTF8',
      /UTF-8/,
    ),
  );

  test.each(['[]', '[{}]', '"{}"', '1', 'null', 'x{}', '\ufeff{}', '\u00a0{}', '\f{}', '\0{}'])(
    'a start other than "{": %j',
    (text) => expectRefused(fileOf(text), 'SAFETENSORS_HEADER_START', /does not start with "\{"/),
  );

  test.each(['', ' \n'])('an empty header: %j', (text) => expectRefused(fileOf(text), 'SAFETENSORS_JSON', /is empty/));

  test.each([
    '{',
    '{"',
    '{"t"',
    '{"t":',
    '{}}',
    '{}{}',
    '{} x',
    '{,}',
    '{"__metadata__":{},}',
    '{"__metadata__":{"a":"b",}}',
    '{"__metadata__":{"a" "b"}}',
    '{"__metadata__":{"a":"b" "c":"d"}}',
    "{'__metadata__':{}}",
    '{__metadata__:{}}',
    '{/* comment */}',
    '{} // comment',
    '{"__metadata__":{"a":"\u0001"}}',
    '{"__metadata__":{"a":"\n"}}',
    '{"__metadata__":{"a":"\\x"}}',
    '{"__metadata__":{"a":"\\u12g4"}}',
    '{"__metadata__":nul}',
  ])('text that is not JSON: %j', (text) => expectRefused(fileOf(text), 'SAFETENSORS_JSON', /not valid JSON/));

  test.each(['01', '1.', '.5', '+1', '-', '1e', '0x10', 'NaN', 'Infinity', '[1,]', '[,1]', '[1 2]', 'undefined'])(
    'an unused field that is not JSON: %s',
    (value) => expectRefused(one(entry().replace('{', `{"x":${value},`)), 'SAFETENSORS_JSON', /not valid JSON/),
  );

  test('a number out of the range of binary64, even in an unused field', () =>
    expectRefused(one(entry().replace('{', '{"x":[1e400],')), 'SAFETENSORS_JSON', /out of range/));

  test.each(['"\\ud800"', '"\\udc00"', '"\\ude00\\ud83d"', '"\\ud83dx"'])(
    'half a surrogate pair escaped: %s',
    async (text) => {
      await expectRefused(fileOf(`{${text}:${entry()}}`, 16), 'SAFETENSORS_JSON', /surrogate/);
      await expectRefused(fileOf(`{"__metadata__":{"a":${text}}}`), 'SAFETENSORS_JSON', /surrogate/);
      await expectRefused(one(entry().replace('{', `{"x":[${text}],`)), 'SAFETENSORS_JSON', /surrogate/);
    },
  );

  test('nesting of 128 levels', () =>
    expectRefused(one(entry().replace('{', `{"x":${nested(126)},`)), 'SAFETENSORS_JSON', /deeper than 127 levels/));
});

describe('repeated keys', () => {
  test.each([
    ['a tensor', `{"t":${entry()},"t":${entry()}}`],
    ['a tensor, once escaped', `{"t":${entry()},"\\u0074":${entry()}}`],
    ['__proto__', `{"__proto__":${entry()},"__proto__":${entry()}}`],
    ['the metadata', `{"__metadata__":{},"t":${entry()},"__metadata__":{}}`],
    ['a metadata key', `{"__metadata__":{"a":"1","b":"2","a":"1"},"t":${entry()}}`],
    ['dtype', `{"t":${entry().replace('{', '{"dtype":"F32",')}}`],
    ['shape', `{"t":${entry().replace('{', '{"shape":[4],')}}`],
    ['data_offsets', `{"t":${entry().replace('{', '{"data_offsets":[0,8],')}}`],
    ['an unused field', `{"t":${entry().replace('{', '{"x":1,"x":1,')}}`],
  ])('%s', (_, header) => expectRefused(fileOf(header, 16), 'SAFETENSORS_DUPLICATE_KEY', /twice/));
});

describe('the metadata', () => {
  test.each(['1', '"text"', 'true', '[]', '{"a":1}', '{"a":null}', '{"a":{}}', '{"a":["b"]}', '{"a":true}'])(
    '%s',
    (value) =>
      expectRefused(
        fileOf(`{"__metadata__":${value}}`),
        'SAFETENSORS_METADATA',
        /__metadata__ must map names to strings/,
      ),
  );
});

describe('a tensor description', () => {
  test.each(['1', 'null', '"F32"', '["I32",[2,2],[0,16]]'])('that is not an object: %s', (value) =>
    expectRefused(one(value), 'SAFETENSORS_JSON', /tensor "t" is not described by an object/),
  );

  test.each(['F128', 'f32', 'I4', '', 'float32', 'constructor', '__proto__'])('of the unknown dtype %j', (dtype) =>
    expectRefused(one(entry({ dtype })), 'SAFETENSORS_DTYPE', /tensor "t" has the unknown dtype/),
  );

  test.each([null, 1, ['I32'], { I32: null }])('whose dtype is %j', (dtype) =>
    expectRefused(one(entry({ dtype })), 'SAFETENSORS_DTYPE', /a dtype that is not a string/),
  );

  test('without a dtype', () =>
    expectRefused(one(entry({ dtype: undefined })), 'SAFETENSORS_DTYPE', /"t" has no dtype/));
  test('without a shape', () =>
    expectRefused(one(entry({ shape: undefined })), 'SAFETENSORS_SHAPE', /"t" has no shape/));
  test('without data_offsets', () =>
    expectRefused(one(entry({ data_offsets: undefined })), 'SAFETENSORS_OFFSETS', /0 data_offsets instead of 2/));

  // Written out, because JSON.stringify would write 4.0 and 4e0 as 4.
  test.each([
    '-1',
    '-0',
    '4.0',
    '4e0',
    '0.5',
    '9007199254740993',
    '18446744073709551616',
    '"4"',
    'null',
    'true',
    '[4]',
    '{}',
  ])('with %s where a whole number must stand', async (value) => {
    const shape = entry().replace('[2,2]', `[${value}]`);
    await expectRefused(one(shape), 'SAFETENSORS_SHAPE', /in its shape, where only whole numbers/);
    const offsets = entry().replace('[0,16]', `[0,${value}]`);
    await expectRefused(one(offsets), 'SAFETENSORS_OFFSETS', /in its data_offsets, where only whole numbers/);
  });

  test.each([{ shape: 4 }, { shape: { '0': 4 } }, { shape: null }, { shape: '4' }])('with %j', (fields) =>
    expectRefused(one(entry(fields)), 'SAFETENSORS_SHAPE', /a shape that is not an array/),
  );
  test.each([{ data_offsets: 16 }, { data_offsets: { '0': 0, '1': 16 } }, { data_offsets: null }])(
    'with %j',
    (fields) => expectRefused(one(entry(fields)), 'SAFETENSORS_OFFSETS', /a data_offsets that is not an array/),
  );

  test.each([[[]], [[0]], [[0, 16, 16]]])('with data_offsets %j', (data_offsets) =>
    expectRefused(
      one(entry({ data_offsets })),
      'SAFETENSORS_OFFSETS',
      new RegExp(`${data_offsets.length} data_offsets`),
    ),
  );
});

describe('a shape', () => {
  test.each([
    ['that overflows 64 bits', [2 ** 33, 2 ** 33]],
    ['whose bits overflow 64 bits', [2 ** 31, 2 ** 31]],
    ['that overflows before a later 0, as in the reference', [2 ** 33, 2 ** 33, 0]],
    ['that just overflows', [2 ** 32, 2 ** 32, 0]],
  ])('%s', (_, shape) => expectRefused(one(entry({ shape })), 'SAFETENSORS_SHAPE', /overflows 64 bits/));

  test.each([[[2, 3]], [[3]], [[]], [[0]], [[4, 2 ** 40]]])('%j that is not as large as its data', (shape) =>
    expectRefused(one(entry({ shape })), 'SAFETENSORS_SHAPE', /data_offsets span 16/),
  );

  test.each([
    ['F4', [3], 1],
    ['F6_E2M3', [2], 1],
    ['F6_E3M2', [3, 3], 7],
  ])('of %s %j that does not fill whole bytes', (dtype, shape, size) =>
    expectRefused(
      one(entry({ dtype, shape, data_offsets: [0, size] }), size),
      'SAFETENSORS_SHAPE',
      /do not fill whole bytes/,
    ),
  );

  test('of more bytes than a number can count', () =>
    expectRefused(one(entry({ shape: [2 ** 52] })), 'SAFETENSORS_SHAPE', /larger than any file/));

  test('of more dimensions than anything has', () =>
    expectRefused(
      one(entry({ shape: new Array(2000).fill(1) })),
      'SAFETENSORS_SHAPE',
      /too many numbers in its shape/,
    ));
});

describe('offsets', () => {
  const two = (a: readonly number[], b: readonly number[], data = 8): Uint8Array => {
    const part = (offsets: readonly number[]): string =>
      entry({ dtype: 'U8', shape: [offsets[1]! - offsets[0]!], data_offsets: offsets });
    return fileOf(`{"a":${part(a)},"b":${part(b)}}`, data);
  };

  test('that do not start at 0', () =>
    expectRefused(
      one(entry({ data_offsets: [4, 20] }), 20),
      'SAFETENSORS_OFFSETS',
      /"t" begins at 4 and leaves a hole from 0/,
    ));
  test('with a hole between two tensors', () =>
    expectRefused(two([0, 3], [4, 8]), 'SAFETENSORS_OFFSETS', /"b" begins at 4 and leaves a hole from 3/));
  test('that overlap', () =>
    expectRefused(two([0, 5], [4, 8]), 'SAFETENSORS_OFFSETS', /"b" begins at 4, inside the one before it \(to 5\)/));
  test('of two tensors that share their data', () =>
    expectRefused(two([0, 8], [0, 8]), 'SAFETENSORS_OFFSETS', /"b" begins at 0/));
  test('that end before they begin', () =>
    expectRefused(
      one(entry({ shape: [0], data_offsets: [16, 0] })),
      'SAFETENSORS_OFFSETS',
      /"t" ends \(at 0\) before it begins/,
    ));
  test('of an empty tensor that lies beyond the data', () =>
    expectRefused(one(entry({ shape: [0], data_offsets: [4, 4] }), 0), 'SAFETENSORS_OFFSETS', /leaves a hole/));
  test('beyond any file', () =>
    expectRefused(
      one(entry({ dtype: 'U8', shape: [2 ** 53 - 1], data_offsets: [0, 2 ** 53 - 1] })),
      'SAFETENSORS_TRAILING',
      /its tensors need 9007199254740991 bytes, but only 16 follow/,
    ));
});

describe('the end of the file', () => {
  test('data cut off', () =>
    expectRefused(one(entry(), 14), 'SAFETENSORS_TRAILING', /need 16 bytes, but only 14 follow/));
  test('something appended', () =>
    expectRefused(
      one(entry(), Buffer.from(`${'\0'.repeat(16)}extra`)),
      'SAFETENSORS_TRAILING',
      /5 bytes follow the last tensor/,
    ));
  test('data without tensors', () => expectRefused(fileOf('{}', 1), 'SAFETENSORS_TRAILING', /1 bytes follow/));
});

describe('messages', () => {
  test('name the tensor and say where, and show no control characters of a hostile name', async () => {
    const bytes = fileOf(`{${JSON.stringify('\u001b[2J')}:${entry({ dtype: 'X' })}}`, 16);
    await expect(readHeader(bytes)).rejects.toMatchObject({
      message:
        'model.safetensors is not a valid safetensors file: tensor "\\u001b[2J" has the unknown dtype "X" (at character 22 of the header). Download or export it again.',
      details: { file: 'model.safetensors', tensor: '\u001b[2J' },
    });
  });
});
