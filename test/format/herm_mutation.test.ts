import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HermError } from '../../lib/errors.ts';
import { type HermFile, openHerm } from '../../lib/file/read.ts';
import { truncate } from '../../lib/herm/truncate.ts';
import { upgrade } from '../../lib/herm/upgrade.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { fromFloat64, type Tensor } from '../../lib/model/tensor.ts';
import { makeCase } from './support/case.ts';
import { compress } from './support/herm.ts';
import { MUTATIONS } from './support/mutate.ts';
import { Random } from './support/random.ts';

/** scripts/checks/mutate.mjs asks for more, and for others. */
const { HERM_MUTATIONS, HERM_MUTATION_SEED } = process.env;
const COUNT = Number(HERM_MUTATIONS ?? 5400);
const SEED = Number(HERM_MUTATION_SEED ?? 1);
/** No mutation of files of a few kilobytes may make hermkit hold more than this. */
const MEMORY_BYTES = 2 ** 28;
/** Mutations that make the checksums fit, so that what they change may be read as if it had been written so. */
const FORGED = ['changeHeader', 'changeChunk'];

interface Subject {
  readonly original: Uint8Array;
  readonly herm: Uint8Array;
  /** Of `herm`, open. */
  readonly file: HermFile;
}

let folder: string;
let subjects: Subject[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-mutations-'));
  subjects = await makeSubjects();
});

afterAll(() => rmSync(folder, { recursive: true }));

async function makeSubjects(): Promise<Subject[]> {
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
      const herm = await compress(original, made.blocks, made.trees, { refits });
      return { original, herm, file: await openHerm(herm) };
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

/** One thing that can be done with a damaged file. Damage may be noticed, or do no harm. */
type Use = (mutated: Uint8Array, subject: Subject, forged: boolean) => Promise<string>;

const read: Use = async (mutated, { original }) => {
  const file = await outcome(openHerm(bufferSource(mutated, 'mutated.herm')));
  if (typeof file === 'string') return file;
  await outcome(file.skeleton(0.3));
  await outcome(file.skeleton(1));
  await outcome(file.tree(file.blocks[0]?.name ?? ''));
  const recovered = await outcome(collect(file.recover()));
  if (typeof recovered === 'string') return recovered;
  expect(Buffer.compare(recovered, original)).toBe(0);
  return 'unharmed';
};

/** What is salvaged of a file without forgery is a part of what was in it. */
const salvage: Use = async (mutated, { file: whole }, forged) => {
  const file = await outcome(openHerm(mutated, { salvage: true }));
  if (typeof file === 'string') return file;
  const found = await outcome(file.skeleton('full'));
  if (typeof found === 'string') return found;
  if (!forged) {
    const { tensors } = await whole.skeleton(found.widths, { refit: found.refitted });
    expect(found.tensors).toEqual(tensors);
  }
  return file.damage.length === 0 && file.complete ? 'unharmed' : 'salvaged';
};

const cut: Use = async (mutated) => {
  const path = join(folder, 'cut.herm');
  rmSync(path, { force: true });
  const report = await outcome(truncate(mutated, path, 0.4));
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  if (typeof report === 'string') {
    expect(readdirSync(folder)).not.toContain('cut.herm');
    return report;
  }
  const bytes = readFileSync(path);
  expect(Buffer.compare(bytes, mutated.subarray(0, bytes.byteLength))).toBe(0);
  expect(report.bytes).toBe(bytes.byteLength);
  return 'unharmed';
};

/** The whole file from a damaged one: the same bytes, or none that are new. */
const repair: Use = async (mutated, { herm }) => {
  const path = join(folder, 'repaired.herm');
  writeFileSync(path, mutated);
  const report = await outcome(upgrade(path, herm));
  const bytes = readFileSync(path);
  expect(Buffer.compare(bytes, typeof report === 'string' ? mutated : herm)).toBe(0);
  if (typeof report === 'string') return report;
  return report.repaired === 0 && report.bytesBefore === herm.byteLength ? 'unharmed' : 'repaired';
};

/** A beginning completed from a damaged file. */
const complete: Use = async (mutated, { herm }) => {
  const path = join(folder, 'completed.herm');
  const small = herm.subarray(0, Math.ceil(0.6 * herm.byteLength));
  writeFileSync(path, small);
  const report = await outcome(upgrade(path, mutated, { slack: 0 }));
  expect(Buffer.compare(readFileSync(path), typeof report === 'string' ? small : herm)).toBe(0);
  return typeof report === 'string' ? report : 'unharmed';
};

const USES: readonly Use[] = [read, salvage, cut, repair, complete];

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

describe('a damaged .herm file', () => {
  it.each(Object.entries(MUTATIONS))(
    'is refused with a code, or does no harm (%s)',
    async (name, mutate) => {
      const count = Math.ceil(COUNT / Object.keys(MUTATIONS).length);
      const outcomes = new Map<string, number>();
      for (let n = 0; n < count; n++) {
        const seed = SEED + n;
        const random = new Random(seed);
        const subject = random.pick(subjects);
        const mutated = await mutate(subject.herm, random);
        const use = USES[n % USES.length]!;
        const result = await use(mutated, subject, FORGED.includes(name)).catch((cause: unknown) => {
          throw new Error(`mutation ${name}, seed ${seed}, use ${n % USES.length}`, { cause });
        });
        outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
        expect(process.memoryUsage().arrayBuffers).toBeLessThan(MEMORY_BYTES);
      }
      // Every mutation does harm most of the time: a mutation that nobody notices tests nothing.
      expect(count - (outcomes.get('unharmed') ?? 0)).toBeGreaterThan(count / 4);
      if (HERM_MUTATIONS !== undefined) console.log(name, Object.fromEntries(outcomes));
    },
    60_000 + 100 * COUNT,
  );
});
