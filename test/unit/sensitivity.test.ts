import { beforeAll, describe, expect, it } from 'vitest';
import { type HermFile, openHerm } from '../../lib/file/read.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { measureSensitivity } from '../../lib/plan/sensitivity.ts';
import { makeCase } from '../format/support/case.ts';
import { compress } from '../format/support/herm.ts';

it('is the squared change of the output over the squared certificate, block by block', async () => {
  const { tensors, blocks, trees } = makeCase({ sizes: [5, 12, 9, 3] });
  const herm = await compress(serializeSafetensors(tensors), blocks, trees);
  const file = await openHerm(bufferSource(herm, 'x.herm'));
  // The output of this network falls by 1% for each neuron that the first block lacks, and heeds no other.
  const lacks = ({ fc0 = 12 }: Readonly<Record<string, number>>) => 0.01 * (12 - fc0);
  const asked: Readonly<Record<string, number>>[] = [];
  const found = await measureSensitivity(file, {
    evaluate: async ({ widths }) => {
      asked.push(widths);
      return Float64Array.of(1 - lacks(widths));
    },
  });
  const [whole, probe, other] = asked;
  expect(whole).toEqual({ fc0: 12, fc1: 9 });
  expect(other).toMatchObject({ fc0: 12 });
  // Certificates of the fixture fall from 1/2 on; the probe is the one nearest to 0.1 by its ratio.
  const { fc0 } = probe!;
  const level = file.ladder.findLastIndex((widths) => widths[0] === fc0);
  const error = file.errors[0]![level]!;
  const off = (value: number) => Math.abs(Math.log(value / 0.1));
  for (const [at, each] of file.errors[0]!.entries()) {
    if (each && file.ladder[at]![0]! < 12) expect(off(each)).toBeGreaterThanOrEqual(off(error) - 1e-12);
  }
  expect(found).toEqual({ fc0: expect.closeTo((lacks(probe!) / error) ** 2, 12), fc1: 0 });

  const inputs = Float64Array.from({ length: 50 }, (_, at) => Math.sin(at));
  const measured = await measureSensitivity(file, { inputs });
  expect(Object.values(measured).every((value) => value > 0)).toBe(true);
  const plan = await file.planWidths({ params: 0.8, sensitivity: measured });
  expect(plan.blocks.map(({ sensitivity }) => sensitivity)).toEqual(Object.values(measured));
  await expect(measureSensitivity(file, {})).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
});

describe('measuring', () => {
  let file: HermFile;
  beforeAll(async () => {
    const { tensors, blocks, trees } = makeCase({ sizes: [5, 12, 9, 3] });
    file = await openHerm(bufferSource(await compress(serializeSafetensors(tensors), blocks, trees), 'x.herm'));
  });

  it('tells how far it is, network by network', async () => {
    const told: number[] = [];
    const onProgress = (done: number) => told.push(done);
    await measureSensitivity(file, { evaluate: async () => Float64Array.of(1), onProgress });
    expect(told).toEqual([1 / 3, 2 / 3, 1]);
  });

  it('stops between two networks', async () => {
    const controller = new AbortController();
    let runs = 0;
    const evaluate = async () => {
      if (++runs === 2) controller.abort();
      return Float64Array.of(1);
    };
    const { signal } = controller;
    await expect(measureSensitivity(file, { evaluate, signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(runs).toBe(2);
  });

  it('refuses samples of which nothing can be measured', async () => {
    const code = (expected: string) => expect.objectContaining({ code: expected });
    const made = (outputs: () => Float64Array) => measureSensitivity(file, { evaluate: async () => outputs() });
    await expect(made(() => Float64Array.of(1, Number.NaN))).rejects.toEqual(code('NON_FINITE'));
    await expect(made(() => new Float64Array(4))).rejects.toEqual(code('NON_FINITE'));
    await expect(made(() => new Float64Array(0))).rejects.toEqual(code('NON_FINITE'));
    let runs = 0;
    await expect(made(() => new Float64Array(++runs).fill(1))).rejects.toEqual(code('BAD_ARGUMENT'));
    const measured = (inputs: unknown) => measureSensitivity(file, { inputs: inputs as Float64Array });
    await expect(measured(new Float64Array(5).fill(Number.NaN))).rejects.toEqual(code('NON_FINITE'));
    await expect(measured(new Float64Array(7))).rejects.toEqual(code('BAD_ARGUMENT'));
    await expect(measured(new Float64Array(0))).rejects.toEqual(code('NON_FINITE'));
    await expect(measured([1, 2, 3, 4, 5])).rejects.toEqual(code('BAD_ARGUMENT'));
  });
});
