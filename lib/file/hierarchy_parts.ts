import { HermError } from '../errors.ts';
import { NODE_LEAF, nodeOfInstruction, ROOT_COARSE, type Unfolding } from '../herm/unfolding.ts';
import { concat } from '../model/concat.ts';
import { bytesOf } from './bytes.ts';
import { biasBytes, type Layout } from './layout.ts';

/** What one level adds to one block's hierarchy: the K roots (level 0) or N instructions, as plain arrays of words. */
export interface HierarchyPart {
  /** u32: [K] root slots; [2N] slots i, j of each instruction. */
  readonly slots: Uint8Array;
  /** u16: nothing; [2N] α of the instructions, then [2N] β, then [2N] of a gate. */
  readonly coefficients: Uint8Array;
  /** u8: [K]; [2N] flags of the children, then [N] input flags, [N] output flags, [N] gate flags. */
  readonly flags: Uint8Array;
  /** u32: nothing; [N] bits of f32. */
  readonly costs: Uint8Array;
  /** Words of the bias dtype: [K]; [2N]. Empty without biases. */
  readonly biases: Uint8Array;
  /** The same of a gate. */
  readonly gateBiases: Uint8Array;
}

/** What the arrays of a block's parts depend on. */
export interface PartForm {
  /** Bytes of one bias, 0 where the block has none. */
  readonly biasBytes: number;
  readonly gated: boolean;
  readonly gateBiasBytes: number;
}

export function partForm({ biases, gates }: Layout, block: number): PartForm {
  const gate = gates[block];
  return {
    biasBytes: biasBytes(biases[block]),
    gated: gate !== undefined,
    gateBiasBytes: biasBytes(gate?.bias),
  };
}

/** Arrays of a part. */
export function partArrays({ gated }: PartForm): number {
  return gated ? 6 : 5;
}

export interface PartShape {
  readonly key: keyof HierarchyPart;
  readonly wordBytes: number;
  readonly count: number;
  /** The words are floating-point numbers. */
  readonly float: boolean;
}

/** The arrays of a part, in file order; `entries` is K or N. */
export function partShapes(level: number, entries: number, { biasBytes, gated, gateBiasBytes }: PartForm): PartShape[] {
  const nodes = level === 0 ? entries : 2 * entries;
  const instructions = level === 0 ? 0 : entries;
  const sides = gated ? 3 : 2;
  const biases = (key: 'biases' | 'gateBiases', bytes: number): PartShape => {
    return { key, wordBytes: bytes || 1, count: bytes === 0 ? 0 : nodes, float: true };
  };
  return [
    { key: 'slots', wordBytes: 4, count: nodes, float: false },
    { key: 'coefficients', wordBytes: 2, count: 2 * sides * instructions, float: true },
    { key: 'flags', wordBytes: 1, count: nodes + sides * instructions, float: false },
    { key: 'costs', wordBytes: 4, count: instructions, float: true },
    biases('biases', biasBytes),
    ...(gated ? [biases('gateBiases', gateBiasBytes)] : []),
  ];
}

/** What unfolding from width `from` to width `to` adds; `from` is 0 for the roots. */
export function partOf(unfolding: Unfolding, from: number, to: number): HierarchyPart {
  const { roots, flags, biases, gate } = unfolding;
  const [n0, n1] = [Math.max(0, from - roots), to - roots];
  const [node0, node1] = [from === 0 ? 0 : nodeOfInstruction(roots, n0), nodeOfInstruction(roots, n1)];
  const nodeBiases = (all: Uint8Array) => {
    const bytes = all.byteLength / flags.length;
    return all.subarray(node0 * bytes, node1 * bytes);
  };
  const pairs = (all: Uint16Array) => bytesOf(all.subarray(2 * n0, 2 * n1));
  return {
    slots: bytesOf(unfolding.slots.subarray(node0, node1)),
    coefficients: concat([pairs(unfolding.alpha), pairs(unfolding.beta), ...(gate ? [pairs(gate.alpha)] : [])]),
    flags: concat([
      flags.subarray(node0, node1),
      unfolding.inputFlags.subarray(n0, n1),
      unfolding.outputFlags.subarray(n0, n1),
      ...(gate ? [gate.flags.subarray(n0, n1)] : []),
    ]),
    costs: bytesOf(unfolding.costs.subarray(n0, n1)),
    biases: nodeBiases(biases),
    gateBiases: nodeBiases(gate?.biases ?? new Uint8Array(0)),
  };
}

/**
 * The unfolding that the parts of the first levels make, checked so that every use of it stays in bounds.
 *
 * @param neurons m
 * @param parts of levels 0, 1, …, each of the sizes that {@link partShapes} says.
 * @throws HermError `HERM_CORRUPT` where the parts are no hierarchy.
 */
export function joinParts(
  neurons: number,
  parts: readonly HierarchyPart[],
  { gated }: PartForm,
  subject: string,
): Unfolding {
  const [first, ...later] = parts;
  const roots = first!.slots.byteLength / 4;
  const counts = later.map(({ slots }) => slots.byteLength / 8);
  const instructions = counts.reduce((sum, count) => sum + count, 0);
  const all = (slice: (part: HierarchyPart, n: number) => Uint8Array) =>
    concat(later.map((p, at) => slice(p, counts[at]!)));
  const unfolding: Unfolding = {
    neurons,
    roots,
    instructions,
    slots: words32(concat(parts.map(({ slots }) => slots))),
    flags: concat([first!.flags, all(({ flags }, n) => flags.subarray(0, 2 * n))]),
    biases: concat(parts.map(({ biases }) => biases)),
    alpha: new Uint16Array(all(({ coefficients }, n) => coefficients.subarray(0, 4 * n)).buffer),
    beta: new Uint16Array(all(({ coefficients }, n) => coefficients.subarray(4 * n, 8 * n)).buffer),
    inputFlags: all(({ flags }, n) => flags.subarray(2 * n, 3 * n)),
    outputFlags: all(({ flags }, n) => flags.subarray(3 * n, 4 * n)),
    costs: new Float32Array(all(({ costs }) => costs).buffer),
    gate: gated
      ? {
          biases: concat(parts.map(({ gateBiases }) => gateBiases)),
          alpha: new Uint16Array(all(({ coefficients }, n) => coefficients.subarray(8 * n)).buffer),
          flags: all(({ flags }, n) => flags.subarray(4 * n)),
        }
      : undefined,
  };
  const why = findFault(unfolding);
  if (why !== undefined) throw new HermError('HERM_CORRUPT', `${subject} is corrupt: ${why}.`);
  return unfolding;
}

/** `concat` makes fresh buffers, so that wider words are aligned in them. */
function words32(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer);
}

const PLAIN_ROOT_FLAGS = NODE_LEAF | ROOT_COARSE.input | ROOT_COARSE.output;
const MERGE_FLAGS = 15;

function findFault(unfolding: Unfolding): string | undefined {
  const { roots, flags, inputFlags, outputFlags, alpha, beta, gate } = unfolding;
  const rootFlags = PLAIN_ROOT_FLAGS | (gate ? ROOT_COARSE.gate : 0);
  if (flags.some((flag, node) => flag > (node < roots ? rootFlags : NODE_LEAF))) return 'a node has unknown flags';
  const sides = [inputFlags, outputFlags, ...(gate ? [gate.flags] : [])];
  if (sides.some((side) => side.some((flag) => flag > MERGE_FLAGS))) return 'an instruction has unknown flags';
  const coefficients = [alpha, beta, ...(gate ? [gate.alpha] : [])];
  if (!coefficients.every(areCoefficients)) return 'an instruction has impossible coefficients';
  return findSlotFault(unfolding);
}

/** Half-precision pairs, finite and not both zero. */
function areCoefficients(patterns: Uint16Array): boolean {
  for (let n = 0; n < patterns.length; n += 2) {
    const [a, b] = [patterns[n]! & 0x7fff, patterns[n + 1]! & 0x7fff];
    if (a >= 0x7c00 || b >= 0x7c00 || (a | b) === 0) return false;
  }
  return true;
}

const GONE = 0;
const MERGED = 1;
const LEAF = 2;

/** Every instruction must split a merged node that lives, into its own slot and a later one that does not live yet. */
function findSlotFault({ neurons, roots, instructions, slots, flags }: Unfolding): string | undefined {
  const state = new Uint8Array(neurons);
  let leaves = 0;
  const live = (node: number) => {
    const leaf = (flags[node]! & NODE_LEAF) !== 0;
    state[slots[node]!] = leaf ? LEAF : MERGED;
    if (leaf) leaves++;
  };
  for (let root = 0; root < roots; root++) {
    if (slots[root]! >= neurons || (root > 0 && slots[root]! <= slots[root - 1]!)) return 'its roots are not in order';
    live(root);
  }
  for (let n = 0; n < instructions; n++) {
    const node = nodeOfInstruction(roots, n);
    const [i, j] = [slots[node]!, slots[node + 1]!];
    if (i >= j || j >= neurons || state[i] !== MERGED || state[j] !== GONE) {
      return `instruction ${n} splits slot ${i} into ${i} and ${j}, which cannot be`;
    }
    live(node);
    live(node + 1);
  }
  if (roots + instructions === neurons && leaves !== neurons) return 'its leaves are not the original neurons';
  return undefined;
}
