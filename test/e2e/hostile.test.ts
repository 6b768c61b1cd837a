import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { xxh64 } from '../../lib/file/codec.ts';
import { readPrologue, wrapHeader } from '../../lib/file/prologue.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { concat } from '../../lib/model/concat.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { makeCase } from '../format/support/case.ts';
import { compress } from '../format/support/herm.ts';
import { temporaryFolder } from './herm.ts';

/** What reading may hold beside what a file truthfully declares. */
const ALLOWED_BYTES = 64e6;
const SCRIPT = fileURLToPath(new URL('process/hostile.mjs', import.meta.url));

const at = temporaryFolder();
let herm: Uint8Array;
let header: HermHeader;
let body: Uint8Array;

beforeAll(async () => {
  const made = makeCase({ sizes: [3, 12, 4] });
  herm = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
  writeFileSync(at('harmless.herm'), herm);
  const { value, end } = await readPrologue(bufferSource(herm), {});
  [header, body] = [value as HermHeader, herm.subarray(end)];
});

async function use(file: Uint8Array): Promise<{ codes: string[]; grownBytes: number }> {
  writeFileSync(at('hostile.herm'), file);
  const args = ['--expose-gc', SCRIPT, at('harmless.herm'), at('hostile.herm')];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

const text = (json: string) => new TextEncoder().encode(json);
const fileOf = async (json: string, rest = body) => concat([await wrapHeader(text(json), {}), rest]);

/** The header with other members, and the chunks as they are. */
async function changed(edit: (header: HermHeader) => void, rest = body): Promise<Uint8Array> {
  const copy = structuredClone(header);
  edit(copy);
  return fileOf(JSON.stringify(copy), rest);
}

/** A flat tensor of so many bytes that all come from a chunk of these. */
async function withFlat(bytes: number, chunk: Uint8Array): Promise<Uint8Array> {
  const checksum = await xxh64(chunk, {});
  const split = header.chunks.findIndex(({ kind }) => kind === 'level');
  const { offset } = header.chunks[split]!;
  return changed(
    (copy) => {
      const { end } = copy.tensors.at(-1)!;
      copy.tensors.push({ name: 'zeros', dtype: 'U8', shape: [bytes], begin: end, end: end + bytes, file: 0 });
      copy.files[0]!.size += bytes;
      for (const entry of copy.chunks.slice(split)) entry.offset += chunk.byteLength;
      const index = copy.tensors.length - 1;
      copy.chunks.splice(split, 0, { kind: 'flat', index, offset, length: chunk.byteLength, xxh64: checksum });
    },
    concat([body.subarray(0, offset), chunk, body.subarray(offset)]),
  );
}

/** What it is, and what everything that is asked of it comes to. */
const BOMBS: readonly [string, RegExp, () => Promise<Uint8Array>][] = [
  ['64 MiB of spaces in a header', /^HERM_LIMIT$/, () => fileOf(`${' '.repeat(2 ** 26 - 2)}{}`)],
  ['a header of nothing but brackets', /^HERM_LIMIT$/, () => fileOf('['.repeat(1e6))],
  ['a header of 300,000 objects', /^HERM_LIMIT$/, () => fileOf(`[${'{},'.repeat(3e5)}{}]`)],
  [
    'a hundred thousand lists where tensors should be',
    /^HERM_HEADER$/,
    () => fileOf(`{"tensors":[${'[],'.repeat(1e5)}[]]}`),
  ],
  [
    'half a million numbers where tensors should be',
    /^HERM_HEADER$/,
    () => fileOf(`{"tensors":[${'0,'.repeat(5e5)}0]}`),
  ],
  [
    'a hundred thousand members of one object',
    /^HERM_HEADER$/,
    () => {
      return fileOf(`{${Array.from({ length: 1e5 }, (_, n) => `"k${n}":0`).join(',')}}`);
    },
  ],
  [
    'a ladder of as many widths as there may be',
    /^HERM_HEADER$/,
    () => {
      return changed((copy) => {
        // Text that does not compress makes room for so long a header.
        copy.files[0]!.metadata = [['noise', randomBytes(90_000).toString('base64')]];
        copy.ladder = Array.from({ length: 256 }, () => new Array<number>(4096).fill(1));
      });
    },
  ],
  [
    '4,096 blocks that grow at 100 levels',
    /^HERM_LIMIT$/,
    () => {
      return changed((copy) => {
        const [block] = copy.blocks;
        copy.blocks = Array.from({ length: 4096 }, (_, n) => ({ ...block!, name: `b${n}` }));
        copy.ladder = Array.from({ length: 100 }, (_, level) => new Array<number>(4096).fill(level + 1));
      });
    },
  ],
  [
    'a tensor of a terabyte',
    /^HERM_HEADER$/,
    () => changed((copy) => Object.assign(copy.tensors[0]!, { shape: [2 ** 38], end: 2 ** 40 })),
  ],
  ['a tensor of 1 GB from no bytes', /^HERM_CORRUPT$/, () => withFlat(2 ** 30 - 2 ** 20, new Uint8Array(0))],
  [
    'a tensor of 1 GB from a few bytes',
    /^HERM_CORRUPT$/,
    () => withFlat(2 ** 30 - 2 ** 20, new Uint8Array(64).fill(1)),
  ],
  [
    'chunks that claim more than there is',
    /^(ok|WIDTH)$/,
    () => {
      return changed((copy) => Object.assign(copy.chunks.at(-1)!, { length: 2 ** 50 }));
    },
  ],
  [
    '30,000 metadata pairs',
    /^ok$/,
    () => {
      return changed((copy) => {
        copy.files[0]!.metadata = Array.from({ length: 3e4 }, (_, n): [string, string] => [`key ${n}`, String(n)]);
      });
    },
  ],
  [
    '5,000 tensors of no bytes',
    /^ok$/,
    async () => {
      const nothing = await xxh64(new Uint8Array(0), {});
      return changed((copy) => {
        const split = copy.chunks.findIndex(({ kind }) => kind === 'level');
        const [first, { offset }] = [copy.tensors.length, copy.chunks[split]!];
        const { end } = copy.tensors.at(-1)!;
        const added = Array.from({ length: 5000 }, (_, n) => first + n);
        for (const n of added) copy.tensors.push({ name: `t${n}`, dtype: 'U8', shape: [0], begin: end, end, file: 0 });
        const chunks = added.map((index) => ({ kind: 'flat', index, offset, length: 0, xxh64: nothing }));
        copy.chunks.splice(split, 0, ...chunks);
      });
    },
  ],
  [
    'blocks of 16 million neurons',
    /^HERM_HEADER$/,
    () => changed((copy) => Object.assign(copy.blocks[0]!, { neurons: 2 ** 24 })),
  ],
  [
    'a hierarchy of 16 million neurons in a few bytes',
    /^HERM_CORRUPT$/,
    () => changed((copy) => claimNeurons(copy, 2 ** 24)),
  ],
];

/** Every tensor of the block has as many neurons, and so has the last level. */
function claimNeurons(copy: HermHeader, neurons: number): void {
  const [block] = copy.blocks;
  const before = block!.neurons;
  Object.assign(block!, { neurons, merges: block!.merges + neurons - before });
  copy.ladder = copy.ladder.map(([width]) => [width === before ? neurons : width!]);
  for (const matrix of [block!.input, block!.output]) {
    Object.assign(matrix, matrix.rows === before ? { rows: neurons } : { cols: neurons });
  }
  let end = 0;
  for (const tensor of copy.tensors) {
    const bytes = (tensor.end - tensor.begin) / tensor.shape.reduce((product, size) => product * size, 1);
    const shape = tensor.shape.map((size) => (size === before ? neurons : size));
    const begin = end;
    end += bytes * shape.reduce((product, size) => product * size, 1);
    Object.assign(tensor, { shape, begin, end });
  }
  copy.files[0]!.size = copy.files[0]!.dataOffset + end;
}

describe.runIf(platform() === 'linux')('a hostile file', () => {
  it.each(BOMBS)('takes no memory: %s', async (_, expected, make) => {
    const file = await make();
    const { codes, grownBytes } = await use(file);
    for (const code of codes) expect(code).toMatch(expected);
    expect(grownBytes).toBeLessThan(ALLOWED_BYTES + file.byteLength);
  });
});
