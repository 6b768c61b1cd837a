import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromFloat64, serializeSafetensors } from '../../lib/index.ts';
import { sampleRuns } from '../../lib/plan/sample_runs.ts';
import { type BlockSensitivity, probeBlocks } from '../../lib/plan/sensitivity.ts';
import { Random } from '../format/support/random.ts';
import { npy } from '../support/npy.ts';
import { compressed, folderPerTest, writeModel } from './support/files.ts';
import { first, INPUTS, network, OUTPUTS, relu, second } from './support/layers.ts';
import { runOnnx } from './support/run.ts';

const ROWS = 6;
const at = folderPerTest();

function samples(): Float32Array {
  const random = new Random(5);
  return Float32Array.from({ length: ROWS * INPUTS }, () => random.gauss());
}

const matrix = (name: string, values: Float32Array, dtype: 'F32' | 'BF16' | 'F64' = 'F32') =>
  fromFloat64(Float64Array.from(values), dtype, name, [ROWS, INPUTS]);

describe('sensitivity of an ONNX model', () => {
  it('is measured on all runs in onnxruntime', async () => {
    const file = await compressed(writeModel(at('in'), network([first, relu, second])));
    const [block] = file.blocks;
    const x = samples();
    writeFileSync(at('x.npy'), npy('<f4', `(${ROWS}, ${INPUTS})`, x));
    writeFileSync(
      at('y.safetensors'),
      serializeSafetensors([
        matrix(
          'x',
          x.map((value) => 2 * value),
        ),
      ]),
    );
    const evaluate = await sampleRuns(file, [at('x.npy'), at('y.safetensors')], {});
    const outputs = async (width: number) => {
      await file.writeSkeleton(at('k.onnx'), await file.skeleton({ [block!.name]: width }));
      const model = readFileSync(at('k.onnx'));
      const runs: number[] = [];
      for (const factor of [1, 2]) {
        const { data } = await runOnnx(
          model,
          x.map((value) => factor * value),
          [ROWS, INPUTS],
        );
        runs.push(...data);
      }
      return runs;
    };
    const whole = await outputs(block!.neurons);
    expect(whole).toHaveLength(2 * ROWS * OUTPUTS);
    expect([...(await evaluate(await file.skeleton('full')))]).toEqual(whole);
    const [{ width, error, change, sensitivity }] = (await probeBlocks(file, { evaluate })) as [BlockSensitivity];
    const narrow = await outputs(width!);
    const squares = (values: readonly number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
    expect(change ** 2).toBeCloseTo(squares(narrow.map((value, n) => value - whole[n]!)) / squares(whole), 12);
    expect(error).toBe(file.errors[0]![file.ladder.findIndex(([recorded]) => recorded === width)]);
    expect(sensitivity).toBeCloseTo((change / error!) ** 2, 12);
  });

  it('says what onnxruntime does not take', async () => {
    const file = await compressed(writeModel(at('in'), network([first, relu, second])));
    const x = samples();
    const refused = async (path: string, why: string) => {
      const run = sampleRuns(file, [path], {}).then(async (evaluate) => evaluate(await file.skeleton('full')));
      await expect(run).rejects.toMatchObject({ code: 'ONNX_RUNTIME', message: expect.stringContaining(why) });
    };
    writeFileSync(at('short.npy'), npy('<f4', '(2, 3)', new Float32Array(6)));
    await refused(at('short.npy'), 'short.npy');
    writeFileSync(at('bf16.safetensors'), serializeSafetensors([matrix('x', x, 'BF16')]));
    await refused(at('bf16.safetensors'), '"x" as BF16');
    writeFileSync(at('two.safetensors'), serializeSafetensors([matrix('y', x), matrix('z', x)]));
    await refused(at('two.safetensors'), 'no tensor "x"');
    writeFileSync(at('wide.safetensors'), serializeSafetensors([matrix('x', x, 'F64')]));
    await refused(at('wide.safetensors'), 'wide.safetensors');
  });

  it('makes models in memory, with the bytes of files', async () => {
    const file = await compressed(writeModel(at('in'), network([first, relu, second])));
    const half = await file.skeleton(0.5);
    await file.writeSkeleton(at('half.onnx'), half);
    expect(Buffer.compare(await file.onnxModel(half), readFileSync(at('half.onnx')))).toBe(0);
  });
});
