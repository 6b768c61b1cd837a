import { serializeSafetensors } from '../../../lib/model/safetensors.ts';
import { fromFloat64, type Tensor } from '../../../lib/model/tensor.ts';
import { type Case, type CaseOptions, makeCase, makeCases } from '../../format/support/case.ts';
import { compress, type RefitToWrite } from '../../format/support/herm.ts';
import { anyCoefficients } from '../../format/support/network.ts';
import { Random } from '../../format/support/random.ts';
import { bfloat, extremes, geometric, picture, powers, repeats, zeros } from '../../format/support/values.ts';

const CASES: Readonly<Record<string, CaseOptions>> = {
  'three layers': {},
  'mixed formats': { sizes: [2, 9, 5, 6, 3], dtypes: ['BF16', 'F16'], smallest: 2, transposed: true },
  'doubles without biases': { sizes: [40, 12, 40], dtypes: ['F64'], biases: false },
  'doubles between layers': { sizes: [4, 9, 8, 3], dtypes: ['F64'], values: extremes, coefficients: anyCoefficients },
  'a gate': { gated: true, sizes: [4, 9, 3], dtypes: ['F32', 'BF16'] },
  'any coefficients': { sizes: [6, 14, 11, 5], coefficients: anyCoefficients },
  'extreme numbers': { sizes: [6, 14, 11, 5], dtypes: ['F32', 'F16', 'BF16'], values: extremes },
  zeros: { values: zeros },
  'powers of two': { values: powers, dtypes: ['F32', 'F16'] },
  'repeated neurons': { sizes: [5, 20, 20, 4], values: repeats, coefficients: anyCoefficients },
  multiples: { sizes: [18, 14, 17, 16], values: geometric, dtypes: ['BF16', 'F32', 'F16'] },
  'multiples, any coefficients': {
    sizes: [18, 14, 17, 16],
    values: geometric,
    dtypes: ['F16', 'BF16', 'F64'],
    coefficients: anyCoefficients,
  },
  'multiples behind a gate': { gated: true, sizes: [18, 9, 17], values: geometric, dtypes: ['BF16', 'F32'] },
  'bfloat16 in float32': { values: bfloat },
  pictures: { sizes: [144, 30, 4], dtypes: ['F32', 'F16'], values: picture },
  'half-precision pictures': { sizes: [144, 12, 30, 4], dtypes: ['BF16', 'F16'], values: picture },
  'several strips': { sizes: [2100, 6, 3], dtypes: ['F32', 'BF16'] },
};

export const CASE_NAMES: readonly string[] = [...Object.keys(CASES), 'groups and refits'];

export interface TestFile {
  readonly made: Case;
  readonly original: Uint8Array;
  readonly herm: Uint8Array;
}

/** A small model with tensors of all kinds, and its .herm file. */
export async function testFile(name: string, seed = 1): Promise<TestFile> {
  if (name !== 'groups and refits') return writeFile(makeCase({ seed, ...CASES[name]! }), seed);
  const made = makeCases([{ sizes: [3, 7, 2] }, { sizes: [3, 6, 5, 2] }]);
  const weights = (count: number) => fromFloat64(new Float64Array(count).fill(0.1), 'F32', '', [count]).data;
  const outputs = [weights(4 * 2), weights(3 * 5), weights(4 * 2)];
  return writeFile(made, seed, [{ widths: [4, 3, 4], outputs, errors: [0.5, null, 0.25] }]);
}

async function writeFile(made: Case, seed: number, refits: readonly RefitToWrite[] = []): Promise<TestFile> {
  const original = serializeSafetensors(
    [...made.tensors, ...flatTensors(new Random(seed))],
    new Map([['format', 'pt']]),
  );
  return { made, original, herm: await compress(original, made.blocks, made.trees, { refits }) };
}

/** Tensors that no hierarchy merges, of every way to store them. */
function flatTensors(random: Random): Tensor[] {
  const bytes = (length: number) => Uint8Array.from({ length }, () => random.below(random.pick([2, 256])));
  const gauss = (length: number) => Float64Array.from({ length }, () => random.gauss());
  const nan = fromFloat64(gauss(300), 'F32', 'not finite', [300]);
  const holed = { ...nan, data: new Uint8Array(nan.data) };
  new DataView(holed.data.buffer).setUint32(400, 0x7fc00001, true);
  return [
    { name: 'mask', dtype: 'BOOL', shape: [9], data: new Uint8Array(9).fill(1) },
    { name: 'ids', dtype: 'I64', shape: [5, 3], data: bytes(120) },
    { name: 'short ids', dtype: 'U16', shape: [31], data: bytes(62) },
    { name: 'bytes', dtype: 'F8_E4M3', shape: [33], data: bytes(33) },
    { name: 'complex', dtype: 'C64', shape: [20, 4], data: fromFloat64(gauss(160), 'F32', '', [160]).data },
    { name: 'none', dtype: 'F32', shape: [0, 4], data: new Uint8Array(0) },
    holed,
    fromFloat64(gauss(12 * 100), 'F32', 'embedding', [12, 100]),
    fromFloat64(gauss(3000), 'BF16', 'norms', [2, 1500]),
    fromFloat64(gauss(700), 'F64', 'long', [700]),
    fromFloat64(
      Float64Array.from({ length: 600 }, (_, n) => n % 5),
      'F16',
      'repeating',
      [600],
    ),
  ];
}
