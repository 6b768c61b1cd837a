import { describe, expect, it } from 'vitest';
import { HermError } from '../../lib/errors.ts';
import { openHerm } from '../../lib/file/read.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { fromFloat64, type Tensor } from '../../lib/model/tensor.ts';
import { makeCase } from './support/case.ts';
import { compress } from './support/herm.ts';
import { MUTATIONS } from './support/mutate.ts';
import { Random } from './support/random.ts';

/** scripts/checks/mutate.mjs asks for more, and for others. */
const { HERM_MUTATIONS, HERM_MUTATION_SEED } = process.env;
const COUNT = Number(HERM_MUTATIONS ?? 1200);
const SEED = Number(HERM_MUTATION_SEED ?? 1);
/** No mutation of files of a few kilobytes may make hermkit hold more than this. */
const MEMORY_BYTES = 2 ** 28;

async function makeSubjects(): Promise<{ original: Uint8Array; herm: Uint8Array }[]> {
  const refit = [{ widths: [4, 3], outputs: [weights(4 * 8), weights(3 * 2)], errors: [0.5, null] }];
  const cases = [
    { made: makeCase({ sizes: [3, 7, 8, 2], seed: 1 }), refits: refit },
    { made: makeCase({ sizes: [2, 9, 5, 6, 3], dtypes: ['BF16', 'F16'], seed: 2, smallest: 2, transposed: true }) },
    { made: makeCase({ sizes: [40, 12, 40], dtypes: ['F64'], seed: 3, biases: false }) },
    { made: makeCase({ gated: true, sizes: [4, 9, 3], dtypes: ['F32', 'BF16'], seed: 4 }) },
  ];
  const mask: Tensor = { name: 'mask', dtype: 'BOOL', shape: [9], data: new Uint8Array(9).fill(1) };
  return Promise.all(
    cases.map(async ({ made, refits }) => {
      const original = serializeSafetensors([...made.tensors, mask], new Map([['format', 'pt']]));
      return { original, herm: await compress(original, made.blocks, made.trees, { refits }) };
    }),
  );
}

function weights(count: number): Uint8Array {
  return fromFloat64(new Float64Array(count).fill(0.1), 'F32', 'refit', [count]).data;
}

/** What a call gave, or the code of its refusal; any other error is a failure. */
async function outcome<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HermError && error.code !== 'NATIVE') return error.code;
    throw error;
  }
}

/** Everything that can be asked of a file. Damage may be noticed, or do no harm. */
async function use(herm: Uint8Array, original: Uint8Array): Promise<string> {
  const file = await outcome(openHerm(bufferSource(herm, 'mutated.herm')));
  if (typeof file === 'string') return file;
  await outcome(file.skeleton(0.3));
  await outcome(file.skeleton(1));
  await outcome(file.tree(file.blocks[0]?.name ?? ''));
  const recovered = await outcome(collect(file.recover()));
  if (typeof recovered === 'string') return recovered;
  expect(Buffer.compare(recovered, original)).toBe(0);
  return 'recovered';
}

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

describe('a damaged .herm file', () => {
  it.each(Object.entries(MUTATIONS))(
    'is refused with a code, or gives the original back (%s)',
    async (name, mutate) => {
      const subjects = await makeSubjects();
      const count = Math.ceil(COUNT / Object.keys(MUTATIONS).length);
      const outcomes = new Map<string, number>();
      for (let n = 0; n < count; n++) {
        const seed = SEED + n;
        const random = new Random(seed);
        const { original, herm } = random.pick(subjects);
        const result = await use(await mutate(herm, random), original).catch((cause: unknown) => {
          throw new Error(`mutation ${name}, seed ${seed}`, { cause });
        });
        outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
        expect(process.memoryUsage().arrayBuffers).toBeLessThan(MEMORY_BYTES);
      }
      // Every mutation does harm most of the time: a mutation that nobody notices tests nothing.
      expect(count - (outcomes.get('recovered') ?? 0)).toBeGreaterThan(count / 3);
      if (HERM_MUTATIONS !== undefined) console.log(name, Object.fromEntries(outcomes));
    },
    60_000 + 100 * COUNT,
  );
});
