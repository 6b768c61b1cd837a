import { setFloat16 } from '@petamoriken/float16';
import { FLOAT_FORMATS, type FloatDtype } from '../../../lib/decode/float_format.ts';
import { GridRule } from '../../../lib/decode/grid_rule.ts';
import { NATIVE_DTYPES } from '../../../lib/native/binding.ts';
import { callNative } from '../../../lib/native/call.ts';
import type { Random } from '../../format/support/random.ts';

/** Numbers of a lane case: what they look like. */
export type Flavour =
  | 'gauss'
  | 'bits'
  | 'spread'
  | 'copies'
  | 'zeros'
  | 'powers'
  | 'short'
  | 'extreme'
  | 'smooth'
  | 'huge smooth';
export const FLAVOURS: readonly Flavour[] = [
  'gauss',
  'bits',
  'spread',
  'copies',
  'zeros',
  'powers',
  'short',
  'extreme',
  'smooth',
  'huge smooth',
];

export interface LaneCase {
  readonly dtype: FloatDtype;
  readonly flavour: Flavour;
  readonly lanes: number;
  readonly merges: number;
  readonly length: number;
  readonly strips: number;
  readonly elementFloors: boolean;
  readonly evenElements: boolean;
}

/** All nodes of a random tree over random lanes, and what the coder of lanes needs to know of them. */
export async function laneNodes(random: Random, shape: LaneCase) {
  const { dtype, lanes, merges, length } = shape;
  const words = randomWords(random, shape);
  const shift = await callNative(undefined, (addon, job) =>
    addon.tensorShift({ data: words, dtype: NATIVE_DTYPES[dtype] }, job),
  );
  const tree = randomTree(random, lanes, merges);
  const elementFloors = shape.elementFloors
    ? Uint16Array.from({ length }, () => (random.below(3) === 0 ? 0 : 1 + random.below(FLOAT_FORMATS[dtype].bias)))
    : undefined;
  if (elementFloors) putOnGrids(words, shape, shift, elementFloors);
  const count = lanes + merges;
  const out = {
    nodes: new Uint8Array(count * length * FLOAT_FORMATS[dtype].bytes),
    floors: new Uint16Array(count),
    gains: new Float32Array(count),
    coefficientsOut: new Uint16Array(2 * merges),
    followed: new Uint8Array(merges),
    elementShifts: new Uint8Array(length),
  };
  const args = {
    lanes: words,
    dtype: NATIVE_DTYPES[dtype],
    laneCount: lanes,
    length,
    shift,
    elementFloors,
    evenElements: shape.evenElements,
    pairs: tree.pairs,
    coefficients: tree.coefficients,
  };
  await callNative(undefined, (addon, job) => addon.unfoldLanes({ ...args, ...out }, job));
  return {
    shift,
    elementFloors,
    ...out,
    roots: lanes - merges,
    parents: tree.parents,
    coefficients: out.coefficientsOut,
  };
}

/** Random numbers in the words of a dtype. */
function randomWords(random: Random, { dtype, flavour, lanes, length }: LaneCase): Uint8Array {
  const { bytes, mantissa, bias, read, write } = FLOAT_FORMATS[dtype];
  const words = new Uint8Array(lanes * length * bytes);
  const view = new DataView(words.buffer);
  const base = Array.from({ length }, () => random.gauss());
  for (let lane = 0; lane < lanes; lane++) {
    const scale = random.pick([1, 1, -1, 2, 0.5, -3, 0]);
    for (let e = 0; e < length; e++) {
      const at = (lane * length + e) * bytes;
      // Much like the number before it, and the one seven before it.
      const smooth = (unit: number) => {
        const back = (distance: number) => (e < distance ? 0 : read(view, at - distance * bytes));
        return Math.max(-8, Math.min(8, (0.5 * back(1) + 0.4 * back(7)) / unit + 0.3 * random.gauss())) * unit;
      };
      const value = {
        gauss: () => random.gauss(),
        bits: () => randomFinite(random, bias, mantissa),
        spread: () => random.gauss() * 2 ** Math.round((random.unit() - 0.5) * bias),
        copies: () => base[e]! * scale + (random.below(8) === 0 ? random.gauss() / 100 : 0),
        zeros: () => random.pick([0, -0, 0, random.gauss()]),
        powers: () => random.pick([1, -1, 0.5, 2, 0, -0.25]),
        short: () => Math.round(random.gauss() * 8) / 8,
        smooth: () => smooth(1),
        'huge smooth': () => smooth(2 ** (bias - 4)),
        extreme: () => {
          const largest = 2 ** bias * (2 - 2 ** -mantissa);
          return random.pick([largest, -largest, 2 ** (1 - bias - mantissa), -0, random.gauss()]);
        },
      }[flavour]();
      if (dtype === 'F16') setFloat16(view, at, value, true);
      else write(view, at, value);
      // Rounding may have gone to infinity.
      if (!Number.isFinite(read(view, at))) write(view, at, 1);
    }
  }
  return words;
}

function randomFinite(random: Random, bias: number, mantissa: number): number {
  const exponent = 1 - bias - mantissa + random.below(2 * bias + mantissa - 1);
  return (random.below(2) === 0 ? 1 : -1) * 2 ** Math.max(exponent, -1074) * (1 + random.unit());
}

/** Words of elements whose grids have floors lie on these grids. */
function putOnGrids(words: Uint8Array, { dtype, length }: LaneCase, shift: number, floors: Uint16Array): void {
  const { bytes, read, write } = FLOAT_FORMATS[dtype];
  const rule = new GridRule(FLOAT_FORMATS[dtype], shift);
  const view = new DataView(words.buffer);
  for (let at = 0; at < words.length; at += bytes) {
    const grid = rule.of(0, 0, floors[(at / bytes) % length]!);
    write(view, at, grid.round(read(view, at)));
  }
}

/** Merges, fine to coarse, and the nodes that they split, coarse to fine. */
function randomTree(random: Random, lanes: number, merges: number) {
  const living = Array.from({ length: lanes }, (_, slot) => slot);
  const pairs = new Uint32Array(2 * merges);
  const coefficients = new Uint16Array(2 * merges);
  const view = new DataView(coefficients.buffer);
  for (let t = 0; t < merges; t++) {
    const j = living.splice(1 + random.below(living.length - 1), 1)[0]!;
    const i = random.pick(living.filter((slot) => slot < j));
    pairs.set([i, j], 2 * t);
    const [a, b] = randomCoefficients(random);
    setFloat16(view, 4 * t, a, true);
    setFloat16(view, 4 * t + 2, b, true);
  }
  const nodes = new Map(living.map((slot, root) => [slot, root]));
  const parents = new Uint32Array(merges);
  for (let n = 0; n < merges; n++) {
    const [i, j] = pairs.subarray(2 * (merges - 1 - n));
    parents[n] = nodes.get(i!)!;
    nodes.set(i!, living.length + 2 * n);
    nodes.set(j!, living.length + 2 * n + 1);
  }
  return { pairs, coefficients, parents };
}

function randomCoefficients(random: Random): [number, number] {
  const kind = random.below(8);
  if (kind === 0) return [1, 0];
  if (kind === 1) return [0, 1];
  if (kind === 2) return [random.gauss(), random.pick([2 ** -24, -65504, 2 ** -14, 100])];
  if (kind === 3) return [random.pick([0.5, 1, -1]), random.pick([0.5, 1, -1])];
  return [random.unit() + 0.1, random.gauss()];
}
