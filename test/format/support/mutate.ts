import { xxh64 } from '../../../lib/file/codec.ts';
import { readPrologue, wrapHeader } from '../../../lib/file/prologue.ts';
import type { HermHeader } from '../../../lib/file/schema.ts';
import { concat } from '../../../lib/model/concat.ts';
import { bufferSource } from '../../../lib/model/source.ts';
import { withHeader } from './header.ts';
import type { Random } from './random.ts';

/** One way to damage a file. */
export type Mutation = (herm: Uint8Array, random: Random) => Promise<Uint8Array>;

/** 1 to 4 bits of the whole file. */
const flipBits: Mutation = async (herm, random) => {
  const bytes = herm.slice();
  for (let flips = 1 + random.below(4); flips > 0; flips--) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
};

const truncate: Mutation = async (herm, random) => herm.slice(0, random.below(herm.length));

/** Bytes put in, taken out or copied over others. */
const splice: Mutation = async (herm, random) => {
  const [from, to, length] = [random.below(herm.length), random.below(herm.length), random.below(64)];
  const piece = herm.subarray(from, from + length);
  const skipped = random.pick([0, length, random.below(64)]);
  return concat([herm.subarray(0, to), piece, herm.subarray(to + skipped)]);
};

/** The lengths and versions at the start, with everything after them as it was. */
const changePrologue: Mutation = async (herm, random) => {
  const bytes = herm.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(8 + 4 * random.below(5), random.pick([0, 1, random.below(1000), random.word(), 0xffffffff]), true);
  return bytes;
};

/** The header's values, checksum made to fit, so that the checks behind it are reached. */
const changeHeader: Mutation = (herm, random) =>
  withHeader(herm, (header) => {
    for (let edits = 1 + random.below(3); edits > 0; edits--) editJson(header, random);
  });

/** A chunk's bytes or length, checksum and index made to fit, so that the decoders are reached. */
const changeChunk: Mutation = async (herm, random) => {
  const { value, end } = await readPrologue(bufferSource(herm), {});
  const header = structuredClone(value) as HermHeader;
  const chunks: Uint8Array[] = header.chunks.map(({ offset, length }) =>
    herm.slice(end + offset, end + offset + length),
  );
  const chosen = random.below(chunks.length);
  const bytes = chunks[chosen]!;
  const kind = random.below(4);
  if (kind === 0 && bytes.length > 0) chunks[chosen] = bytes.slice(0, random.below(bytes.length));
  else if (kind === 1) chunks[chosen] = concat([bytes, new Uint8Array(1 + random.below(9)).fill(random.below(256))]);
  else if (kind === 2) chunks[chosen] = chunks[random.below(chunks.length)]!;
  else for (let edits = 1 + random.below(3); edits > 0 && bytes.length > 0; edits--) editByte(bytes, random);
  let offset = 0;
  for (const [n, entry] of header.chunks.entries()) {
    Object.assign(entry, { offset, length: chunks[n]!.byteLength, xxh64: await xxh64(chunks[n]!, {}) });
    offset += entry.length;
  }
  return concat([await wrapHeader(new TextEncoder().encode(JSON.stringify(header)), {}), ...chunks]);
};

/** Near the start of a chunk, where its lengths stand, as often as anywhere. */
function editByte(bytes: Uint8Array, random: Random): void {
  const at = random.below(random.below(2) === 0 ? Math.min(bytes.length, 48) : bytes.length);
  bytes[at] = random.below(2) === 0 ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
}

const VALUES: readonly unknown[] = [
  0,
  1,
  2,
  3,
  -1,
  0.5,
  255,
  2 ** 16,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  1e300,
  null,
  true,
  '',
  'F32',
  'F64',
  'BF16',
  'x',
  [],
  {},
  [[]],
  [1, 2],
];

type Json = Record<string, unknown>;

/** Replaces, removes, repeats or moves one value, anywhere in the tree. */
function editJson(root: object, random: Random): void {
  let node = root as Json;
  for (;;) {
    const keys = Object.keys(node);
    if (keys.length === 0) return;
    const key = random.pick(keys);
    const child = node[key];
    if (typeof child === 'object' && child !== null && random.below(8) > 0) {
      node = child as Json;
      continue;
    }
    const number = typeof child === 'number' ? child : 0;
    const kind = random.below(6);
    if (kind === 0 && Array.isArray(node)) node.splice(Number(key), 1);
    else if (kind === 1 && Array.isArray(node)) node.splice(Number(key), 0, structuredClone(child));
    else if (kind === 2) delete node[key];
    else if (kind === 3) node[key] = structuredClone(node[random.pick(keys)]);
    else if (kind === 4) node[key] = number + random.pick([-1, 1, 8, random.below(1000)]);
    else node[key] = structuredClone(random.pick(VALUES));
    return;
  }
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flipBits,
  truncate,
  splice,
  changePrologue,
  changeHeader,
  changeChunk,
};
