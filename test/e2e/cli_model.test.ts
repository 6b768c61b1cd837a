import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromFloat64, serializeSafetensors } from '../../lib/index.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();

/** A model of F32 tensors by name: nested lists are rows. */
function write(
  name: string,
  tensors: Record<string, readonly number[] | readonly (readonly number[])[]>,
  metadata = {},
) {
  const list = Object.entries(tensors).map(([tensor, values]) => {
    const flat = values.flat();
    const shape = Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length];
    return fromFloat64(flat, 'F32', tensor, shape);
  });
  writeFileSync(at(name), serializeSafetensors(list, new Map(Object.entries(metadata))));
  return at(name);
}

async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await herm(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('herm inspect', () => {
  it('shows the blocks of a LeNet', async () => {
    const { file, tensors, parameters, blocks } = await json('inspect', LENET);
    expect({ file, tensors, parameters }).toEqual({ file: LENET, tensors: 6, parameters: 266_610 });
    expect(blocks).toMatchObject([
      { name: 'fc1', inputs: 784, neurons: 300, outputs: 100, dtype: 'F32', activation: { name: 'relu' } },
      { name: 'fc2', inputs: 300, neurons: 100, outputs: 10, bias: 'fc2.bias', outputBias: 'fc3.bias' },
    ]);
  });

  it('finds dead and constant neurons and copies', async () => {
    const model = write(
      'symmetric.safetensors',
      {
        'fc1.weight': [[1, 2], [3, -1], [2, 4], [0, 0], [1, 1]], // biome-ignore format: rows
        'fc1.bias': [0.5, 1, 1, 2, 0],
        'fc2.weight': [[1, 0, 1, 1, 1], [2, 0, -1, 1, 1]], // biome-ignore format: rows
      },
      { activation: 'relu' },
    );
    const { blocks } = await json('inspect', model);
    expect(blocks[0].symmetries).toEqual({ dead: [1], constant: [3], copies: [{ neuron: 2, of: 0 }] });
    const { stdout } = await herm('inspect', model);
    expect(stdout).toMatch(/^fc1 +2 > 5 > 2 +F32 +relu +1 +1 +1$/m);
  });

  it('finds gated blocks by name, which sca, gid and compress take', async () => {
    const model = write(
      'gated.safetensors',
      {
        'layers.0.mlp.gate_proj.weight': [[1, 2], [1, 2], [0, 1]], // biome-ignore format: rows
        'layers.0.mlp.up_proj.weight': [[1, 0], [-2, 0], [1, 1]], // biome-ignore format: rows
        'layers.0.mlp.down_proj.weight': [[1, 2, 3], [0, 1, 1]], // biome-ignore format: rows
      },
      { activation: 'silu' },
    );
    const { blocks } = await json('inspect', model);
    expect(blocks).toMatchObject([
      {
        ...{ name: 'layers.0.mlp', inputs: 2, neurons: 3, outputs: 2 },
        gate: { weight: { tensor: 'layers.0.mlp.gate_proj.weight' } },
        symmetries: { dead: [], constant: [], copies: [{ neuron: 1, of: 0 }] },
      },
    ]);
    const pair = ['--block', 'layers.0.mlp', '--pair', '0,1'];
    expect(await json('gid', model, ...pair)).toMatchObject({ rank: 1 });
    const sca = await json('sca', model, ...pair);
    expect(sca).toMatchObject({ rank: 2, inputs: 6 });
    expect(sca.basis[0]).toHaveLength(8);
    const { code } = await herm('compress', model, '-o', at('gated.herm'));
    expect(code).toBe(0);
    expect(await json('info', at('gated.herm'))).toMatchObject({ blocks: [{ name: 'layers.0.mlp', neurons: 3 }] });
    expect((await herm('recover', at('gated.herm'), '-o', at('gated-again.safetensors'))).code).toBe(0);
    expect(readFileSync(at('gated-again.safetensors'))).toEqual(readFileSync(model));
  });

  it('asks for an activation that the file does not say', async () => {
    const model = write('silent.safetensors', { 'fc1.weight': [[1, 2], [3, 4]], 'fc2.weight': [[1, 2]] }); // biome-ignore format: rows
    const { code, stdout } = await herm('inspect', model);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fc1 .*unknown/m);
    expect(stdout).toContain('--activation relu');
    expect((await json('inspect', model, '--activation', 'tanh')).blocks[0].activation.name).toBe('tanh');
  });

  it('lists the matrices where it cannot tell the blocks', async () => {
    const model = write('ambiguous.safetensors', { 'a.weight': [[1, 2], [3, 4]], 'b.weight': [[1, 2], [3, 4]] }); // biome-ignore format: rows
    const text = await herm('inspect', model);
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/^a\.weight +2 x 2 +F32$/m);
    expect(text.stdout).toContain('--blocks');
    const report = await herm('inspect', model, '--json');
    expect(JSON.parse(report.stdout)).toMatchObject({ error: { code: 'BLOCKS_AMBIGUOUS' }, matrices: [{}, {}] });
    expect((await json('inspect', model, '--blocks', 'b>a')).blocks[0].name).toBe('b');
  });
});

describe('herm sca', () => {
  it('decomposes a pair: orthonormal components, shares and coordinates that give the neurons back', async () => {
    const { rank, shares, basis, coordinates, inputs } = await json('sca', LENET, '--block', 'fc1', '--pair', '3,17');
    expect(rank).toBe(2);
    expect(shares[0]).toBeGreaterThanOrEqual(shares[1]);
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
    expect(dot(basis[0], basis[0])).toBeCloseTo(1, 12);
    expect(dot(basis[0], basis[1])).toBeCloseTo(0, 12);
    expect(dot(basis[0].slice(0, inputs), basis[1].slice(0, inputs))).toBeCloseTo(0, 12);
    expect(coordinates.map((row: number[]) => row.length)).toEqual([2, 2]);
  });

  it('takes groups and whole layers', async () => {
    const group = await json('sca', LENET, '--block', 'fc2', '--group', '3,17,21');
    expect(group).toMatchObject({ neurons: [3, 17, 21], rank: 3 });
    const layer = await json('sca', LENET, '--block', 'fc2');
    expect(layer).toMatchObject({ neurons: 'all', rank: 100 });
    const { stdout } = await herm('sca', LENET, '--block', 'fc2', '--group', '3,17,21');
    expect(stdout).toMatch(/^component +input share +output share +angle +neuron 3 +neuron 17 +neuron 21$/m);
  });
});

describe('herm gid', () => {
  it('decomposes a pair: its two terms have the energy of the pair', async () => {
    const { gates, kernel, outputGram } = await json('gid', LENET, '--block', 'fc1', '--pair', '5,8');
    const energy = kernel.reduce((sum: number, phi: number, k: number) => sum + phi * outputGram[k], 0);
    expect(gates[0] ** 2 + gates[1] ** 2).toBeCloseTo(energy, 10);
  });

  it('bounds what any smaller layer must lose: no certificate is below', async () => {
    const { gates, bounds } = await json('gid', LENET, '--block', 'fc1');
    expect(gates).toHaveLength(300);
    const { levels } = await json('compress', LENET, '-o', at('lenet.herm'));
    for (const { widths, errors } of levels) expect(errors.fc1).toBeGreaterThanOrEqual(bounds[widths.fc1] - 1e-9);
    const { stdout } = await herm('gid', LENET, '--block', 'fc1');
    expect(stdout).toMatch(/^neurons +kept +gate +error at least$/m);
  });
});

describe('weights that are not finite', () => {
  const nan = { 'fc1.weight': [[1, 2], [3, Number.NaN]], 'fc2.weight': [[1, 2]], 'fc3.weight': [[1], [2]] }; // biome-ignore format: rows

  it('are refused by name', async () => {
    const model = write('nan.safetensors', nan, { activation: 'relu' });
    const { code, stderr } = await herm('compress', model, '-o', at('nan.herm'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error NON_FINITE: .*fc1\.weight.*--allow-nonfinite/);
  });

  it('are stored as they are if that is allowed, and come back', async () => {
    const model = write('nan.safetensors', nan, { activation: 'relu' });
    const inspected = await herm('inspect', model, '--activation', 'relu');
    expect(inspected.code).toBe(0);
    expect(inspected.stdout).toMatch(/NaN or infinite weights: fc1\. .*--allow-nonfinite/);
    const report = await json('compress', model, '-o', at('nan.herm'), '--allow-nonfinite');
    expect(report).toMatchObject({ leftOut: ['fc1'], blocks: [{ name: 'fc2' }] });
    expect(await json('verify', at('nan.herm'), '--against', model)).toMatchObject({ ok: true, matches: true });
  });

  it('may leave no block at all', async () => {
    const model = write(
      'nan1.safetensors',
      { 'fc1.weight': nan['fc1.weight'], 'fc2.weight': [[1, 2]] },
      { activation: 'relu' },
    );
    const { code, stdout } = await herm('compress', model, '-o', at('none.herm'), '--allow-nonfinite');
    expect(code).toBe(0);
    expect(stdout).toContain('Without a hierarchy, because of NaN or infinite weights: fc1.');
    expect((await herm('info', at('none.herm'))).code).toBe(0);
    expect(await json('verify', at('none.herm'), '--against', model)).toMatchObject({ ok: true });
  });
});
