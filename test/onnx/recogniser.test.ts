import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { compress, type HermFile, openHerm } from '../../lib/index.ts';
import { RECOGNISER, readAccuracy, readLines, renderedLines, withoutBlocks } from '../../scripts/bench/quality/ocr.mjs';
import { temporaryFolder } from '../e2e/herm.ts';

/** The network is small, but WebAssembly takes a second or so a line. */
const TIMEOUT = 240_000;
const at = temporaryFolder();
/** Some of those that are easy to read. */
const lines = renderedLines().filter(({ clean }, n) => clean && n % 3 === 0);
const original = new Uint8Array(readFileSync(RECOGNISER));
let file: HermFile;

beforeAll(async () => {
  await compress(RECOGNISER, at('recogniser.herm'), { refit: [0.5] });
  file = await openHerm(at('recogniser.herm'));
  return () => file.close();
}, TIMEOUT);

async function expanded(width: number | 'full'): Promise<Uint8Array> {
  await file.writeSkeleton(at('expanded.onnx'), await file.skeleton(width));
  return readFileSync(at('expanded.onnx'));
}

describe('the PP-OCRv4 text recogniser', () => {
  it('has two hidden layers with SiLU, and two of convolutions with ReLU', () => {
    const [silu, relu] = [{ name: 'silu', slope: 1 }, { name: 'relu' }];
    expect(file.blocks).toMatchObject([
      { name: 'conv2d_106.w_0', neurons: 60, inputs: 240, outputs: 240, activation: relu },
      { name: 'conv2d_117.w_0', neurons: 120, inputs: 480, outputs: 480, activation: relu },
      { name: 'linear_79.w_0', neurons: 240, inputs: 120, outputs: 120, activation: silu },
      { name: 'linear_83.w_0', neurons: 240, inputs: 120, outputs: 120, activation: silu },
    ]);
  });

  it('comes back bit for bit', async () => {
    await file.recoverTo(at('back.onnx'));
    expect(Buffer.compare(readFileSync(at('back.onnx')), original)).toBe(0);
  });

  it('reads text, and the same at full width', { timeout: TIMEOUT }, async () => {
    const texts = await readLines(original, lines);
    expect(texts).toEqual(lines.map(({ text }) => text));
    expect(await readLines(await expanded('full'), lines)).toEqual(texts);
  });

  it('is smaller at half width, and still reads', { timeout: TIMEOUT }, async () => {
    const half = await expanded(0.5);
    // Neurons have inputs, outputs and a bias each, in single precision; half of them go.
    const lost = 2 * 120 * 241 + 30 * 481 + 60 * 961;
    expect(original.byteLength - half.byteLength).toBeGreaterThanOrEqual(lost * 4);
    expect(await readLines(half, lines.slice(0, 2))).toEqual(lines.slice(0, 2).map(({ text }) => text));
  });

  it('reads lines that are hard to read worse without its hidden layers', { timeout: TIMEOUT }, async () => {
    expect(await readAccuracy(withoutBlocks(original, file))).toBeLessThan(await readAccuracy(original));
  });
});
