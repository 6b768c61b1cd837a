import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Block, BlockGate } from '../../lib/model/block.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { type ByteSource, bufferSource } from '../../lib/model/source.ts';
import { fromFloat64, type Tensor } from '../../lib/model/tensor.ts';
import { type Case, makeCase } from './support/case.ts';
import { type HermToWrite, writeHerm } from './support/herm.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermkit-write-'));
  path = join(folder, 'model.herm');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function inputOf({ tensors, blocks, trees }: Case): HermToWrite {
  return { source: bufferSource(serializeSafetensors(tensors), 'some/folder/model.safetensors'), blocks, trees };
}

describe('writeHerm', () => {
  it('reports where every byte of the file is', async () => {
    const made = makeCase({ sizes: [3, 8, 2] });
    const refits = [
      { widths: [4], outputs: [fromFloat64(new Float64Array(8), 'F32', 'refit', [4, 2]).data], errors: [null] },
    ];
    const report = await writeHerm(path, { ...inputOf(made), refits });
    const { bytes, headerBytes, sourceBytes, flatBytes, levelBytes, refitBytes } = report;
    expect(bytes).toBe(readFileSync(path).byteLength);
    const levels = levelBytes.reduce((sum, level) => sum + level, 0);
    expect(headerBytes + sourceBytes + flatBytes + levels + refitBytes).toBe(bytes);
    // The header of the original, the last layer's biases, the levels and the refit.
    expect(report.chunks).toBe(1 + 1 + levelBytes.length + 1);
    expect(refitBytes).toBeGreaterThan(0);
  });

  it('reports progress up to 1, and never backwards', async () => {
    const shares: number[] = [];
    await writeHerm(path, { ...inputOf(makeCase()), options: { onProgress: (done) => shares.push(done) } });
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(0.9);
    expect(shares.at(-1)).toBeLessThanOrEqual(1);
  });

  it('leaves the file that was there when it is aborted, at any time', async () => {
    writeFileSync(path, 'before');
    const input = inputOf(makeCase());
    for (const when of [0, 0.2, 0.5, 0.9]) {
      const controller = new AbortController();
      const onProgress = (done: number) => (done >= when ? controller.abort() : undefined);
      const options = { signal: controller.signal, onProgress };
      await expect(writeHerm(path, { ...input, options })).rejects.toMatchObject({ code: 'ABORTED' });
      expect(readFileSync(path, 'utf8')).toBe('before');
      expect(readdirSync(folder)).toEqual(['model.herm']);
    }
  });

  it('writes nothing when the original changes while it is read', async () => {
    const input = inputOf(makeCase());
    let reads = 0;
    const shifting: ByteSource = {
      ...input.source,
      async read(offset, length) {
        const bytes = new Uint8Array(await input.source.read(offset, length));
        // The header takes two reads and the digest one; what comes later differs in its last bit.
        if (reads++ > 2) bytes[bytes.length - 1]! ^= 1;
        return bytes;
      },
    };
    await expect(writeHerm(path, { ...input, source: shifting })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses infinities and NaN in a block, and names the tensor', async () => {
    const made = makeCase();
    new DataView(made.tensors[2]!.data.buffer).setFloat32(8, Number.NaN, true);
    await expect(writeHerm(path, inputOf(made))).rejects.toMatchObject({
      code: 'NON_FINITE',
      details: { tensor: 'fc1.weight' },
    });
  });

  it('refuses trees that are not the blocks’', async () => {
    const input = inputOf(makeCase());
    const { trees } = input;
    await expect(writeHerm(path, { ...input, trees: trees.toReversed() })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    const refits = [{ widths: [4, 4], outputs: [new Uint8Array(3), new Uint8Array(3)], errors: [0, 0] }];
    await expect(writeHerm(path, { ...input, refits })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('tensors that blocks share', () => {
  /** A square layer, so that any tensor could stand for any other. */
  const square = () => makeCase({ sizes: [6, 6, 6, 6], coefficients: () => [0x3c00, 0] });
  const change = (made: Case, index: number, changes: Partial<Block>): Case => {
    const blocks = made.blocks.map((block, at) => (at === index ? { ...block, ...changes } : block));
    return { ...made, blocks };
  };
  const ref = (tensor: string, transposed: boolean) => ({ tensor, rows: 6, cols: 6, transposed });

  /** The case with a gate weight of its own, and a block that has it (or something else) for a gate. */
  const gated = (made: Case, index: number, gate: BlockGate): Case => {
    const weight = { ...made.tensors[0]!, name: 'gate' };
    const { blocks } = change(made, index, { gate });
    const trees = made.trees.map((tree, at) => {
      return at === index ? { ...tree, gate: { alpha: tree.alpha, bias: tree.bias } } : tree;
    });
    return { tensors: [...made.tensors, weight], blocks, trees };
  };

  it.each<[string, (made: Case) => Case]>([
    ['input weights of two blocks', (made) => change(made, 1, { input: ref('fc0.weight', false) })],
    ['output weights of two blocks', (made) => change(made, 1, { output: ref('fc1.weight', true) })],
    ['both weights of one block', (made) => change(made, 0, { output: ref('fc0.weight', true) })],
    ['input and output along the same axis', (made) => change(made, 1, { input: ref('fc1.weight', true) })],
    ['biases of two blocks', (made) => change(made, 1, { bias: 'fc0.bias' })],
    ['a bias and an output bias that shrink apart', (made) => change(made, 1, { outputBias: 'fc0.bias' })],
    ['a bias and an output bias of one block', (made) => change(made, 0, { outputBias: 'fc0.bias' })],
    ['a gate that is the input', (made) => gated(made, 0, { weight: ref('fc0.weight', false), bias: undefined })],
    ['a gate that is the output', (made) => gated(made, 0, { weight: ref('fc1.weight', true), bias: undefined })],
    ['a gate bias that is the bias', (made) => gated(made, 0, { weight: ref('gate', false), bias: 'fc0.bias' })],
    ['a gated block that another one feeds', (made) => gated(made, 1, { weight: ref('gate', false), bias: undefined })],
  ])('are refused: %s', async (_, alter) => {
    await expect(writeHerm(path, inputOf(alter(square())))).rejects.toMatchObject({
      code: 'SHARED_TENSOR',
      message: expect.stringMatching(/"fc[01]\.(weight|bias)"/),
    });
  });

  it('must be there and have the shape and dtype that the block says', async () => {
    const made = square();
    const integers: Tensor = { ...made.tensors[0]!, dtype: 'I32' };
    const wrong = [
      change(made, 0, { bias: 'nowhere' }),
      change(made, 0, { neurons: 7 }),
      change(made, 0, { input: { ...ref('fc0.weight', false), rows: 5 } }),
      { ...made, tensors: made.tensors.map((tensor, at) => (at === 0 ? integers : tensor)) },
    ];
    for (const alternative of wrong) {
      await expect(writeHerm(path, inputOf(alternative))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
  });
});
