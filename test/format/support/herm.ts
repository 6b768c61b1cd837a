import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHerm } from '../../../lib/file/read.ts';
import { temporarySpool } from '../../../lib/file/spool.ts';
import { HermWriter, type WriteReport } from '../../../lib/file/write.ts';
import { buildLadder } from '../../../lib/herm/ladder.ts';
import type { MergeTree } from '../../../lib/herm/tree.ts';
import type { Block } from '../../../lib/model/block.ts';
import { digestsOf } from '../../../lib/model/digest.ts';
import { type Model, modelOf } from '../../../lib/model/model.ts';
import { type ByteSource, bufferSource } from '../../../lib/model/source.ts';
import type { CallOptions } from '../../../lib/native/call.ts';

/** A refit of all blocks. */
export interface RefitToWrite {
  /** [blocks] */
  readonly widths: readonly number[];
  readonly outputs: readonly Uint8Array[];
  readonly errors: readonly (number | null)[];
}

interface HierarchiesToWrite {
  readonly blocks: readonly Block[];
  readonly trees: readonly MergeTree[];
  readonly refits?: readonly RefitToWrite[] | undefined;
  readonly options?: CallOptions | undefined;
}

export interface HermToWrite extends HierarchiesToWrite {
  readonly source: ByteSource;
}

export interface ModelToWrite extends HierarchiesToWrite {
  readonly model: Model;
}

/** {@link writeModel} of a safetensors file. */
export async function writeHerm(path: string, { source, ...rest }: HermToWrite): Promise<WriteReport> {
  return writeModel(path, { ...rest, model: await modelOf(source.name, [source]) });
}

/** Writes a file of hierarchies that are given; the errors at a block's widths are unknown, then 1/2, 1/3, … */
export async function writeModel(path: string, input: ModelToWrite): Promise<WriteReport> {
  const { model, blocks, trees, refits = [], options: { onProgress, ...rest } = {} } = input;
  const spool = await temporarySpool(`${path}.tmp`);
  try {
    const writer = new HermWriter(model, blocks, 'isotropic', spool);
    const steps = writer.layout.groups.length + 2;
    const step = (at: number): CallOptions => ({ ...rest, onProgress: (done) => onProgress?.((at + done) / steps) });
    const digests = await digestsOf(model, step(0));
    for (const [group, { blocks: members }] of writer.layout.groups.entries()) {
      const pick = <T>(values: readonly T[]) => members.map((block) => values[block]!);
      const own = refits.map(({ widths, outputs }) => ({ widths: pick(widths), outputs: pick(outputs) }));
      const written = members.map((block) => {
        const { neurons, merges } = trees[block]!;
        const levels = buildLadder([{ neurons, smallest: neurons - merges }]).length;
        return {
          merges,
          errors: Array.from({ length: levels }, (_, level) => (level === 0 ? null : 1 / (level + 1))),
          refits: refits.map(({ widths, errors }) => ({ width: widths[block]!, error: errors[block]! })),
        };
      });
      await writer.addGroup({ trees: pick(trees), refits: own, written }, step(1 + group));
    }
    return await writer.finish(path, digests, step(1 + writer.layout.groups.length));
  } finally {
    await spool.close(true);
  }
}

/** The .herm file of a safetensors file, in memory. */
export async function compress(
  original: Uint8Array,
  blocks: readonly Block[],
  trees: readonly MergeTree[],
  more: Pick<HermToWrite, 'refits' | 'options'> = {},
): Promise<Uint8Array> {
  const path = join(tmpdir(), `hermkit-${randomBytes(8).toString('hex')}.herm`);
  try {
    await writeHerm(path, { source: bufferSource(original, 'model.safetensors'), blocks, trees, ...more });
    return new Uint8Array(readFileSync(path));
  } finally {
    rmSync(path, { force: true });
  }
}

export async function recover(herm: Uint8Array): Promise<Uint8Array> {
  const file = await openHerm(bufferSource(herm, 'model.herm'));
  const parts: Uint8Array[] = [];
  for await (const part of file.recover()) parts.push(part);
  return Buffer.concat(parts);
}
