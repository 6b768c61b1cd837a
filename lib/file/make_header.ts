import { basename, resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { buildLadder } from '../herm/ladder.ts';
import type { Block } from '../model/block.ts';
import type { ModelDigests } from '../model/digest.ts';
import type { Model } from '../model/model.ts';
import type { CodedGroup } from './encode_group.ts';
import type { ChunkName } from './header.ts';
import type { Layout } from './layout.ts';
import type { HermHeader } from './schema.ts';
import type { SpooledChunk, SpoolFile } from './spool.ts';

/** What a file holds of one group of blocks. */
export interface WrittenGroup extends CodedGroup {
  /** One a block. */
  readonly blocks: readonly WrittenBlock[];
}

export interface WrittenBlock {
  /** T */
  readonly merges: number;
  /** Relative errors at the widths of the block's own ladder; null where not known. */
  readonly errors: readonly (number | null)[];
  /** The same on samples that were held out; undefined: there were none. */
  readonly measured?: readonly number[] | undefined;
  /** One for every refit of the file: its width, and the relative error that it leaves. */
  readonly refits: readonly {
    readonly width: number;
    readonly error: number | null;
    readonly measured?: number | undefined;
  }[];
}

/** A chunk of the new file, and where it is until then. */
export interface PlacedChunk {
  readonly name: ChunkName;
  readonly file: SpoolFile;
  readonly spooled: SpooledChunk;
}

/** What a file says of all blocks together, once every group is coded. */
export interface FilePlan {
  /** [blocks] */
  readonly blocks: readonly WrittenBlock[];
  /** [levels][blocks] */
  readonly ladder: readonly (readonly number[])[];
  /** [refits], each [blocks] */
  readonly refits: HermHeader['refits'];
}

export function planFile(blocks: readonly Block[], { groups }: Layout, written: readonly WrittenGroup[]): FilePlan {
  const all: WrittenBlock[] = [];
  for (const [group, { blocks: members }] of groups.entries()) {
    for (const [n, block] of members.entries()) all[block] = written[group]!.blocks[n]!;
  }
  const ranges = blocks.map(({ neurons }, block) => ({ neurons, smallest: neurons - all[block]!.merges }));
  const refits = (all[0]?.refits ?? []).map((_, refit) => ({
    widths: all.map((block) => block.refits[refit]!.width),
    errors: all.map((block) => block.refits[refit]!.error),
    ...(hasMeasured(all) && { measured: all.map((block) => block.refits[refit]!.measured ?? null) }),
  }));
  return { blocks: all, ladder: buildLadder(ranges), refits };
}

const hasMeasured = (blocks: readonly WrittenBlock[]) => blocks.some(({ measured }) => measured !== undefined);

/** [levels] relative errors of a block at the levels of the file. */
function errorsOf(
  { neurons }: Block,
  { merges }: WrittenBlock,
  errors: readonly (number | null)[],
  widths: readonly number[],
): (number | null)[] {
  const own = buildLadder([{ neurons, smallest: neurons - merges }]).map(([width]) => width);
  return widths.map((width) => errors[own.indexOf(width)] ?? null);
}

/** The header of a file with these chunks, in this order. */
export function makeHeader(
  { name, files, extras, tensors, joined }: Model,
  blocks: readonly Block[],
  prior: HermHeader['prior'],
  { blocks: written, ladder, refits }: FilePlan,
  shifts: readonly (readonly [string, number])[],
  placed: readonly PlacedChunk[],
  digests: ModelDigests,
): HermHeader {
  const atLevels = (errors: (block: WrittenBlock) => readonly (number | null)[]) =>
    blocks.map((block, index) => {
      const widths = ladder.map((level) => level[index]!);
      return errorsOf(block, written[index]!, errors(written[index]!), widths);
    });
  const indexOf = new Map(tensors.map(({ name }, index) => [name, index]));
  return {
    tool: `hermkit ${packageJson.version}`,
    name: basename(resolve(name)),
    files: files.map(({ name, source: { size }, header: { format, dataOffset, metadata } }, file) => {
      return { name, size, sha256: digests.files[file]!, format, dataOffset, metadata: [...metadata] };
    }),
    extras: extras.map(({ name, size }, extra) => ({ name, size, sha256: digests.extras[extra]! })),
    tensors: tensors.map((info) => ({ ...info, shape: [...info.shape] })),
    joined: joined.map((join) => ({ ...join })),
    shifts: shifts.map(([tensor, shift]): [number, number] => [indexOf.get(tensor)!, shift]).sort(([a], [b]) => a - b),
    blocks: blocks.map((block, index) => ({ ...block, merges: written[index]!.merges })),
    prior,
    ladder: ladder.map((widths) => [...widths]),
    errors: atLevels(({ errors }) => errors),
    ...(hasMeasured(written) && { measured: atLevels(({ measured }) => measured ?? []) }),
    refits: [...refits],
    chunks: entriesOf(placed),
  };
}

function entriesOf(placed: readonly PlacedChunk[]): HermHeader['chunks'] {
  let next = 0;
  return placed.map(({ name, spooled: { length, xxh64 } }) => {
    const offset = next;
    next += length;
    return { ...name, offset, length, xxh64 };
  });
}
