import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { dtypeBytes } from '../../lib/model/tensor.ts';
import { type Case, makeCase, makeCases } from '../format/support/case.ts';
import { writeHerm } from '../format/support/herm.ts';
import { temporaryFolder } from './herm.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('process/peak.mjs', import.meta.url));
const inFolder = temporaryFolder();

/** Of the largest block's weights. */
const MOST = 2.5;

async function write(name: string, { tensors, blocks, trees }: Case): Promise<number> {
  await writeHerm(inFolder(name), { source: bufferSource(serializeSafetensors(tensors), name), blocks, trees });
  return Math.max(
    ...blocks.map(({ inputs, neurons, outputs, gate }) => {
      return neurons * (inputs * (gate ? 2 : 1) + outputs) * dtypeBytes('F32');
    }),
  );
}

async function peakOf(name: string, threads: number): Promise<number> {
  const { stdout } = await run(process.execPath, [
    script,
    inFolder('small.herm'),
    inFolder(name),
    inFolder('out'),
    `${threads}`,
  ]);
  rmSync(inFolder('out'));
  const { before, peak } = JSON.parse(stdout) as { before: number; peak: number };
  return peak - before;
}

describe('recovering holds at most 2.5 times the largest block’s weights', () => {
  const models: readonly [string, number, () => Case][] = [
    ['layers of a transformer', 3, () => makeCases([1, 2, 3].map(() => ({ sizes: [1024, 4096, 1024], smallest: 64 })))],
    ['a deep network, all of one group', 3, () => makeCase({ sizes: [1536, 1536, 1536, 1536], smallest: 64 })],
  ];
  for (const [name, , make] of models) {
    it(name, { timeout: 300_000 }, async () => {
      await write('small.herm', makeCase());
      const weights = await write('large.herm', make());
      for (const threads of [1, 2]) {
        const peak = await peakOf('large.herm', threads);
        console.log(name, threads, peak / weights);
        expect.soft(peak / weights).toBeLessThan(MOST);
      }
    });
  }
});
