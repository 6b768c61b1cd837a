import { test as propertyTest } from '@fast-check/vitest';
import fc from 'fast-check';
import { expect } from 'vitest';
import { HermError } from '../../lib/errors.ts';
import { readSafetensorsHeader } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import type { TensorInfo } from '../../lib/model/tensor.ts';
import { fileOf } from './safetensors_builder.ts';

const DATA_BYTES = 40;
const BASE = {
  __metadata__: { format: 'pt', clé: 'é"\\' },
  w: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'layer.0.é': { dtype: 'BF16', shape: [4], data_offsets: [24, 32] },
  b4: { dtype: 'F4', shape: [2, 3], data_offsets: [32, 35] },
  none: { dtype: 'I64', shape: [0, 7], data_offsets: [35, 35] },
  scalar: { dtype: 'U8', shape: [], data_offsets: [35, 36] },
  rest: { dtype: 'BOOL', shape: [1, 2, 2], data_offsets: [36, 40], extra: [1.5, { a: null }] },
};
const BASE_JSON = JSON.stringify(BASE).replace('é', '\\u00e9');
const ELEMENT_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F4: 4,
  F16: 16,
  BF16: 16,
  I16: 16,
  U16: 16,
  F32: 32,
  I32: 32,
  U32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
  C64: 64,
};

/** The rules of the format, written independently and plainly on top of JSON.parse; null where they are broken. */
function layoutByTheRules(bytes: Buffer): Omit<TensorInfo, 'name'>[] | null {
  const length = bytes.readBigUInt64LE();
  if (length > BigInt(bytes.byteLength - 8)) return null;
  const head = bytes.subarray(8, 8 + Number(length));
  let parsed: Record<string, Record<string, unknown> | null>;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(head);
    parsed = JSON.parse(text, (key, value: unknown) => {
      for (const item of [key, value]) if (typeof item === 'string') encodeURIComponent(item); // throws on half a pair
      if (value === Infinity || value === -Infinity) throw new RangeError('a number is out of range');
      return value;
    });
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && !Object.is(n, -0) && (n as number) >= 0;
  const found: Omit<TensorInfo, 'name'>[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__' && value === null) continue;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    if (name === '__metadata__') {
      if (!Object.values(value).every((text) => typeof text === 'string')) return null;
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== 'string' || !(dtype in ELEMENT_BITS)) return null;
    if (!Array.isArray(shape) || !shape.every(isSize)) return null;
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) return null;
    const [begin, end] = offsets as [number, number];
    const bits = shape.reduce((product, dimension) => product * dimension, ELEMENT_BITS[dtype]!);
    if (end - begin !== bits / 8) return null;
    found.push({ dtype, shape, begin, end });
  }
  found.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const ends = [0, ...found.map(({ end }) => end)];
  if (!found.every(({ begin }, i) => begin === ends[i])) return null;
  return ends.at(-1) === bytes.byteLength - 8 - head.byteLength ? found : null;
}

async function checkAgainstRules(bytes: Buffer): Promise<void> {
  const expected = layoutByTheRules(bytes);
  try {
    const { tensors } = await readSafetensorsHeader(bufferSource(bytes));
    expect(tensors.map(({ name: _, ...info }) => info)).toEqual(expected);
  } catch (error) {
    if (!(error instanceof HermError)) throw error;
    expect(error.code).toMatch(/^SAFETENSORS_/);
    // JSON.parse cannot see a repeated key.
    if (error.code !== 'SAFETENSORS_DUPLICATE_KEY') expect(expected, error.message).toBeNull();
  }
}

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const byte = fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:0123456789 \\-+.eE\n')), fc.nat(255));
/** One change to the bytes of a header: a byte replaced, inserted or removed, a stretch removed or doubled. */
const byteMutation = fc.record({
  kind: fc.constantFrom('replace', 'insert', 'remove', 'cut', 'double'),
  at,
  byte,
  length: fc.nat(20),
});

function mutate(head: Buffer, mutation: { kind: string; at: number; byte: number; length: number }): Buffer {
  const start = Math.floor(mutation.at * head.byteLength);
  const removed = { replace: 1, insert: 0, remove: 1, cut: mutation.length, double: 0 }[mutation.kind] ?? 0;
  const added =
    { replace: [mutation.byte], insert: [mutation.byte], double: head.subarray(start, start + mutation.length) }[
      mutation.kind
    ] ?? [];
  return Buffer.concat([head.subarray(0, start), Buffer.from(added), head.subarray(start + removed)]);
}

propertyTest.prop([fc.array(byteMutation, { minLength: 1, maxLength: 3 })], { seed: 40, numRuns: 3000 })(
  'a header with bytes changed gives a coded error, or exactly what the rules say',
  async (mutations) => {
    await checkAgainstRules(Buffer.from(fileOf(mutations.reduce(mutate, Buffer.from(BASE_JSON)), DATA_BYTES)));
  },
);

const NUMBERS = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '6',
  '7',
  '8',
  '24',
  '32',
  '35',
  '36',
  '40',
  '-1',
  '-0',
  '0.5',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551616',
  '1e400',
  'null',
  '"4"',
  '[]',
  '""',
  '{}',
  '4,4',
];
propertyTest.prop([fc.array(fc.tuple(at, fc.constantFrom(...NUMBERS)), { minLength: 1, maxLength: 3 })], {
  seed: 41,
  numRuns: 2000,
})('so does a header with numbers replaced', async (changes) => {
  let json = BASE_JSON;
  for (const [where, number] of changes) {
    const numbers = [...json.matchAll(/(?<=[[,])-?[\d.]+(?=[\],])/g)];
    const chosen = numbers[Math.floor(where * numbers.length)];
    if (chosen !== undefined) json = json.slice(0, chosen.index) + number + json.slice(chosen.index + chosen[0].length);
  }
  await checkAgainstRules(Buffer.from(fileOf(json, DATA_BYTES)));
});

propertyTest.prop([at, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(100)], { seed: 42, numRuns: 500 })(
  'so does a file cut off, lengthened, or with another header length',
  async (where, length, extra) => {
    const file = Buffer.from(fileOf(BASE_JSON, DATA_BYTES));
    const cut = file.subarray(0, Math.floor(where * file.byteLength));
    if (cut.byteLength >= 8) await checkAgainstRules(Buffer.from(cut));
    await checkAgainstRules(Buffer.concat([file, Buffer.alloc(extra)]));
    for (const other of [length, length % BigInt(file.byteLength)]) {
      const changed = Buffer.from(file);
      changed.writeBigUInt64LE(other);
      await checkAgainstRules(changed);
    }
  },
);

const blanks = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
propertyTest.prop([fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), fc.infiniteStream(blanks), fc.json()], {
  seed: 43,
  numRuns: 500,
})('reordering, white space and unused fields change nothing', async (keys, blank, unused) => {
  const space = (): string => blank.next().value ?? '';
  const shuffle = <T>(items: T[]): T[] =>
    items
      .map((item, i) => [keys[i]!, item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  const spaced = (text: string): string =>
    text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g, (token) => space() + token + space());
  const members = Object.entries(BASE).map(([name, value]) => {
    const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${JSON.stringify(field)}`);
    if (name === 'w') fields.push(`"unused":${unused}`);
    return spaced(`${JSON.stringify(name)}:{${(name === '__metadata__' ? fields : shuffle(fields)).join(',')}}`);
  });
  const changed = await readSafetensorsHeader(
    bufferSource(fileOf(`${space()}{${shuffle(members).join(',')}}${space()}`, DATA_BYTES)),
  );
  const original = await readSafetensorsHeader(bufferSource(fileOf(BASE_JSON, DATA_BYTES)));
  expect(changed.tensors).toEqual(original.tensors);
  expect([...changed.metadata]).toEqual([...original.metadata]);
});
