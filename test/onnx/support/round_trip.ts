import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { withModel } from '../../../lib/model/open_model.ts';
import { Random } from '../../format/support/random.ts';
import type { GraphBuilder } from './builder.ts';
import { compressed, graphOf, writeModel } from './files.ts';
import { runOnnx } from './run.ts';

function numbers(count: number): Float32Array {
  const random = new Random(3);
  return Float32Array.from({ length: count }, () => random.gauss());
}

/** The whole way: found, compressed, recovered, expanded to full and half width, and run. */
async function roundTrip(
  at: (name: string) => string,
  builder: GraphBuilder,
  shape: readonly number[],
  ...options: Parameters<GraphBuilder['build']>
) {
  const path = writeModel(at('in'), builder, ...options);
  const { blocks, leftAlone } = await graphOf(path);
  const file = await compressed(path);
  const original = readFileSync(path);
  await file.recoverTo(at('back.onnx'));
  expect(Buffer.compare(readFileSync(at('back.onnx')), original)).toBe(0);
  const x = numbers(shape.reduce((count, size) => count * size, 1));
  const expected = await runOnnx(original, x, shape);
  await file.writeSkeleton(at('full.onnx'), await file.skeleton('full'));
  expect(await runOnnx(readFileSync(at('full.onnx')), x, shape)).toEqual(expected);
  const half = await file.skeleton(0.5);
  await file.writeSkeleton(at('half.onnx'), half);
  const smaller = await runOnnx(readFileSync(at('half.onnx')), x, shape);
  expect(smaller.dims).toEqual(expected.dims);
  expect(smaller.data).not.toEqual(expected.data);
  const sizes = await withModel(at('half.onnx'), async ({ graph }) => graph!.blocks.map(({ neurons }) => neurons));
  expect(sizes).toEqual(blocks.map(({ name }) => half.widths[name]));
  expect(sizes).toEqual(blocks.map(({ neurons }) => neurons / 2));
  return { blocks, leftAlone, half, x, smaller };
}

/** {@link roundTrip} in a test's own folder, where the model of half width stays as half.onnx. */
export const roundTrips =
  (at: (name: string) => string) =>
  (builder: GraphBuilder, shape: readonly number[], ...options: Parameters<GraphBuilder['build']>) =>
    roundTrip(at, builder, shape, ...options);
