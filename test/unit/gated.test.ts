import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gateSpectrum, gidGroup, gidPair, pairGates } from '../../lib/analysis/gid.ts';
import { interactionOf } from '../../lib/analysis/interaction.ts';
import { scaGroup, scaLayer, scaPair, scaPairs } from '../../lib/analysis/sca.ts';
import { symmetriesOf } from '../../lib/analysis/symmetry.ts';
import { openHerm } from '../../lib/file/read.ts';
import { certifyWidths, refitSkeleton } from '../../lib/herm/certificate.ts';
import { compress } from '../../lib/herm/compress.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { Block } from '../../lib/model/block.ts';
import { findBlocks } from '../../lib/model/blocks.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { readSafetensorsHeader } from '../../lib/model/safetensors.ts';
import { serializeSafetensors } from '../../lib/model/safetensors_write.ts';
import { bufferSource, fileSource } from '../../lib/model/source.ts';
import { fromFloat64, type Tensor, toFloat64 } from '../../lib/model/tensor.ts';
import { blockWeights, lookupIn } from '../../lib/model/weights.ts';
import { makeCase } from '../format/support/case.ts';
import { compress as writtenFile } from '../format/support/herm.ts';
import { mildCoefficients } from '../format/support/network.ts';
import { matrix, RUNS } from './oracle/arbitraries.ts';
import { expectClose } from './oracle/expect.ts';
import { dot, gram, type Matrix, multiply, rowsOf, transpose } from './oracle/matrix.ts';

/** A gated block's numbers, neurons as rows. */
interface Gated {
  readonly gate: Matrix;
  readonly gateBias: readonly number[];
  readonly value: Matrix;
  readonly valueBias: readonly number[];
  readonly output: Matrix;
}

const waves = (rows: number, cols: number, phase: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: cols }, (_, j) => Math.sin(12.9898 * (i + 1) + 78.233 * (j + 1) * (i + phase))),
  );

const sample = (m: number, n: number, p: number): Gated => ({
  gate: waves(m, n, 1),
  gateBias: waves(1, m, 2)[0]!,
  value: waves(m, n, 3),
  valueBias: waves(1, m, 4)[0]!,
  output: waves(m, p, 5),
});

const tensor = (name: string, values: Matrix): Tensor =>
  fromFloat64(Float64Array.from(values.flat()), 'F64', name, [values.length, values[0]!.length]);
const vector = (name: string, values: readonly number[]): Tensor =>
  fromFloat64(Float64Array.from(values), 'F64', name, [values.length]);

const PART = 'model.layers.0.mlp';

function tensorsOf({ gate, gateBias, value, valueBias, output }: Gated, bias?: readonly number[]): Tensor[] {
  return [
    tensor(`${PART}.gate_proj.weight`, gate),
    vector(`${PART}.gate_proj.bias`, gateBias),
    tensor(`${PART}.up_proj.weight`, value),
    vector(`${PART}.up_proj.bias`, valueBias),
    tensor(`${PART}.down_proj.weight`, transpose(output)),
    ...(bias ? [vector(`${PART}.down_proj.bias`, bias)] : []),
  ];
}

async function headerOf(tensors: readonly Tensor[]) {
  return readSafetensorsHeader(bufferSource(serializeSafetensors(tensors)));
}

async function load(gated: Gated, activation: string) {
  const tensors = tensorsOf(gated);
  const block = findBlocks(await headerOf(tensors), { activation })[0] as Block;
  return { block, weights: blockWeights(block, lookupIn(tensors)) };
}

const zeros = (name: string, ...shape: number[]): Tensor =>
  fromFloat64(new Float64Array(shape.reduce((a, b) => a * b)), 'F64', name, shape);

describe('gated blocks are found', () => {
  it('in a Llama, by name, and not confused by attention', async () => {
    const layer = (l: number) => [
      ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) =>
        zeros(`model.layers.${l}.self_attn.${name}.weight`, 4, 4),
      ),
      zeros(`model.layers.${l}.mlp.gate_proj.weight`, 6, 4),
      zeros(`model.layers.${l}.mlp.up_proj.weight`, 6, 4),
      zeros(`model.layers.${l}.mlp.down_proj.weight`, 4, 6),
      zeros(`model.layers.${l}.input_layernorm.weight`, 4),
    ];
    const tensors = [...[0, 2, 10].flatMap(layer), zeros('model.embed_tokens.weight', 9, 4)];
    const blocks = findBlocks(await headerOf(tensors), { activation: 'silu' });
    expect(blocks.map(({ name }) => name)).toEqual([0, 2, 10].map((l) => `model.layers.${l}.mlp`));
    const ref = (name: string, rows: number, cols: number, transposed: boolean) => {
      return { tensor: `model.layers.2.mlp.${name}.weight`, rows, cols, transposed };
    };
    expect(blocks[1]).toEqual({
      name: 'model.layers.2.mlp',
      activation: { name: 'silu', slope: 1 },
      neurons: 6,
      inputs: 4,
      outputs: 4,
      input: ref('up_proj', 6, 4, false),
      bias: undefined,
      output: ref('down_proj', 4, 6, true),
      outputBias: undefined,
      gate: { weight: ref('gate_proj', 6, 4, false), bias: undefined },
    });
  });

  it('in a T5 v1.1', async () => {
    const part = 'encoder.block.0.layer.1.DenseReluDense';
    const tensors = [zeros(`${part}.wi_0.weight`, 6, 4), zeros(`${part}.wi_1.weight`, 6, 4)];
    const blocks = findBlocks(await headerOf([...tensors, zeros(`${part}.wo.weight`, 4, 6)]), { activation: 'gelu' });
    expect(blocks).toMatchObject([
      { name: part, input: { tensor: `${part}.wi_1.weight` }, gate: { weight: { tensor: `${part}.wi_0.weight` } } },
    ]);
  });

  it('by hand, with weights stored either way round', async () => {
    const tensors = [zeros('g', 4, 6), zeros('gb', 6), zeros('u', 4, 6), zeros('ub', 6), zeros('v', 6, 3)];
    const option = { input: 'u', inputTransposed: true, bias: 'ub', output: 'v', outputTransposed: true };
    const gate = { gate: 'g', gateBias: 'gb' };
    const [block] = findBlocks(await headerOf(tensors), { blocks: [{ ...option, ...gate }], activation: 'gelu' });
    expect(block).toMatchObject({
      ...{ name: 'u', neurons: 6, inputs: 4, outputs: 3, bias: 'ub' },
      gate: { weight: { tensor: 'g', rows: 4, cols: 6, transposed: true }, bias: 'gb' },
    });
  });

  it.each([
    ['a gate of another shape', { gate: 'u' }, 'BLOCK_SHAPE', '"u" [4, 6]'],
    ['a gate that is the value', { gate: 'w' }, 'SHARED_TENSOR', '"w"'],
    ['a gate that is not there', { gate: 'missing' }, 'TENSOR_MISSING', '"missing"'],
    ['a gate bias that is the value bias', { gate: 'g', bias: 'b', gateBias: 'b' }, 'SHARED_TENSOR', '"b"'],
    ['a gate bias of another length', { gate: 'g', gateBias: 'c' }, 'BLOCK_SHAPE', '"c" has shape [4]'],
    ['a gate bias without a gate', { gateBias: 'b' }, 'BLOCK_SPEC', 'has no gate'],
  ])('refuses %s', async (_, gate, code, text) => {
    const shapes = [
      zeros('w', 6, 4),
      zeros('g', 6, 4),
      zeros('u', 4, 6),
      zeros('v', 3, 6),
      zeros('b', 6),
      zeros('c', 4),
    ];
    const header = await headerOf(shapes);
    const find = () => findBlocks(header, { blocks: [{ input: 'w', output: 'v', ...gate }], activation: 'silu' });
    expect(find).toThrow(expect.objectContaining({ code, message: expect.stringContaining(text) }));
  });
});

describe('what a gated block computes', () => {
  it('is its definition', async () => {
    const gated = sample(7, 4, 3);
    const bias = [0.5, -1, 2];
    const tensors = tensorsOf(gated, bias);
    const blocks = findBlocks(await headerOf(tensors), { activation: 'silu' });
    const x = waves(11, 4, 6);
    const y = await forward(mlpLayers(blocks, lookupIn(tensors)), Float64Array.from(x.flat()), 11);
    const silu = (z: number) => z / (1 + Math.exp(-z));
    const hidden = x.map((row) =>
      gated.gate.map((g, i) => {
        return silu(dot(g, row) + gated.gateBias[i]!) * (dot(gated.value[i]!, row) + gated.valueBias[i]!);
      }),
    );
    expectClose(
      rowsOf(y, 3),
      multiply(hidden, gated.output).map((row) => row.map((value, c) => value + bias[c]!)),
    );
  });

  it('may feed a plain block, and not be fed by one', async () => {
    const first = sample(5, 3, 4);
    const tensors = [
      tensor('g', first.gate),
      tensor('u', first.value),
      tensor('w', transpose(first.output)),
      tensor('v', waves(2, 4, 9)),
      tensor('h', waves(4, 5, 8)),
    ];
    const header = await headerOf(tensors);
    const gated = { input: 'u', gate: 'g', output: 'w' };
    const blocks = findBlocks(header, { blocks: [gated, { input: 'w', output: 'v' }], activation: 'tanh' });
    const x = waves(3, 3, 7);
    const y = await forward(mlpLayers(blocks, lookupIn(tensors)), Float64Array.from(x.flat()), 3);
    const hidden = x.map((row) => first.gate.map((g, i) => Math.tanh(dot(g, row)) * dot(first.value[i]!, row)));
    const middle = multiply(hidden, first.output).map((row) => row.map(Math.tanh));
    expectClose(rowsOf(y, 2), multiply(middle, transpose(waves(2, 4, 9))));

    // Its inputs would have outputs in two matrices.
    const fed = [{ input: 'u', output: 'w' }, { input: 'w', gate: 'h', output: 'v' }]; // biome-ignore format: pairs
    expect(() => findBlocks(header, { blocks: fed, activation: 'tanh' })).toThrow(
      expect.objectContaining({ code: 'SHARED_TENSOR' }),
    );
    const [plain, second] = [
      { ...blocks[0]!, gate: undefined },
      { ...blocks[1]!, gate: blocks[0]!.gate },
    ];
    expect(() => mlpLayers([plain, second], lookupIn(tensors))).toThrow('only the first one may be gated');
  });
});

/** E[(a + g·x)(b + u·x)(c + h·x)(d + w·x)] for x ~ N(0, I), by Isserlis' theorem. */
function bilinearKernel(gated: Gated, i: number, j: number): number {
  const { gate, gateBias, value, valueBias } = gated;
  const vectors = [gate[i]!, value[i]!, gate[j]!, value[j]!];
  const means = [gateBias[i]!, valueBias[i]!, gateBias[j]!, valueBias[j]!];
  const s = gram(vectors);
  const pairings: [number, number, number, number][] = [[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2]]; // biome-ignore format: rows
  const two = pairings.map(([a, b, c, d]) => {
    return s[a]![b]! * s[c]![d]! + s[a]![b]! * means[c]! * means[d]! + s[c]![d]! * means[a]! * means[b]!;
  });
  return two.reduce((sum, term) => sum + term, means[0]! * means[1]! * means[2]! * means[3]!);
}

const gatedGroup = (g: number) =>
  fc
    .tuple(matrix(g, 3), matrix(1, g), matrix(g, 3), matrix(1, g), matrix(g, 2))
    .map(([gate, gateBias, value, valueBias, output]): Gated => {
      return { gate, gateBias: gateBias[0]!, value, valueBias: valueBias[0]!, output };
    });

describe('the interaction of gated neurons', () => {
  it('is exact for the identity, by Isserlis', async () => {
    await fc.assert(
      fc.asyncProperty(gatedGroup(4), async (gated) => {
        const { block, weights } = await load(gated, 'identity');
        const { kernel, outputGram, interaction } = await interactionOf(block, weights);
        const expected = gated.gate.map((_, i) => gated.gate.map((__, j) => bilinearKernel(gated, i, j)));
        const h = gram(gated.output);
        expectClose(rowsOf(kernel, 4), expected, 1e-9);
        expectClose(rowsOf(outputGram, 4), h, 1e-12);
        expectClose(
          rowsOf(interaction, 4),
          expected.map((row, i) => row.map((value, j) => value * h[i]![j]!)),
          1e-8,
        );
      }),
      RUNS,
    );
  });

  it('does not change when a factor moves from a value to its outputs', async () => {
    const gated = sample(6, 5, 4);
    const factors = [-3, 0.5, 1, -1, 7, 2];
    const times = (rows: Matrix, by: readonly number[]) => rows.map((row, i) => row.map((value) => value * by[i]!));
    const moved: Gated = {
      ...gated,
      value: times(gated.value, factors),
      valueBias: gated.valueBias.map((value, i) => value * factors[i]!),
      output: times(
        gated.output,
        factors.map((factor) => 1 / factor),
      ),
    };
    const [before, after] = await Promise.all([load(gated, 'silu'), load(moved, 'silu')]);
    const a = await interactionOf(before.block, before.weights);
    const b = await interactionOf(after.block, after.weights);
    expectClose(rowsOf(b.interaction, 6), rowsOf(a.interaction, 6), 1e-11);
    const [gates, same] = [
      await gateSpectrum(before.block, before.weights),
      await gateSpectrum(after.block, after.weights),
    ];
    expectClose([[...same.gates]], [[...gates.gates]], 1e-10);
  });
});

describe('GID of gated neurons', () => {
  it('has the gates of the kernel, in pairs, groups and lists of pairs', async () => {
    const { block, weights } = await load(sample(20, 5, 6), 'gelu');
    const { kernel } = await interactionOf(block, weights);
    const pair = await gidPair(block, weights, 3, 11);
    const at = (i: number, j: number) => kernel[20 * i + j]!;
    expectClose(rowsOf(pair.kernel, 2), [[at(3, 3), at(3, 11)], [at(11, 3), at(11, 11)]], 1e-12); // biome-ignore format: rows
    const listed = await pairGates(block, weights, Uint32Array.from([0, 1, 3, 11]));
    expectClose([[...listed.subarray(2)]], [[...pair.gates]], 1e-10);
    const group = await gidGroup(block, weights, [...Array(20).keys()]);
    const spectrum = await gateSpectrum(block, weights);
    expectClose([[...group.gates]], [[...spectrum.gates]], 1e-10);
    const trace = group.gates.reduce((sum, gate) => sum + gate ** 2, 0);
    expect(trace).toBeCloseTo(spectrum.norm ** 2, 9);
  });
});

describe('SCA of gated neurons', () => {
  const gated = sample(8, 4, 3);
  const neuron = (i: number) => ({
    ...{ gate: gated.gate[i]!, gateBias: gated.gateBias[i]! },
    ...{ input: gated.value[i]!, bias: gated.valueBias[i]!, output: gated.output[i]! },
  });

  it('takes gate, value and their biases as the input part', async () => {
    const { block, weights } = await load(gated, 'silu');
    const layer = await scaLayer(block, weights);
    expect(layer).toMatchObject({ inputs: 10, width: 13, neurons: 8, rank: 8 });
    expect(layer).toEqual(await scaGroup(gated.gate.map((_, i) => neuron(i))));
    // The components give the neurons back, and their parts are orthogonal on either side.
    const joint = gated.gate.map((g, i) => {
      return [...g, gated.gateBias[i]!, ...gated.value[i]!, gated.valueBias[i]!, ...gated.output[i]!];
    });
    const basis = rowsOf(layer.basis, 13);
    expectClose(multiply(rowsOf(layer.coordinates, 8), basis), joint);
    const shares = gram(basis.map((row) => row.slice(0, 10)));
    expectClose(
      shares,
      shares.map((row, i) => row.map((_, j) => (i === j ? layer.shares[i]! : 0))),
    );
  });

  it('has the shares of a pair among many', async () => {
    const { block, weights } = await load(gated, 'silu');
    const { shares, angles } = await scaPairs(block, weights, Uint32Array.from([2, 5]));
    const pair = await scaPair(neuron(2), neuron(5));
    expectClose([[...shares], [...angles]], [[...pair.shares], [...pair.angles]]);
  });

  it('refuses a pair of which one has a gate', async () => {
    const { gate: _, ...plain } = neuron(1);
    await expect(scaPair(neuron(0), plain)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining('neurons[1].gate has no numbers'),
    });
  });
});

describe('symmetries of gated blocks', () => {
  it('are copies of a gate whose values differ by a factor, and neurons without a value', async () => {
    const gated = sample(5, 4, 3);
    const gate = gated.gate.map((row, i) => (i === 3 ? gated.gate[1]! : row));
    const gateBias = gated.gateBias.map((b, i) => (i === 3 ? gated.gateBias[1]! : b));
    const value = gated.value.map((row, i) => {
      if (i === 3) return gated.value[1]!.map((x) => -4 * x);
      return i === 4 ? row.map(() => 0) : row;
    });
    const valueBias = [...gated.valueBias.slice(0, 3), -4 * gated.valueBias[1]!, 0];
    const { block, weights } = await load({ ...gated, gate, gateBias, value, valueBias }, 'silu');
    const { dead, constant, duplicates, groups } = await symmetriesOf(block, weights);
    expect({ dead, constant, duplicates, groups: [...groups] }).toEqual({
      dead: [4],
      constant: [],
      duplicates: [3],
      groups: [0, 1, 2, 1, 4],
    });
  });
});

describe('a certificate of a gated block', () => {
  const made = makeCase({ gated: true, sizes: [5, 14, 4], smallest: 2, seed: 3, coefficients: mildCoefficients });
  const tree = made.trees[0]!;
  const block: Block = { ...made.blocks[0]!, activation: { name: 'silu', slope: 1 } };
  const weights = blockWeights(block, lookupIn(made.tensors));

  it('is the error of the skeleton that its file serves', async () => {
    const file = await openHerm(bufferSource(await writtenFile(serializeSafetensors(made.tensors), [block], [tree])));
    const widths = [2, 5, 11, 14];
    const errors = await certifyWidths(block, weights, tree, widths);
    const { gates } = await gateSpectrum(block, weights);
    const energy = gates.reduce((sum, gate) => sum + gate ** 2, 0);
    for (const [at, width] of widths.entries()) {
      const skeleton = lookupIn((await file.skeleton({ fc0: width })).tensors);
      expect(errors[at]).toBeCloseTo(Math.sqrt(Math.max(0, await distance(made.tensors, skeleton, width)) / energy), 6);
    }
    expect(errors[3]).toBe(0);
  });

  it('is lower after a refit', async () => {
    const [before] = await certifyWidths(block, weights, tree, [6]);
    const refit = await refitSkeleton(block, weights, tree, 6);
    expect(refit.output).toHaveLength(6 * 4 * 4);
    expect(refit.error).toBeLessThan(before!);
  });

  it('asks for the gate of a tree', async () => {
    const without = { ...tree, gate: undefined };
    await expect(certifyWidths(block, weights, without, [5])).rejects.toThrow('the tree does not fit the block');
  });

  /** ‖f − f_k‖²: that of the block of all neurons of both, those of the skeleton with their outputs negated. */
  async function distance(original: readonly Tensor[], skeleton: (name: string) => Tensor, width: number) {
    const joined = original
      .filter(({ name }) => name !== 'fc1.bias')
      .map(({ name }) => {
        const [all, few] = [toFloat64(lookupIn(original)(name)), toFloat64(skeleton(name))];
        if (name !== 'fc1.weight') return [name, [...all, ...few]] as const;
        const outputs = rowsOf(all, 14).map((row, c) => [...row, ...rowsOf(few, width)[c]!.map((v) => -v)]);
        return [name, outputs.flat()] as const;
      });
    const neurons = 14 + width;
    const shape = (name: string) =>
      name.endsWith('bias') ? [neurons] : name === 'fc1.weight' ? [4, neurons] : [neurons, 5];
    const tensors = joined.map(([name, values]) => fromFloat64(Float64Array.from(values), 'F64', name, shape(name)));
    const both = findBlocks(await headerOf(tensors), {
      blocks: [
        {
          ...{ name: 'fc0', input: 'fc0.weight', bias: 'fc0.bias', output: 'fc1.weight' },
          ...{ gate: 'gate0.weight', gateBias: 'gate0.bias' },
        },
      ],
      activation: 'silu',
    })[0]!;
    const { interaction } = await interactionOf(both, blockWeights(both, lookupIn(tensors)));
    return interaction.reduce((sum, value) => sum + value, 0);
  }
});

describe('compressing gated blocks', () => {
  it.each(['silu', 'relu', 'gelu_tanh'])(
    '%s: the original comes back, and every width is smaller',
    async (activation) => {
      const folder = await mkdtemp(join(tmpdir(), 'hermkit-gated-'));
      try {
        const output = join(folder, 'out.herm');
        const original = serializeSafetensors(tensorsOf(sample(40, 6, 5)));
        const report = await compress(bufferSource(original, 'model.safetensors'), output, {
          activation,
          refit: [0.5],
        });
        expect(report.errors[0]!.at(-1)).toBe(0);
        expect(report.refits[0]!.errors[0]).toBeLessThan(1);
        const file = await openHerm(await fileSource(output));
        const parts: Uint8Array[] = [];
        for await (const part of file.recover()) parts.push(part);
        expect(Buffer.compare(Buffer.concat(parts), original)).toBe(0);
        const [block, tree] = [file.blocks[0]!, await file.tree(PART)];
        const weights = blockWeights(block, lookupIn(tensorsOf(sample(40, 6, 5))));
        const widths = report.ladder.map(([width]) => width!);
        expect(report.errors[0]).toEqual(await certifyWidths(block, weights, tree, widths));
        const { tensors } = await file.skeleton({ [PART]: 10 });
        expect(tensors.map(({ name, shape }) => [name.slice(PART.length + 1), shape])).toEqual([
          ['down_proj.weight', [5, 10]],
          ['gate_proj.bias', [10]],
          ['gate_proj.weight', [10, 6]],
          ['up_proj.bias', [10]],
          ['up_proj.weight', [10, 6]],
        ]);
        await file.close();
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );

  it('merges copies first, and for nothing, whatever the scale of their values', async () => {
    const gated = sample(12, 6, 5);
    const copy = (rows: Matrix, factor: number) =>
      rows.map((row, i) => (i === 7 ? rows[2]!.map((x) => factor * x) : row));
    const { block, weights } = await load(
      {
        ...gated,
        gate: copy(gated.gate, 1),
        gateBias: gated.gateBias.map((b, i) => (i === 7 ? gated.gateBias[2]! : b)),
        value: copy(gated.value, -4),
        valueBias: gated.valueBias.map((b, i) => (i === 7 ? -4 * gated.valueBias[2]! : b)),
      },
      'silu',
    );
    const tree = await buildTree(block, weights);
    expect([...tree.pairs.subarray(0, 2)]).toEqual([2, 7]);
    const [first] = await certifyWidths(block, weights, tree, [11]);
    expect(first).toBeLessThan(1e-6);
  });
});
