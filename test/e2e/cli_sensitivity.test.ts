import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromFloat64, measureSensitivity, openHerm, serializeSafetensors } from '../../lib/index.ts';
import { Random } from '../format/support/random.ts';
import { npy } from '../support/npy.ts';
import { herm, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const [ROWS, INPUTS] = [20, 6];
let samples: Float32Array;

/** A chain of 6, 40, 30 and 3 neurons, a block that is no chain with another, and samples. */
beforeAll(async () => {
  const random = new Random(8);
  const matrix = (name: string, rows: number, cols: number) =>
    fromFloat64(
      Array.from({ length: rows * cols }, () => random.gauss()),
      'F32',
      name,
      [rows, cols],
    );
  const chain = [matrix('fc1.weight', 40, INPUTS), matrix('fc2.weight', 30, 40), matrix('fc3.weight', 3, 30)];
  const apart = [0, 1].flatMap((n) => [matrix(`l.${n}.in.weight`, 12, 4), matrix(`l.${n}.out.weight`, 4, 12)]);
  const metadata = new Map([['activation', 'relu']]);
  writeFileSync(at('chain.safetensors'), serializeSafetensors(chain, metadata));
  writeFileSync(at('apart.safetensors'), serializeSafetensors(apart, metadata));
  expect(await herm('compress', at('chain.safetensors'), '-o', at('chain.herm'))).toMatchObject({ code: 0 });
  const blocks = ['--blocks', 'l.*.in>l.*.out'];
  expect(await herm('compress', at('apart.safetensors'), '-o', at('apart.herm'), ...blocks)).toMatchObject({ code: 0 });
  samples = Float32Array.from({ length: ROWS * INPUTS }, () => random.gauss());
  writeFileSync(at('x.npy'), npy('<f4', `(${ROWS}, ${INPUTS})`, samples));
});

describe('herm sensitivity', () => {
  it('writes what herm plan takes: the numbers of the library', async () => {
    const half = samples.slice(0, samples.length / 2);
    writeFileSync(at('half.npy'), npy('<f4', `(${ROWS / 2}, ${INPUTS})`, half));
    const args = ['sensitivity', at('chain.herm'), '--samples', at('x.npy'), '--samples', at('half.npy')];
    const { code, stdout } = await herm(...args, '-o', at('s.json'), '--json');
    expect(code).toBe(0);
    const file = await openHerm(at('chain.herm'));
    const expected = await measureSensitivity(file, { inputs: Float64Array.from([...samples, ...half]) });
    await file.close();
    const { blocks, sensitivity } = JSON.parse(stdout);
    expect(sensitivity).toEqual(expected);
    expect(JSON.parse(readFileSync(at('s.json'), 'utf8'))).toEqual(expected);
    for (const { name, error, change } of blocks) expect((change / error) ** 2).toBeCloseTo(expected[name]!, 12);
    expect((await herm(...args)).stdout).toMatch(/^fc1 +\d+ +40 +[\d.]+ +[\d.]+ +[\d.]+$/m);
    const plan = await herm('plan', at('chain.herm'), '--params', '50%', '--sensitivity', at('s.json'), '--json');
    const planned: { name: string; sensitivity: number }[] = JSON.parse(plan.stdout).blocks;
    expect(Object.fromEntries(planned.map((block) => [block.name, block.sensitivity]))).toEqual(expected);
  });

  it('refuses what it cannot run, and outputs that are there', async () => {
    writeFileSync(at('nan.npy'), npy('<f4', `(1, ${INPUTS})`, new Float32Array(INPUTS).fill(Number.NaN)));
    writeFileSync(at('wide.npy'), npy('<f4', '(2, 7)', new Float32Array(14)));
    writeFileSync(at('old.json'), '{}');
    const run = (name: string, samplesFile: string, ...rest: string[]) =>
      herm('sensitivity', at(name), '--samples', at(samplesFile), ...rest);
    expect((await run('apart.herm', 'x.npy')).stderr).toContain('NO_CHAIN');
    expect((await run('chain.herm', 'nan.npy')).stderr).toContain('NON_FINITE');
    expect((await run('chain.herm', 'wide.npy')).stderr).toContain('PRIOR');
    expect((await run('chain.herm', 'x.npy', '-o', at('old.json'))).stderr).toContain('OUTPUT_EXISTS');
    expect((await herm('sensitivity', at('chain.herm'))).code).toBe(2);
  });
});

describe('herm compress on samples', () => {
  it('takes more files of a block as more rows', async () => {
    const [first, second] = [samples.slice(0, samples.length / 2), samples.slice(samples.length / 2)];
    for (const [n, half] of [first, second].entries()) {
      writeFileSync(at(`half${n}.npy`), npy('<f4', `(${ROWS / 2}, ${INPUTS})`, half));
    }
    const run = (output: string, ...files: string[]) =>
      herm('compress', at('chain.safetensors'), '-o', at(output), ...files.flatMap((name) => ['--samples', at(name)]));
    expect(await run('whole.herm', 'x.npy')).toMatchObject({ code: 0 });
    expect(await run('halves.herm', 'half0.npy', 'half1.npy')).toMatchObject({ code: 0 });
    expect(readFileSync(at('halves.herm')).equals(readFileSync(at('whole.herm')))).toBe(true);
  });

  it('names the cost that is for refits where they are all there is', async () => {
    const args = ['compress', at('chain.safetensors'), '--samples', at('x.npy'), '--refit', '50%', '-o'];
    expect((await herm(...args, at('pair.herm'))).stdout).toContain('--cost refit');
    expect((await herm(...args, at('refit.herm'), '--cost', 'refit')).stdout).not.toContain('--cost refit');
  });
});
