import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compress } from '../../lib/index.ts';
import { fileSource } from '../../lib/model/source.ts';
import { parseOnnx } from '../../lib/onnx/graph.ts';
import { Random } from '../format/support/random.ts';
import { GraphBuilder } from './support/builder.ts';
import { compressed, contents, folderPerTest, graphOf, writeModel } from './support/files.ts';
import { first, INPUTS, matMul, NEURONS, network, OUTPUTS, relu } from './support/layers.ts';
import { runOnnx } from './support/run.ts';

const at = folderPerTest();
const external = (location: string, padding = 0) => ({ form: 'external' as const, location, padding });
const random = new Random(5);
const x = Float32Array.from({ length: 3 * INPUTS }, () => random.gauss());
const run = (model: Uint8Array) => runOnnx(model, x, [3, INPUTS]);

/** Weights in two files with holes in them, biases in the model. */
function split(): GraphBuilder {
  const graph = new GraphBuilder(3);
  const input = graph.input('x', ['n', INPUTS]);
  const wide = graph.weights('fc1.weight', [INPUTS, NEURONS], external('a.data', 100));
  const hidden = graph.node('Add', [graph.node('MatMul', [input, wide]), graph.weights('fc1.bias', [NEURONS])]);
  const narrow = graph.weights('fc2.weight', [NEURONS, OUTPUTS], external('b.data', 64));
  const bias = graph.weights('fc2.bias', [OUTPUTS], external('b.data', 64));
  graph.output(graph.node('Add', [graph.node('MatMul', [relu(graph, hidden), narrow]), bias]), ['n', OUTPUTS]);
  return graph;
}

/** The same with all numbers in the model: what the split one must compute. */
const whole = () => network([first, relu, matMul('fc2', [NEURONS, OUTPUTS], {})]);

describe('external data', () => {
  it('comes back with its model, in a directory', async () => {
    const path = writeModel(at('in'), split());
    const file = await compressed(path);
    expect(file.original).toMatchObject({ directory: true, name: 'model.onnx' });
    expect(file.original.files.map(({ name }) => name)).toEqual(['model.onnx', 'a.data', 'b.data']);
    expect(file.tensors.map(({ name, file: n }) => [name, n])).toEqual([
      ['fc1.bias', 0],
      ['fc1.weight', 1],
      ['fc2.weight', 2],
      ['fc2.bias', 2],
    ]);
    await file.recoverTo(at('back'));
    expect(contents(at('back'))).toEqual(contents(at('in')));
  });

  it('is found by the directory of its model, with what else is in there', async () => {
    writeModel(at('in'), split());
    writeFileSync(join(at('in'), 'config.json'), '{}');
    const report = await compress(at('in'), at('model.herm'));
    expect(report).toMatchObject({ files: ['model.onnx', 'a.data', 'b.data'], extras: ['config.json'] });
    copyFileSync(join(at('in'), 'model.onnx'), join(at('in'), 'other.onnx'));
    await expect(compress(at('in'), at('model.herm'))).rejects.toMatchObject({ code: 'MODEL_FILES' });
  });

  it.each<[string, 'full' | number]>([
    ['full', 'full'],
    ['half', 0.5],
  ])('is put into the model where a single file is asked for, at %s width', async (_, width) => {
    const file = await compressed(writeModel(at('in'), split()));
    const skeleton = await file.skeleton(width);
    await file.writeSkeleton(at('single.onnx'), skeleton);
    const alone = await run(readFileSync(at('single.onnx')));
    await file.writeSkeleton(at('out'), skeleton);
    expect(readdirSync(at('out')).sort()).toEqual(['a.data', 'b.data', 'model.onnx']);
    // A model with external data, read anew, is the one file.
    const again = await compressed(join(at('out'), 'model.onnx'));
    await again.writeSkeleton(at('again.onnx'), await again.skeleton('full'));
    expect(await run(readFileSync(at('again.onnx')))).toEqual(alone);
    expect(alone.dims).toEqual([3, OUTPUTS]);
  });

  it('computes at full width what its numbers say', async () => {
    const inside = whole();
    const outside = new GraphBuilder(7);
    const value = [
      matMul('fc1', [INPUTS, NEURONS], external('model.data', 8) as never),
      relu,
      matMul('fc2', [NEURONS, OUTPUTS], external('model.data') as never),
    ].reduce((input, layer) => layer(outside, input), outside.input('x', ['n', INPUTS]));
    outside.output(value, ['n', OUTPUTS]);
    const file = await compressed(writeModel(at('in'), outside));
    await file.writeSkeleton(at('single.onnx'), await file.skeleton('full'));
    expect(await run(readFileSync(at('single.onnx')))).toEqual(await run(inside.build()));
  });

  it('moves, and keeps its alignment, where tensors before it become smaller', async () => {
    const file = await compressed(writeModel(at('in'), split()));
    await file.writeSkeleton(at('out'), await file.skeleton({ fc1: 5 }));
    const { tensors } = await compressed(join(at('out'), 'model.onnx'));
    const places = Object.fromEntries(tensors.map(({ name, begin }) => [name, begin]));
    const before = Object.fromEntries(file.tensors.map(({ name, begin }) => [name, begin]));
    expect(places['fc2.bias']).toBeLessThan(before['fc2.bias']!);
    expect(places['fc2.bias']! % 64).toBe(before['fc2.bias']! % 64);
    expect(tensors.find(({ name }) => name === 'fc1.weight')!.shape).toEqual([INPUTS, 5]);
  });

  it('that two tensors share stays as it is', async () => {
    const graph = split();
    const entries = (name: string) => graph.initializers.find((tensor) => tensor.name === name)!;
    // fc2's biases are the first numbers of its weights.
    entries('fc2.bias').externalData = entries('fc2.weight').externalData!.map((entry) =>
      entry.key === 'length' ? { key: 'length', value: String(4 * OUTPUTS) } : entry,
    );
    const path = writeModel(at('in'), graph);
    const { blocks, leftAlone } = await graphOf(path);
    expect(blocks).toEqual([]);
    expect(leftAlone).toMatchObject([{ why: expect.stringMatching(/"fc2.weight" have no bytes of their own/) }]);
  });

  it('that two tensors share is found again behind tensors that become smaller', async () => {
    const graph = split();
    graph.weights('tail', [6, 6], external('b.data', 40));
    const [tail] = graph.initializers.slice(-1);
    const entries = tail!.externalData!.filter(({ key }) => key !== 'length');
    graph.initializers.push({
      ...{ name: 'again', dims: [3n, 6n], dataType: tail!.dataType! },
      ...{ dataLocation: tail!.dataLocation!, externalData: entries },
    });
    const path = writeModel(at('in'), graph);
    const whole = Buffer.concat(graph.files.get('b.data')!).subarray(-144);
    const file = await compressed(path);
    await file.recoverTo(at('back'));
    expect(contents(at('back'))).toEqual(contents(at('in')));
    await file.writeSkeleton(at('single.onnx'), await file.skeleton(0.5));
    const { constants } = parseOnnx(readFileSync(at('single.onnx')), 'single');
    expect(Buffer.from(constants.get('tail')!.proto.rawData)).toEqual(whole);
    expect(Buffer.from(constants.get('again')!.proto.rawData)).toEqual(whole.subarray(0, 72));
    await file.writeSkeleton(at('out'), await file.skeleton(0.5));
    const moved = parseOnnx(readFileSync(join(at('out'), 'model.onnx')), 'moved').constants.get('again')!.external!;
    expect(readFileSync(join(at('out'), 'b.data')).subarray(moved.offset, moved.offset + 72)).toEqual(
      whole.subarray(0, 72),
    );
  });

  const damage: readonly [string, RegExp, (folder: string, graph: GraphBuilder) => void][] = [
    [
      'is missing',
      /"fc1.weight" has external data in "a.data", which cannot be read/,
      (folder) => rmSync(join(folder, 'a.data')),
    ],
    [
      'is too short',
      /"fc2.bias" has external data up to byte 336 of "b.data", which has 300 bytes/,
      (folder) => truncateSync(join(folder, 'b.data'), 300),
    ],
  ];
  it.each(damage)('is refused where it %s', async (_, message, harm) => {
    const graph = split();
    const path = writeModel(at('in'), graph);
    harm(at('in'), graph);
    await expect(compress(path, at('model.herm'))).rejects.toMatchObject({
      code: 'ONNX_EXTERNAL',
      message: expect.stringMatching(message),
      details: { file: path },
    });
  });

  it.each<[string, string]>([
    ['above the directory', '../secret'],
    ['at a path of its own', '/etc/passwd'],
    ['in a folder', 'weights/a.data'],
    ['behind a backslash', '..\\secret'],
    ['nowhere', ''],
    ['in the model itself', 'model.onnx'],
  ])('is refused %s', async (_, location) => {
    const graph = split();
    const entry = graph.initializers[0]!.externalData!.find(({ key }) => key === 'location')!;
    entry.value = location;
    mkdirSync(at('in/weights'), { recursive: true });
    writeFileSync(at('secret'), new Uint8Array(1000));
    writeFileSync(at('in/weights/a.data'), new Uint8Array(1000));
    const path = writeModel(at('in'), graph);
    const refusal = { code: 'ONNX_EXTERNAL', details: { file: path, tensor: 'fc1.weight' } };
    await expect(compress(path, at('model.herm'))).rejects.toMatchObject(refusal);
  });

  it.each<[string, string]>([
    ['offset', '-4'],
    ['offset', 'many'],
    ['length', '1e3'],
    ['length', '12'],
    ['offset', '99999999999999999999'],
  ])('is refused with the %s %s', async (key, value) => {
    const graph = split();
    graph.initializers[0]!.externalData!.find((entry) => entry.key === key)!.value = value;
    const path = writeModel(at('in'), graph);
    await expect(compress(path, at('model.herm'))).rejects.toMatchObject({
      code: expect.stringMatching(/^ONNX_(EXTERNAL|TENSOR)$/),
      details: { tensor: 'fc1.weight' },
    });
  });

  it('needs a path to be found', async () => {
    const source = await fileSource(writeModel(at('in'), split()));
    await expect(compress({ ...source, name: 'model.onnx' }, at('model.herm'))).rejects.toMatchObject({
      code: 'ONNX_EXTERNAL',
    });
    await source.close();
  });
});
