import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as propertyTest } from '@fast-check/vitest';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  readSafetensorsHeader,
  readTensor,
  serializeSafetensors,
  writeSafetensors,
} from '../../lib/model/safetensors.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { ALL_DTYPES, dtypeBits, fromFloat64, type Tensor } from '../../lib/model/tensor.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-write-'));
});
afterAll(() => rm(folder, { recursive: true }));

const bytesTensor = (name: string, dtype = 'U8', size = 8): Tensor => ({
  name,
  dtype,
  shape: [(size * 8) / dtypeBits(dtype)!],
  data: Uint8Array.from({ length: size }, (_, i) => i),
});

async function readAll(bytes: Uint8Array): Promise<{ tensors: Tensor[]; metadata: ReadonlyMap<string, string> }> {
  const source = bufferSource(bytes);
  const header = await readSafetensorsHeader(source);
  const tensors = await Promise.all(header.tensors.map((info) => readTensor(source, header, info)));
  return { tensors, metadata: header.metadata };
}

/** Tensors of any dtype, shape and bytes, and names that are awkward in JSON, in JavaScript or in sorting. */
const tensorsArbitrary = fc.uniqueArray(
  fc
    .record({
      name: fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('__proto__', 'constructor', '', 'a', '\uffff', '\u{10000}'),
      ),
      dtype: fc.constantFrom(...ALL_DTYPES),
      shape: fc.array(fc.constantFrom(0, 1, 2, 3, 4), { maxLength: 3 }),
      fill: fc.nat(255),
    })
    .map(({ name, dtype, shape, fill }): Tensor => {
      // Four elements of any dtype fill whole bytes.
      const whole = [...shape, 4];
      const size = (whole.reduce((a, b) => a * b, 1) * dtypeBits(dtype)!) / 8;
      return { name, dtype, shape: whole, data: new Uint8Array(size).fill(fill) };
    }),
  { selector: ({ name }) => name, maxLength: 8 },
);
const metadataArbitrary = fc
  .array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), { maxLength: 4 })
  .map((entries) => new Map(entries));

describe('the layout is that of the reference serializer', () => {
  // The vectors of the reference's own tests: six F32 values in a header that needs no padding, then one that does.
  const values = [0, 1, 2, 3, 4, 5];
  test.each([
    ['attn.0', [1, 2, 3], 64, '{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}'],
    ['attn0', [1, 1, 2, 3], 72, '{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       '],
  ])('tensor %s', (name, shape, length, json) => {
    const bytes = Buffer.from(serializeSafetensors([fromFloat64(values, 'F32', name, shape)]));
    expect(bytes.readBigUInt64LE()).toBe(BigInt(length));
    expect(bytes.subarray(8, 8 + length).toString()).toBe(json);
    expect([...bytes.subarray(8 + length)]).toEqual([...new Uint8Array(Float32Array.from(values).buffer)]);
  });

  test('no tensors', () => {
    expect(Buffer.from(serializeSafetensors([])).toString('latin1')).toBe('\x08\0\0\0\0\0\0\0{}      ');
    const text = Buffer.from(serializeSafetensors([], new Map([['framework', 'pt']]))).toString('latin1');
    expect(text).toBe('\x28\0\0\0\0\0\0\0{"__metadata__":{"framework":"pt"}}     ');
  });

  test('tensors by descending alignment, then by the UTF-8 bytes of their names', async () => {
    const tensors = ['BOOL', 'F4', 'U8', 'F16', 'F32', 'F64', 'U64'].map((dtype) => bytesTensor(`t${dtype}`, dtype));
    const names = ['\u{10000}', '\uffff', 'é', 'b', 'a', 'Z', ''].map((name) => bytesTensor(name, 'I8'));
    const read = await readAll(serializeSafetensors([...tensors, ...names]));
    expect(read.tensors.map(({ name }) => name)).toEqual([
      'tU64',
      'tF64',
      'tF32',
      'tF16',
      '',
      'Z',
      'a',
      'b',
      'é',
      '\uffff',
      '\u{10000}',
      'tU8',
      'tF4',
      'tBOOL',
    ]);
  });

  test('names and metadata are escaped as in the reference, metadata in the order given', () => {
    const metadata = new Map([
      ['b', '\b\f\n\r\t"\\/'],
      ['a', '\u0001\u001f\u007f\u2028é'],
    ]);
    const text = Buffer.from(serializeSafetensors([], metadata)).subarray(8).toString();
    expect(text.trimEnd()).toBe('{"__metadata__":{"b":"\\b\\f\\n\\r\\t\\"\\\\/","a":"\\u0001\\u001f\u007f\u2028é"}}');
  });

  propertyTest.prop([tensorsArbitrary, metadataArbitrary], { seed: 30 })(
    'every tensor starts at a multiple of its element size, and the order of the input does not matter',
    async (tensors, metadata) => {
      const bytes = serializeSafetensors(tensors, metadata);
      const header = await readSafetensorsHeader(bufferSource(bytes));
      for (const { dtype, begin, end } of header.tensors) {
        if (begin < end) expect((header.dataOffset + begin) % Math.ceil(dtypeBits(dtype)! / 8)).toBe(0);
      }
      expect(serializeSafetensors([...tensors].reverse(), metadata)).toEqual(bytes);
    },
  );
});

describe('round trips', () => {
  propertyTest.prop([tensorsArbitrary, metadataArbitrary], { seed: 31 })(
    'of any tensors and metadata',
    async (tensors, metadata) => {
      const bytes = serializeSafetensors(tensors, metadata);
      const read = await readAll(bytes);
      expect([...read.metadata]).toEqual([...metadata]);
      const byName = (a: Tensor, b: Tensor): number => (a.name < b.name ? -1 : 1);
      expect(read.tensors.sort(byName)).toEqual([...tensors].sort(byName));
      expect(serializeSafetensors(read.tensors, read.metadata)).toEqual(bytes);
    },
  );

  test('through a file, which holds the bytes of serializeSafetensors', async () => {
    const path = join(folder, 'model.safetensors');
    const tensors = [fromFloat64([1, 2, 3], 'BF16', 'w', [3]), bytesTensor('ids', 'I64', 16)];
    const metadata = new Map([['format', 'pt']]);
    await writeSafetensors(path, tensors, metadata);
    expect(Buffer.compare(await readFile(path), serializeSafetensors(tensors, metadata))).toBe(0);
    const source = await fileSource(path);
    const header = await readSafetensorsHeader(source);
    expect(await readTensor(source, header, header.tensors[0]!)).toEqual(tensors[1]);
    expect(await readTensor(source, header, header.tensors[1]!)).toEqual(tensors[0]);
    await source.close();
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });
});

describe('what no reader would accept is refused', () => {
  const bad = { name: 'w', dtype: 'F32', shape: [2], data: new Uint8Array(8) };
  test.each<[string, Tensor[], string, RegExp]>([
    [
      'two tensors of one name',
      [bytesTensor('a'), bytesTensor('a', 'I8')],
      'BAD_ARGUMENT',
      /two tensors are named "a"/,
    ],
    ['the reserved name', [bytesTensor('__metadata__')], 'BAD_ARGUMENT', /can be named __metadata__/],
    ['half a surrogate pair', [bytesTensor('\ud800')], 'BAD_ARGUMENT', /not valid Unicode/],
    ['too few bytes', [{ ...bad, shape: [3] }], 'BAD_ARGUMENT', /"w" has 8 bytes, but its shape and dtype need 12/],
    ['an unknown dtype', [{ ...bad, dtype: 'F31' }], 'SAFETENSORS_DTYPE', /"w" has the unknown dtype "F31"/],
    ['a negative dimension', [{ ...bad, shape: [-2] }], 'SAFETENSORS_SHAPE', /-2 is not a size/],
    ['part of a byte', [{ ...bad, dtype: 'F4', shape: [17] }], 'SAFETENSORS_SHAPE', /do not fill whole bytes/],
    [
      'a header beyond the limit',
      [bytesTensor('x'.repeat(100_000_000))],
      'SAFETENSORS_HEADER_TOO_LARGE',
      /Split the model/,
    ],
  ])('%s', async (_, tensors, code, message) => {
    const path = join(folder, 'kept');
    await writeFile(path, 'before');
    const error = expect.objectContaining({ name: 'HermError', code, message: expect.stringMatching(message) });
    expect(() => serializeSafetensors(tensors)).toThrow(error);
    await expect(writeSafetensors(path, tensors)).rejects.toEqual(error);
    expect(await readFile(path, 'utf8')).toBe('before');
  });

  test.each([
    ['\ud800', 'x'],
    ['x', '\udc00'],
  ])('metadata that is not valid Unicode', (key, value) => {
    expect(() => serializeSafetensors([], new Map([[key, value]]))).toThrow(/not valid Unicode/);
  });
});

test('an abort leaves what was there', async () => {
  const path = join(folder, 'aborted.safetensors');
  await writeFile(path, 'before');
  const writing = writeSafetensors(path, [bytesTensor('a')], undefined, { signal: AbortSignal.abort() });
  await expect(writing).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await readFile(path, 'utf8')).toBe('before');
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
