import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { bufferSource, readSafetensorsHeader } from '../../lib/index.ts';
import { GraphBuilder } from '../onnx/support/builder.ts';
import { first, INPUTS, NEURONS, network, OUTPUTS, relu, second } from '../onnx/support/layers.ts';
import { herm, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
let model: string;
beforeAll(() => {
  model = at('model.onnx');
  writeFileSync(model, network([first, relu, second]).build());
});

describe('herm with an ONNX model', () => {
  it('shows its blocks, activations included', async () => {
    const { code, stdout } = await herm('inspect', model);
    expect(code).toBe(0);
    expect(stdout).toMatch(/fc1 +5 > 12 > 4 +F32 +relu/);
    expect(stdout).not.toMatch('left alone');
  });

  it('shows the norms before blocks', async () => {
    const norm = (graph: GraphBuilder, x: string) =>
      graph.node('LayerNormalization', [x, graph.weights('ln.weight', [INPUTS])]);
    writeFileSync(at('normed.onnx'), network([norm, first, relu, second]).build());
    expect((await herm('inspect', at('normed.onnx'))).stdout).toMatch('fc1 reads layernorm ln.weight');
  });

  it('shows what is left alone, and why', async () => {
    const graph = network([first, relu, second]);
    const other = graph.node('MatMul', ['x', graph.weights('shared', [INPUTS, NEURONS])]);
    graph.output(graph.node('MatMul', [relu(graph, other), graph.weights('v', [NEURONS, OUTPUTS])]), ['n', OUTPUTS]);
    graph.output(graph.node('Neg', ['shared']), [INPUTS, NEURONS]);
    writeFileSync(at('shared.onnx'), graph.build());
    const { code, stdout } = await herm('inspect', at('shared.onnx'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/left alone +why\nshared +"shared" is shared: 2 nodes read it/);
    const { leftAlone } = JSON.parse((await herm('inspect', at('shared.onnx'), '--json')).stdout);
    expect(leftAlone).toEqual([{ tensor: 'shared', why: '"shared" is shared: 2 nodes read it' }]);
  });

  it('goes all the way: compress, info, verify, recover, expand', async () => {
    expect(await herm('compress', model, '-o', at('model.herm'), '--refit', '50%')).toMatchObject({ code: 0 });
    expect((await herm('info', at('model.herm'))).stdout).toMatch(/fc1 +5 > 12 > 4 +relu/);
    expect(await herm('verify', at('model.herm'), '--against', model)).toMatchObject({ code: 0 });
    expect(await herm('recover', at('model.herm'), '-o', at('back.onnx'))).toMatchObject({ code: 0 });
    expect(readFileSync(at('back.onnx')).equals(readFileSync(model))).toBe(true);
    expect(await herm('expand', at('model.herm'), '--width', '50%', '-o', at('half.onnx'))).toMatchObject({ code: 0 });
    expect((await herm('inspect', at('half.onnx'))).stdout).toMatch(/fc1 +5 > 6 > 4/);
    expect(await herm('expand', at('model.herm'), '--width', '50%', '-o', at('half.safetensors'))).toMatchObject({
      code: 0,
    });
    const { tensors } = await readSafetensorsHeader(bufferSource(readFileSync(at('half.safetensors'))));
    expect(tensors.map(({ name, shape }) => [name, shape])).toContainEqual(['fc1.weight', [INPUTS, 6]]);
  });

  it('analyses its neurons', async () => {
    for (const command of ['sca', 'gid']) {
      expect(await herm(command, model, '--block', 'fc1', '--pair', '0,1')).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('takes no description of blocks or activations', async () => {
    const blocks = await herm('compress', model, '-o', at('no.herm'), '--blocks', 'fc1>fc2');
    expect(blocks).toMatchObject({ code: 1, stderr: expect.stringContaining('BLOCK_SPEC') });
    const activation = await herm('inspect', model, '--activation', 'relu');
    expect(activation).toMatchObject({ code: 1, stderr: expect.stringContaining('ACTIVATION') });
  });

  it('says what is wrong with a file', async () => {
    writeFileSync(at('cut.onnx'), readFileSync(model).subarray(0, 300));
    const { code, stderr } = await herm('compress', at('cut.onnx'), '-o', at('no.herm'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error ONNX_FILE: .*cut\.onnx is not a valid ONNX model/);
  });

  it('shows matrices, and what comes near, where there are no blocks', async () => {
    const graph = new GraphBuilder();
    graph.output(graph.node('MatMul', [graph.input('x', ['n', 3]), graph.weights('w', [3, 4])]), ['n', 4]);
    writeFileSync(at('one.onnx'), graph.build());
    const { code, stdout } = await herm('inspect', at('one.onnx'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/w +3 x 4 +F32/);
    expect(stdout).toMatch('The graph has no two linear layers');
  });
});
