import { describe, expect, it } from 'vitest';
import { MERGE_FLAGS, NATIVE_DTYPES } from '../../lib/native/binding.ts';
import { callNative } from '../../lib/native/call.ts';

/*
 * A slow oracle of exact coding in single precision: every step by its definition, every interval by bisection over all
 * numbers of the child's grid.
 */

interface Merge {
  readonly slots: readonly [number, number];
  readonly coefficients: readonly [number, number];
}

const MAX_FINITE = 0x7f7fffff;
const GUARD = 3;
const view = new DataView(new ArrayBuffer(4));

function toNumber(word: number): number {
  view.setUint32(0, word);
  return view.getFloat32(0);
}

function toWord(number: number): number {
  view.setFloat32(0, number);
  return view.getUint32(0);
}

const ordinalOf = (word: number, grid: number): number =>
  word >= 0x80000000 ? -((word - 0x80000000) >>> grid) - 1 : word >>> grid;
const wordOf = (ordinal: number, grid: number): number =>
  ordinal < 0 ? ((-ordinal - 1) << grid) + 0x80000000 : ordinal << grid;
const unsigned = (word: number): number => word >>> 0;
const greatest = (grid: number): number => MAX_FINITE >>> grid;

/** Smallest integer in [from, to] that satisfies a rising condition; `to` where none below it does. */
function firstWhere(from: number, to: number, condition: (at: number) => boolean): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (condition(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Ordinal of the number of a grid nearest to `value`, ties to even, saturating. */
function round(value: number, grid: number): number {
  const negative = value < 0 || Object.is(value, -0);
  const size = Math.abs(value);
  const at = (magnitude: number) => toNumber(unsigned(magnitude << grid));
  const above = firstWhere(0, greatest(grid), (magnitude) => at(magnitude) >= size);
  let nearest = above;
  if (above > 0 && at(above) > size) {
    const down = size - at(above - 1);
    const up = at(above) - size;
    if (down < up || (down === up && (above - 1) % 2 === 0)) nearest = above - 1;
  }
  return negative ? -nearest - 1 : nearest;
}

interface Joint {
  readonly aFollowed: number;
  /** a_c·x_c */
  readonly coded: number;
  readonly childGrid: number;
  readonly parentGrid: number;
}

/** Lowest and highest followed child, in the ordinals of sgn(a)·x, with a parent of this ordinal. */
function interval(joint: Joint, parent: number): [number, number] {
  const top = greatest(joint.childGrid);
  const parentOf = (y: number) =>
    round(Math.abs(joint.aFollowed) * toNumber(unsigned(wordOf(y, joint.childGrid))) + joint.coded, joint.parentGrid);
  const low = firstWhere(-top - 1, top + 1, (y) => parentOf(y) >= parent);
  return [low, firstWhere(low, top + 1, (y) => parentOf(y) > parent) - 1];
}

/** All children in the order of their indexes: from the end of larger magnitude, from both in turn across zero. */
function indexOf(low: number, high: number, y: number): number {
  if (low > 0) return high - y;
  if (high < 0) return y - low;
  const shorter = Math.min(-low, high + 1);
  const place = y < 0 ? y - low : high - y;
  return place < shorter ? 2 * place + (y < 0 ? 1 : 0) : shorter + place;
}

interface Oracle {
  readonly lanes: number[][];
  readonly flags: number[];
  readonly indexes: number[][];
}

/** Lanes of single-precision words, all on grid 0 at first. */
function oracleForward(words: readonly (readonly number[])[], merges: readonly Merge[]): Oracle {
  const lanes = words.map((lane) => [...lane]);
  const coarse = words.map(() => false);
  const flags: number[] = [];
  const indexes: number[][] = [];
  for (const { slots, coefficients } of merges) {
    const [i, j] = slots;
    const norm = (slot: number) => Math.sqrt((lanes[slot] as number[]).reduce((sum, w) => sum + toNumber(w) ** 2, 0));
    const [aI, aJ] = coefficients;
    const followsJ = aI === 0 || (aJ !== 0 && Math.abs(aJ) * norm(j) > Math.abs(aI) * norm(i));
    const [followed, coded] = followsJ ? [j, i] : [i, j];
    const [aFollowed, aCoded] = followsJ ? [aJ, aI] : [aI, aJ];
    const absorbed = aFollowed === 1 && aCoded === 0;
    const parents: number[] = [];
    const places: number[] = [];
    (lanes[followed] as number[]).forEach((word, e) => {
      const codedWord = (lanes[coded] as number[])[e] as number;
      const childGrid = coarse[followed] ? GUARD : 0;
      const joint: Joint = { aFollowed, coded: aCoded * toNumber(codedWord), childGrid, parentGrid: GUARD };
      const parent = round(aFollowed * toNumber(word) + joint.coded, GUARD);
      const sign = aFollowed < 0 ? -1 : 1;
      const y = ordinalOf(toWord(sign * toNumber(word)), childGrid);
      parents.push(absorbed ? word : unsigned(wordOf(parent, GUARD)));
      places.push(absorbed ? 0 : indexOf(...interval(joint, parent), y));
    });
    flags.push(
      (followsJ ? MERGE_FLAGS.followedIsJ : 0) |
        (coarse[followed] ? MERGE_FLAGS.followedCoarse : 0) |
        (coarse[coded] ? MERGE_FLAGS.codedCoarse : 0) |
        (absorbed ? MERGE_FLAGS.absorbed : 0),
    );
    indexes.push(places);
    const [grid, codedGrid] = [absorbed ? (coarse[followed] as boolean) : true, coarse[coded] as boolean];
    [lanes[i], lanes[j]] = [parents, [...(lanes[coded] as number[])]];
    [coarse[i], coarse[j]] = [grid, codedGrid];
  }
  return { lanes, flags, indexes };
}

/** Deterministic numbers in [0, 1): a linear congruential generator. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const HALVES = new Map([
  [0, 0],
  [1, 0x3c00],
  [-1, 0xbc00],
  [0.5, 0x3800],
  [-0.75, 0xba00],
  [1.5, 0x3e00],
  [2 ** -24, 1],
  [65504, 0x7bff],
]);

function randomMerges(random: () => number, neurons: number): Merge[] {
  const living = Array.from({ length: neurons }, (_, i) => i);
  const values = [...HALVES.keys()];
  const pick = () => values[Math.floor(random() * values.length)] as number;
  const merges: Merge[] = [];
  while (living.length > 1) {
    const first = Math.floor(random() * (living.length - 1));
    const second = first + 1 + Math.floor(random() * (living.length - 1 - first));
    const [a, b] = [pick(), pick()];
    const slots = [living[first] as number, living[second] as number] as const;
    merges.push({ slots, coefficients: a === 0 && b === 0 ? [0, 1] : [a, b] });
    living.splice(second, 1);
  }
  return merges;
}

function randomWord(random: () => number): number {
  const kind = random();
  if (kind < 0.05) return 0;
  if (kind < 0.1) return 0x80000000;
  if (kind < 0.15) return Math.floor(random() * 0x7fffff);
  if (kind < 0.2) return 0xff7fffff;
  return toWord((random() - 0.5) * 2 ** Math.floor(random() * 12));
}

const bytesOf = (words: readonly (readonly number[])[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(words.flat()).buffer);

function nativeArgs(words: readonly (readonly number[])[], merges: readonly Merge[]) {
  const length = (words[0] as number[]).length;
  return {
    lanes: bytesOf(words),
    dtype: NATIVE_DTYPES.F32 as number,
    laneCount: words.length,
    length,
    shift: 0,
    coarse: new Uint8Array(words.length),
    elementCoarse: undefined,
    pairs: Uint32Array.from(merges.flatMap((merge) => merge.slots)),
    coefficients: Uint16Array.from(
      merges.flatMap((merge) => merge.coefficients),
      (a) => HALVES.get(a) as number,
    ),
    flags: new Uint8Array(merges.length),
    indexes: new Uint8Array(merges.length * length * 4),
  };
}

function example(seed: number, neurons: number) {
  const random = generator(seed);
  const merges = randomMerges(random, neurons);
  const words = Array.from({ length: neurons }, () => Array.from({ length: 9 }, () => randomWord(random)));
  return { merges, words };
}

describe('exact coding of a merge tree', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('writes what its definition says, and comes back (seed %i)', async (seed) => {
    const { merges, words } = example(seed, 2 + (seed % 5));
    const args = nativeArgs(words, merges);
    const oracle = oracleForward(words, merges);

    await callNative(undefined, (addon, job) => addon.forwardLanes(args, job));
    expect([...args.flags]).toEqual(oracle.flags);
    expect(args.lanes).toEqual(bytesOf(oracle.lanes));
    expect(args.indexes).toEqual(bytesOf(oracle.indexes));

    await callNative(undefined, (addon, job) =>
      addon.inverseLanes({ ...args, from: 0, to: merges.length, present: undefined }, job),
    );
    expect(args.lanes).toEqual(bytesOf(words));
  });

  it('stops at any width with the lanes that merging alone gives', async () => {
    const { merges, words } = example(40, 6);
    const args = nativeArgs(words, merges);
    const merged = nativeArgs(words, merges);
    await callNative(undefined, (addon, job) => addon.forwardLanes(args, job));
    await callNative(undefined, (addon, job) =>
      addon.inverseLanes({ ...args, from: 2, to: 5, present: undefined }, job),
    );
    await callNative(undefined, (addon, job) => addon.mergeLanes({ ...merged, from: 0, to: 2 }, job));
    const gone = merges.slice(0, 2).map((merge) => merge.slots[1]);
    const slots = Uint32Array.from([0, 1, 2, 3, 4, 5].filter((slot) => !gone.includes(slot)));
    const elements = Uint32Array.from({ length: args.length }, (_, e) => e);
    const living = async (from: typeof args) => {
      const out = new Uint8Array(slots.length * elements.length * 4);
      await callNative(undefined, (addon, job) =>
        addon.storeLanes({ ...from, slots, elements, transposed: true, out }, job),
      );
      return out;
    };
    expect(await living(args)).toEqual(await living(merged));
  });

  it('rejects a corrupt index with HERM_CORRUPT', async () => {
    const { merges, words } = example(41, 2);
    const args = { ...nativeArgs(words, [{ slots: [0, 1], coefficients: [0.5, 0.5] }]) };
    expect(merges).toHaveLength(1);
    await callNative(undefined, (addon, job) => addon.forwardLanes(args, job));
    args.indexes.fill(0xff);
    const undone = callNative(undefined, (addon, job) =>
      addon.inverseLanes({ ...args, from: 0, to: 1, present: undefined }, job),
    );
    await expect(undone).rejects.toMatchObject({ code: 'HERM_CORRUPT' });
  });

  it('refuses arrays that do not fit each other', async () => {
    const { merges, words } = example(42, 3);
    const args = nativeArgs(words, merges);
    const call = (changed: Partial<typeof args>) =>
      callNative(undefined, (addon, job) => addon.forwardLanes({ ...args, ...changed }, job));
    await expect(call({ lanes: args.lanes.subarray(4) })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ coarse: new Uint8Array(2) })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ coefficients: new Uint16Array(3) })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ shift: 24 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ dtype: 9 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
