import { HermError } from '../errors.ts';
import { NODE_LEAF, type Unfolding } from '../herm/unfolding.ts';
import { bytesOf, concat } from './bytes.ts';

/**
 * What one level adds to the hierarchy of one block, as plain little-endian arrays. Level 0 holds the K roots, a later
 * level N instructions.
 */
export interface HierarchyPart {
  /** u32: [K] root slots; [2×N] slots i, then slots j. */
  readonly slots: Uint8Array;
  /** f16: [4×N] α₁, α₂, β₁, β₂. */
  readonly coefficients: Uint8Array;
  /** u8: [K] flags of the root nodes; [3×N] flags of children i, of children j, followed flags. */
  readonly flags: Uint8Array;
  /** f32: [N] */
  readonly costs: Uint8Array;
  /** The bias dtype: [K] of the root nodes; [2×N] of children i, then of children j. Empty without biases. */
  readonly biases: Uint8Array;
}

/** Bytes of one element of each array of a {@link HierarchyPart}, and how many there are for an entry. */
export function partShapes(level: number, entries: number, biasBytes: number): PartShape[] {
  const roots = level === 0;
  return [
    { key: 'slots', elementBytes: 4, count: roots ? entries : 2 * entries },
    { key: 'coefficients', elementBytes: 2, count: roots ? 0 : 4 * entries },
    { key: 'flags', elementBytes: 1, count: roots ? entries : 3 * entries },
    { key: 'costs', elementBytes: 4, count: roots ? 0 : entries },
    { key: 'biases', elementBytes: biasBytes, count: biasBytes === 0 ? 0 : roots ? entries : 2 * entries },
  ];
}

export interface PartShape {
  readonly key: keyof HierarchyPart;
  readonly elementBytes: number;
  readonly count: number;
}

/** What a level that unfolds a hierarchy from width `from` (0 for level 0) to width `to` adds. */
export function partOf(unfolding: Unfolding, from: number, to: number): HierarchyPart {
  const { roots, slots, kept, alpha, beta, cost, nodes, followed, biases } = unfolding;
  const size = biases.byteLength / nodes.length;
  if (from === 0) {
    const none = new Uint8Array(0);
    const rootBiases = biases.subarray(0, roots * size);
    return {
      slots: bytesOf(slots.slice(0, roots)),
      coefficients: none,
      flags: nodes.slice(0, roots),
      costs: none,
      biases: rootBiases,
    };
  }
  const [a, b] = [from - roots, to - roots];
  const child = (which: number) => Array.from({ length: b - a }, (_, n) => roots + 2 * (a + n) + which);
  const flagsOf = (which: number) => Uint8Array.from(child(which), (node) => nodes[node]!);
  const biasesOf = (which: number) => child(which).map((node) => biases.subarray(node * size, (node + 1) * size));
  return {
    slots: concat([bytesOf(kept.slice(a, b)), bytesOf(slots.slice(from, to))]),
    coefficients: concat([everySecond(alpha, a, b, 0), everySecond(alpha, a, b, 1), everySecond(beta, a, b, 0), everySecond(beta, a, b, 1)]),
    flags: concat([flagsOf(0), flagsOf(1), followed.subarray(a, b)]),
    costs: bytesOf(cost.slice(a, b)),
    biases: concat([...biasesOf(0), ...biasesOf(1)]),
  };
}

function everySecond(pairs: Uint16Array, from: number, to: number, which: number): Uint8Array {
  return bytesOf(Uint16Array.from({ length: to - from }, (_, n) => pairs[2 * (from + n) + which]!));
}
