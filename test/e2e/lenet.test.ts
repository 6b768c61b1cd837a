import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bufferSource,
  compress,
  type DType,
  fileSource,
  fromFloat64,
  openHerm,
  readSafetensorsHeader,
  readTensor,
  serializeSafetensors,
  type Tensor,
  toFloat64,
} from '../../lib/index.ts';

const DTYPES: readonly DType[] = ['F32', 'F16', 'BF16'];

async function loadNet(activation: string): Promise<{ tensors: Tensor[]; metadata: ReadonlyMap<string, string> }> {
  const source = await fileSource(`test/fixtures/lenet/${activation}.safetensors`);
  const header = await readSafetensorsHeader(source);
  const tensors = await Promise.all(header.tensors.map((info) => readTensor(source, header, info)));
  await source.close();
  return { tensors, metadata: header.metadata };
}

/** Neuron `to` of fc1 becomes neuron `from`, its inputs and bias times `input`, its outputs times `output`. */
function copyNeuron(nets: Map<string, Float64Array>, from: number, to: number, input: number, output: number): void {
  const rows = (name: string, width: number) => {
    const values = nets.get(name) as Float64Array;
    for (let c = 0; c < width; c++) values[to * width + c] = input * (values[from * width + c] as number);
  };
  rows('fc1.weight', 784);
  rows('fc1.bias', 1);
  const outputs = nets.get('fc2.weight') as Float64Array;
  for (let r = 0; r < 100; r++) outputs[r * 300 + to] = output * (outputs[r * 300 + from] as number);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herm-lenet-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(['relu', 'tanh', 'gelu'])('the %s LeNet', (activation) => {
  it.each(DTYPES)('comes back bit for bit in %s, with duplicated, scaled and dead neurons too', async (dtype) => {
    const { tensors, metadata } = await loadNet(activation);
    const values = new Map(tensors.map((tensor) => [tensor.name, toFloat64(tensor)]));
    copyNeuron(values, 3, 11, 1, 1);
    copyNeuron(values, 5, 200, 4, -0.5);
    copyNeuron(values, 7, 40, 1, 0);
    copyNeuron(values, 8, 41, 0, 1);
    for (const [name, changed] of [
      ['plain', tensors.map((tensor) => toFloat64(tensor))],
      ['changed', tensors.map((tensor) => values.get(tensor.name) as Float64Array)],
    ] as const) {
      const cast = tensors.map(({ name: id, shape }, t) => fromFloat64(changed[t] as Float64Array, dtype, id, shape));
      const original = serializeSafetensors(cast, metadata);
      const path = join(folder, `${activation}-${dtype}-${name}`);
      await compress(bufferSource(original, name), `${path}.herm`, { refit: [0.5] });
      const file = await openHerm(await fileSource(`${path}.herm`));
      await file.recoverTo(`${path}.safetensors`);
      await file.close();
      expect((await readFile(`${path}.safetensors`)).equals(original), name).toBe(true);
    }
  });
});
