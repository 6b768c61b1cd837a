import { describe, expect, it } from 'vitest';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import type { Tensor } from '../../lib/model/tensor.ts';
import { type Case, type CaseOptions, makeCase } from './support/case.ts';
import { compress, recover } from './support/herm.ts';
import { mildCoefficients } from './support/network.ts';
import { Random } from './support/random.ts';
import { bfloat, extremes, geometric, powers, randomBits, repeats, zeros } from './support/values.ts';

async function expectRoundTrip(original: Uint8Array, { blocks, trees }: Case): Promise<void> {
  // A Buffer, as readFileSync gives it: its slice() copies nothing, so that work in place would show.
  const given = Buffer.from(original);
  const recovered = await recover(await compress(given, blocks, trees));
  expect(Buffer.compare(recovered, original)).toBe(0);
  expect(Buffer.compare(given, original)).toBe(0);
}

const DEEP = [18, 20, 17, 21, 19];

const CASES: Record<string, CaseOptions> = {
  'one hidden layer': { sizes: [7, 20, 4] },
  'two hidden layers': { sizes: [7, 20, 11, 4] },
  'three hidden layers': { sizes: [7, 20, 11, 13, 4] },
  'one hidden neuron': { sizes: [3, 1, 2] },
  'two hidden neurons': { sizes: [3, 2, 2] },
  'three hidden neurons a layer': { sizes: [2, 3, 3, 1] },
  'one input and one output': { sizes: [1, 30, 1] },
  '300 neurons of few inputs': { sizes: [4, 300, 3] },
  'trees that stop early': { smallest: 5 },
  'trees without a merge': { smallest: 1000 },
  'neurons as columns': { sizes: [7, 20, 11, 13, 4], transposed: true },
  'no biases': { biases: false },
  'a gated layer': { gated: true, sizes: [7, 20, 4] },
  'a gated layer before others, neurons as columns': { gated: true, transposed: true, sizes: [7, 20, 11, 13, 4] },
  'a gated layer without biases, trees that stop early': { gated: true, biases: false, smallest: 5 },
  'a gated layer of several dtypes': { gated: true, sizes: [6, 10, 9, 8, 7], dtypes: ['F16', 'F64', 'BF16', 'F32'] },
  'a gated layer of equal, scaled and zero neurons': { gated: true, values: repeats, sizes: [4, 40, 30, 3] },
  'F64 weights': { dtypes: ['F64'] },
  'F16 weights': { dtypes: ['F16'] },
  'BF16 weights': { dtypes: ['BF16'] },
  'a dtype for every layer': { sizes: [6, 10, 9, 8, 7], dtypes: ['F16', 'F64', 'BF16', 'F32'] },
  'bfloat16 stored as F32': { values: bfloat },
  'bfloat16 stored as F64': { values: bfloat, dtypes: ['F64'] },
  'zeros of both signs': { values: zeros },
  'powers of two': { values: powers },
  'equal, scaled and zero neurons': { values: repeats, sizes: [4, 40, 30, 3] },
  'neurons that are all multiples of each other, F64': { values: geometric, sizes: DEEP, dtypes: ['F64'] },
  'neurons that are all multiples of each other, F32': { values: geometric, sizes: DEEP },
  'neurons that are all multiples of each other, F16': { values: geometric, sizes: DEEP, dtypes: ['F16'] },
  'neurons that are all multiples of each other, BF16': { values: geometric, sizes: DEEP, dtypes: ['BF16'] },
  'multiples in a gated layer, means alone': {
    gated: true,
    sizes: DEEP,
    values: geometric,
    coefficients: mildCoefficients,
  },
  'denormals and the largest F64 numbers': { values: extremes, dtypes: ['F64'] },
  'denormals and the largest F32 numbers': { values: extremes, dtypes: ['F32'] },
  'denormals and the largest F16 numbers': { values: extremes, dtypes: ['F16'] },
  'denormals and the largest BF16 numbers': { values: extremes, dtypes: ['BF16'] },
};

describe('a .herm file gives the original back', () => {
  it.each(Object.entries(CASES))('%s', async (_, options) => {
    const made = makeCase(options);
    await expectRoundTrip(serializeSafetensors(made.tensors), made);
  });

  it.each(['F64', 'F32', 'F16', 'BF16'] as const)('any finite bits of %s, many trees', async (dtype) => {
    for (let seed = 1; seed <= 20; seed++) {
      const made = makeCase({ seed, dtypes: [dtype], sizes: [3, 9, 8, 2], smallest: 1 + (seed % 3) });
      for (const { data } of made.tensors) randomBits(new Random(seed), data, dtype);
      await expectRoundTrip(serializeSafetensors(made.tensors), made);
    }
  });

  it('other tensors bit for bit, NaN, infinities, odd dtypes and empty ones among them', async () => {
    const made = makeCase({});
    const others: Tensor[] = [
      { name: 'steps', dtype: 'I64', shape: [3], data: new Uint8Array(24).fill(255) },
      { name: 'mask', dtype: 'BOOL', shape: [5], data: Uint8Array.of(1, 0, 1, 1, 0) },
      { name: 'none', dtype: 'F32', shape: [0, 7], data: new Uint8Array(0) },
      { name: 'scalar', dtype: 'F64', shape: [], data: new Uint8Array(8).fill(1) },
      { name: 'small', dtype: 'F4', shape: [4], data: Uint8Array.of(0x12, 0xff) },
      { name: 'complex', dtype: 'C64', shape: [2], data: Uint8Array.from({ length: 16 }, (_, n) => n) },
      { name: '__proto__', dtype: 'U8', shape: [1], data: Uint8Array.of(7) },
      // Quiet and signalling NaN with payloads, both infinities, −0.
      words('odd', Uint32Array.of(0x7fc00000, 0x7f800001, 0xffc12345, 0x7f800000, 0xff800000, 0x80000000)),
    ];
    await expectRoundTrip(serializeSafetensors([...made.tensors, ...others]), made);
  });

  it('headers in any order, with any padding and metadata', async () => {
    const made = makeCase({});
    const order = [...made.tensors].reverse();
    let at = 0;
    const places = new Map<string, [number, number]>();
    for (const { name, data } of made.tensors) {
      places.set(name, [at, at + data.byteLength]);
      at += data.byteLength;
    }
    const members = order.map(
      ({ name, dtype, shape }) =>
        `  "${name}" : {"data_offsets":${JSON.stringify(places.get(name))},"shape":${JSON.stringify(shape)}, "dtype":"${dtype}"}`,
    );
    const text = `{${members.join(',\n')}, "__metadata__":{"b":"ü","a":"\\n","__proto__":"x"}}   \n \n `;
    const json = new TextEncoder().encode(text);
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(json.byteLength), true);
    await expectRoundTrip(Buffer.concat([length, json, ...made.tensors.map(({ data }) => data)]), made);
  });
});

function words(name: string, values: Uint32Array): Tensor {
  return { name, dtype: 'F32', shape: [values.length], data: new Uint8Array(values.buffer) };
}
