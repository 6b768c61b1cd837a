import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHerm } from '../../../lib/file/read.ts';
import { type HermToWrite, writeHerm } from '../../../lib/file/write.ts';
import { buildLadder } from '../../../lib/herm/ladder.ts';
import type { MergeTree } from '../../../lib/herm/tree.ts';
import type { Block } from '../../../lib/model/block.ts';
import { readSafetensorsHeader } from '../../../lib/model/safetensors.ts';
import { bufferSource } from '../../../lib/model/source.ts';

/** The .herm file of a safetensors file, in memory. */
export async function compress(
  original: Uint8Array,
  blocks: readonly Block[],
  trees: readonly MergeTree[],
  more: Pick<HermToWrite, 'refits' | 'options'> = {},
): Promise<Uint8Array> {
  const source = bufferSource(original, 'model.safetensors');
  const levels = buildLadder(trees.map(({ neurons, merges }) => ({ neurons, smallest: neurons - merges }))).length;
  const path = join(tmpdir(), `hermkit-${randomBytes(8).toString('hex')}.herm`);
  const errors = blocks.map(() => Array.from({ length: levels }, (_, level) => (level === 0 ? null : 1 / (level + 1))));
  try {
    await writeHerm(path, { source, header: await readSafetensorsHeader(source), blocks, trees, errors, ...more });
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
