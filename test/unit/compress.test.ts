import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHerm } from '../../lib/file/read.ts';
import { type CompressOptions, type CompressProgress, compress } from '../../lib/herm/compress.ts';
import { mergeMemory } from '../../lib/herm/merge_memory.ts';
import { serializeSafetensors } from '../../lib/model/safetensors_write.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import type { DType } from '../../lib/model/tensor.ts';
import { makeNetwork, type NetworkOptions } from '../format/support/network.ts';
import { Random } from '../format/support/random.ts';
import { gaussian, repeats } from '../format/support/values.ts';

const LENET = 'test/fixtures/lenet/relu.safetensors';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermkit-compress-'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
const fresh = () => join(folder, `${files++}.herm`);

function model(options: Partial<NetworkOptions> = {}, seed = 1): Uint8Array {
  const plain = {
    sizes: [6, 20, 12, 4],
    dtypes: ['F32'] as DType[],
    biases: true,
    transposed: false,
    values: gaussian,
  };
  const { tensors } = makeNetwork(new Random(seed), { ...plain, ...options });
  return serializeSafetensors(tensors, new Map([['activation', 'relu']]));
}

/** The model's file, with NaN or infinity where a tensor's numbers start. */
function spoil(file: Uint8Array, tensor: string, ...values: number[]): Uint8Array {
  const bytes = Uint8Array.from(file);
  const view = new DataView(bytes.buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const start = 8 + length + header[tensor].data_offsets[0];
  values.forEach((value, k) => {
    view.setFloat32(start + 4 * k, value, true);
  });
  return bytes;
}

async function recovered(path: string): Promise<Uint8Array> {
  const file = await openHerm(await fileSource(path));
  const parts: Uint8Array[] = [];
  for await (const part of file.recover()) parts.push(part);
  await file.close();
  return Uint8Array.from(Buffer.concat(parts));
}

const run = (file: Uint8Array, output: string, options?: CompressOptions) =>
  compress(bufferSource(file, 'model.safetensors'), output, options);

describe('every model comes back bit for bit', () => {
  const kinds: [string, Partial<NetworkOptions>][] = (['F32', 'F16', 'BF16', 'F64'] as const).flatMap((dtype) => [
    [`${dtype}`, { dtypes: [dtype] }],
    [`${dtype} with dead, equal and scaled neurons`, { dtypes: [dtype], values: repeats }],
  ]);
  it.each([
    ...kinds,
    ['no biases', { biases: false }],
    ['one neuron', { sizes: [3, 1, 2] }],
    ['one neuron between others', { sizes: [3, 5, 1, 4, 2] }],
    ['one input and one output', { sizes: [1, 9, 1] }],
    ['dtypes that differ', { dtypes: ['BF16', 'F64', 'F16'] }],
  ] satisfies [string, Partial<NetworkOptions>][])('%s', async (_, options) => {
    const original = model(options);
    const output = fresh();
    const report = await run(original, output, { refit: [1, 0.5] });
    expect(await recovered(output)).toEqual(original);
    expect(report.leftOut).toEqual([]);
    for (const errors of report.errors) {
      expect(errors.at(-1)).toBe(0);
      for (const error of errors) expect(error >= 0 && error < Number.POSITIVE_INFINITY).toBe(true);
    }
    for (const { errors } of report.refits) for (const error of errors) expect(error).toBeLessThanOrEqual(1);
  });

  it('as large as its dtype allows, or is refused for that reason', async () => {
    const values: NetworkOptions['values'] = (random, count) =>
      Array.from({ length: count }, () => (random.unit() - 0.5) * 10 ** random.pick([-40, 0, 20, 38]));
    for (let seed = 1; seed <= 8; seed++) {
      const original = model({ values }, seed);
      const output = fresh();
      await run(original, output);
      expect(await recovered(output)).toEqual(original);
    }
    const beyond = model({
      dtypes: ['F64'],
      values: (random, n) => Array.from({ length: n }, () => random.gauss() * 1e200),
    });
    const why = expect.stringMatching(/^Block "[^"]+": .*overflow/);
    await expect(run(beyond, fresh())).rejects.toMatchObject({ code: 'NON_FINITE', message: why });
  });
});

describe('weights that are NaN or infinite', () => {
  const original = model({ sizes: [6, 20, 12, 9, 4] });

  it('are refused by tensor and count', async () => {
    const bad = spoil(original, 'fc1.weight', Number.NaN, 1, Number.POSITIVE_INFINITY);
    await expect(run(bad, fresh())).rejects.toMatchObject({
      code: 'NON_FINITE',
      message: expect.stringMatching(/fc1\.weight.* 2 numbers/),
      details: { tensor: 'fc1.weight', count: 2, file: 'model.safetensors' },
    });
    const one = spoil(original, 'fc0.bias', Number.NEGATIVE_INFINITY);
    await expect(run(one, fresh())).rejects.toThrow(/fc0\.bias.* 1 number that is /);
  });

  it.each([
    ['fc0.bias', ['fc0'], ['fc1', 'fc2']],
    ['fc1.weight', ['fc0', 'fc1'], ['fc2']],
  ])('in %s leave out the blocks that use them', async (tensor, leftOut, kept) => {
    const bad = spoil(original, tensor, Number.NaN);
    const output = fresh();
    const report = await run(bad, output, { allowNonfinite: true });
    expect(report.leftOut).toEqual(leftOut);
    expect(report.blocks.map(({ name }) => name)).toEqual(kept);
    expect(await recovered(output)).toEqual(bad);
  });

  it('in every block leave a file without hierarchies', async () => {
    const bad = spoil(spoil(original, 'fc1.weight', Number.NaN), 'fc3.weight', Number.NaN);
    const output = fresh();
    expect(await run(bad, output, { allowNonfinite: true })).toMatchObject({
      leftOut: ['fc0', 'fc1', 'fc2'],
      blocks: [],
    });
    expect(await recovered(output)).toEqual(bad);
  });
});

describe('options', () => {
  it.each([0, -0.5, 1.01, Number.NaN, Number.POSITIVE_INFINITY])('refit %d is refused', async (share) => {
    const done = run(model(), fresh(), { refit: [0.5, share] });
    await expect(done).rejects.toMatchObject({ code: 'BAD_ARGUMENT', details: { refit: share } });
  });

  it('refits are never worse than what they replace', async () => {
    const { ladder, errors, refits } = await run(model(), fresh(), { refit: [1, 0.5, 0.25] });
    expect(refits).toHaveLength(3);
    for (const refit of refits) {
      refit.widths.forEach((width, block) => {
        const level = ladder.findIndex((widths) => widths[block] === width);
        expect(refit.errors[block]).toBeLessThanOrEqual((errors[block]?.[level] as number) + 1e-6);
      });
    }
  });

  it('memory decides how blocks merge, which the report tells, and not what is written', async () => {
    const [roomy, tight] = [fresh(), fresh()];
    const { blocks, merges } = await compress(LENET, roomy);
    expect(merges.map(({ mode }) => mode)).toEqual(['stored', 'stored']);
    // Enough for the second block's Gram matrices, not for the first one's.
    const memory = mergeMemory(blocks[0]!).stored - 1;
    const { merges: others } = await compress(LENET, tight, { memory });
    expect(others.map(({ mode }) => mode)).toEqual(['computed', 'stored']);
    expect((await readFile(tight)).equals(await readFile(roomy))).toBe(true);
    await expect(compress(LENET, fresh(), { memory: 1e6 })).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    await expect(compress(LENET, fresh(), { memory: 0 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('stages come in order, each rising', async () => {
    const seen: CompressProgress[] = [];
    await compress(LENET, fresh(), { refit: [0.5], onProgress: (progress) => seen.push(progress) });
    const steps = seen.map(({ stage, block }) => `${stage} ${block ?? ''}`);
    const each = ['fc1', 'fc2'].flatMap((block) => [`merge ${block}`, `certify ${block}`, `refit ${block}`]);
    expect(steps.filter((step, at) => step !== steps[at - 1])).toEqual(['read ', ...each, 'code fc1', 'write ']);
    seen.forEach(({ stage, block, done }, at) => {
      const before = seen[at - 1];
      expect(done >= 0 && done <= 1).toBe(true);
      if (before?.stage === stage && before.block === block) expect(done).toBeGreaterThanOrEqual(before.done);
    });
    expect(seen.at(-1)).toEqual({ stage: 'write', block: undefined, done: 1 });
  });
});

describe('files', () => {
  it('the input is not overwritten, by whatever path', async () => {
    const home = join(folder, 'same');
    await mkdir(home);
    const input = join(home, 'model.safetensors');
    await copyFile(LENET, input);
    await symlink(input, join(home, 'link.safetensors'));
    const before = await readFile(input);
    const source = await fileSource(input);
    for (const output of [
      input,
      join(home, '.', 'link.safetensors'),
      join(folder, 'same', '..', 'same', 'model.safetensors'),
    ]) {
      await expect(compress(input, output)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', details: { file: output } });
      await expect(compress(source, output)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    }
    await expect(compress(join(home, 'link.safetensors'), input)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await source.close();
    expect((await readFile(input)).equals(before)).toBe(true);
    expect((await readdir(home)).sort()).toEqual(['link.safetensors', 'model.safetensors']);
  });

  it.each([
    ['a folder that is not there', () => join(folder, 'nowhere', 'x.herm')],
    ['a folder', () => folder],
    ['below a file', () => join(LENET, 'x.herm')],
    ['no name', () => ''],
  ])('an output that cannot be written: %s', async (_, output) => {
    await expect(run(model(), output())).rejects.toMatchObject({ code: 'IO' });
  });

  it('an input that cannot be read, or is no model', async () => {
    await expect(compress(join(folder, 'none'), fresh())).rejects.toMatchObject({ code: 'IO' });
    await expect(run(new Uint8Array(3), fresh())).rejects.toMatchObject({ code: 'SAFETENSORS_HEADER_TOO_SMALL' });
  });

  it.each(['read', 'merge', 'certify', 'refit', 'code', 'write'] as const)(
    'an abort in stage %s leaves an old output as it was',
    async (stage) => {
      const home = join(folder, `abort ${stage}`);
      await mkdir(home);
      const output = join(home, 'x.herm');
      await writeFile(output, 'old');
      const controller = new AbortController();
      // Long enough in every stage that it reports.
      const original = model({ sizes: [48, 420, 64], values: gaussian });
      const refit = Array.from({ length: 20 }, (_, k) => (k + 1) / 20);
      let reached = false;
      const onProgress = (progress: CompressProgress) => {
        reached ||= progress.stage === stage;
        if (reached) controller.abort();
      };
      const done = run(original, output, { refit, signal: controller.signal, onProgress });
      await expect(done).rejects.toMatchObject({ name: 'HermError', code: 'ABORTED' });
      expect(await readFile(output, 'utf8')).toBe('old');
      expect(await readdir(home)).toEqual(['x.herm']);
    },
  );
});
