import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { FLOAT_FORMATS, type FloatDtype, fromHalf } from '../../lib/decode/float_format.ts';
import { decodeLanes, type LaneNodes } from '../../lib/decode/lanes.ts';
import { NATIVE_DTYPES } from '../../lib/native/binding.ts';
import { callNative } from '../../lib/native/call.ts';
import { Random } from '../format/support/random.ts';
import { FLAVOURS, type LaneCase, laneNodes } from './support/lane_case.ts';

const dtypes = Object.keys(FLOAT_FORMATS) as FloatDtype[];

const anyCase = (dtype: FloatDtype) =>
  fc
    .record({
      seed: fc.nat(),
      dtype: fc.constant(dtype),
      flavour: fc.constantFrom(...FLAVOURS),
      lanes: fc.integer({ min: 1, max: 9 }),
      mergeShare: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.integer({ min: 1, max: 40 }),
      strips: fc.integer({ min: 1, max: 3 }),
      elementFloors: fc.boolean(),
      evenElements: fc.boolean(),
    })
    .map(({ mergeShare, ...shape }) => ({ ...shape, merges: Math.round(mergeShare * (shape.lanes - 1)) }));

type Coded = Awaited<ReturnType<typeof encode>>;

/** Rising numbers from below `end` to `end`. */
function rising(random: Random, count: number, end: number): Uint32Array {
  const steps = Uint32Array.from({ length: count }, () => random.below(end + 1)).sort();
  steps[count - 1] = end;
  return steps;
}

interface EncodeOptions {
  readonly onlyFollowed?: boolean;
  /** All elements are there from the first level on. */
  readonly whole?: boolean;
}

async function encode(random: Random, shape: LaneCase, { onlyFollowed = false, whole = false }: EncodeOptions = {}) {
  const { dtype, length, merges } = shape;
  const made = await laneNodes(random, shape);
  const { nodes, elementShifts, ...lanes } = made;
  if (onlyFollowed) elementShifts.fill(0);
  const strips = Math.min(shape.strips, length);
  const levelCount = 1 + random.below(4);
  const levelInstructions = rising(random, levelCount, merges);
  const levelElements = rising(random, levelCount, length);
  if (whole || strips > 1) levelElements.fill(length);
  const sizes = new Float64Array(2 * strips * levelCount);
  const args = {
    ...lanes,
    dtype: NATIVE_DTYPES[dtype],
    rows: Uint32Array.from({ length: lanes.roots + 2 * merges }, (_, row) => row),
    rowCount: lanes.roots + 2 * merges,
    length,
    onlyFollowed,
    words: nodes,
    levelInstructions,
    levelElements,
    strips,
    sizes,
    elementShifts,
    out: new Uint8Array(64 * nodes.length + 4096 * sizes.length),
  };
  const size = await callNative(undefined, (addon, job) => addon.encodeLanes(args, job));
  const sections: Uint8Array[] = [];
  let at = 0;
  for (const bytes of sizes) {
    sections.push(args.out.subarray(at, at + bytes));
    at += bytes;
  }
  expect(at).toBe(size);
  return { shape, made, sections, levels: { instructions: levelInstructions, elements: levelElements, strips } };
}

const values = (words: Uint8Array, dtype: FloatDtype, row: number, length: number) => {
  const { bytes, read } = FLOAT_FORMATS[dtype];
  const view = new DataView(words.buffer);
  return Float64Array.from({ length }, (_, e) => read(view, (row * length + e) * bytes));
};

function decode({ shape, made, sections, levels }: Coded, rows: Float64Array[], onlyFollowed: boolean, wanted: number) {
  const nodes: LaneNodes = {
    ...made,
    format: FLOAT_FORMATS[shape.dtype],
    coefficients: Array.from(made.coefficients, fromHalf),
    rows,
    length: shape.length,
    onlyFollowed,
  };
  decodeLanes(nodes, levels, wanted, sections);
}

const nodeCount = ({ made, shape }: Coded) => made.roots + 2 * shape.merges;

describe.each(dtypes)('lanes of %s decode as the native kernels coded them', (dtype) => {
  test.prop([anyCase(dtype)], { seed: 7, numRuns: 150 })('every node, bit for bit', async (shape) => {
    const { length } = shape;
    const coded = await encode(new Random(shape.seed), shape);
    const rows = Array.from({ length: nodeCount(coded) }, () => new Float64Array(length));
    decode(coded, rows, false, shape.merges);
    for (const [row, decoded] of rows.entries()) {
      expect(decoded).toEqual(values(coded.made.nodes, dtype, row, length));
    }
  });

  test.prop([anyCase(dtype)], { seed: 11, numRuns: 60 })('followed children alone', async (shape) => {
    const even = { ...shape, evenElements: true, elementFloors: false };
    const coded = await encode(new Random(shape.seed), even, { onlyFollowed: true });
    const { roots, followed, nodes } = coded.made;
    const isFollowed = (row: number) => row >= roots && followed[(row - roots) >> 1] === (row - roots) % 2;
    const rows = Array.from({ length: nodeCount(coded) }, (_, row) => {
      return isFollowed(row) ? new Float64Array(shape.length) : values(nodes, dtype, row, shape.length);
    });
    decode(coded, rows, true, shape.merges);
    for (const [row, decoded] of rows.entries()) expect(decoded).toEqual(values(nodes, dtype, row, shape.length));
  });

  test.prop([anyCase(dtype)], { seed: 13, numRuns: 60 })('in place, to a part of the last level', async (shape) => {
    // What is left out of one section would be missed in the next one.
    const coded = await encode(new Random(shape.seed), shape, { whole: true });
    const { roots, parents, nodes } = coded.made;
    const before = coded.levels.instructions.at(-2) ?? 0;
    const wanted = before + Math.floor((shape.merges - before) / 2);
    const positions = Array.from({ length: roots + wanted }, () => new Float64Array(shape.length));
    const rows = positions.slice(0, roots);
    const living = Array.from({ length: roots }, (_, root) => root);
    for (let n = 0; n < shape.merges; n++) {
      rows.push(rows[parents[n]!]!, positions[roots + n] ?? rows[0]!);
      if (n < wanted) {
        living[living.indexOf(parents[n]!)] = roots + 2 * n;
        living.push(roots + 2 * n + 1);
      }
    }
    decode(coded, rows, false, wanted);
    for (const node of living) expect(rows[node]).toEqual(values(nodes, dtype, node, shape.length));
  });
});
