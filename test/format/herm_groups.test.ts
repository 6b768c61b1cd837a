import { describe, expect, it } from 'vitest';
import { readPrologue } from '../../lib/file/prologue.ts';
import { openHerm } from '../../lib/file/read.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { fromFloat64, toFloat64 } from '../../lib/model/tensor.ts';
import { type Case, makeCases } from './support/case.ts';
import { compress, recover } from './support/herm.ts';

/** Two chains and a gated block that share nothing, of sizes so different that most levels add to one of them alone. */
const made = makeCases([
  { sizes: [4, 24, 9, 3], smallest: 2 },
  { sizes: [3, 2, 5], dtypes: ['BF16'], transposed: true },
  { sizes: [5, 40, 4], dtypes: ['F16', 'F64'], gated: true },
]);
const write = ({ tensors, blocks, trees }: Case, more = {}) =>
  compress(serializeSafetensors(tensors), blocks, trees, more);
const open = (herm: Uint8Array) => openHerm(bufferSource(herm, 'model.herm'));
const headerOf = async (herm: Uint8Array) => (await readPrologue(bufferSource(herm), {})).value as HermHeader;

describe('groups of blocks that share no tensors', () => {
  it('have a chunk at the levels where one of their widths grows, and no other', async () => {
    const herm = await write(made);
    const { ladder, chunks } = await headerOf(herm);
    const groups = [[0, 1], [2], [3]];
    const expected = [...ladder.keys()].flatMap((level) =>
      groups.flatMap((blocks, group) => {
        const grows = level === 0 || blocks.some((block) => ladder[level]![block] !== ladder[level - 1]![block]);
        return grows ? [{ kind: 'level', index: level, group }] : [];
      }),
    );
    const levels = chunks.filter(({ kind }) => kind === 'level');
    expect(levels.map(({ kind, index, group }) => ({ kind, index, group }))).toEqual(expected);
    expect(levels.length).toBeLessThan(2 * ladder.length);
    expect(await recover(herm)).toEqual(Buffer.from(serializeSafetensors(made.tensors)));
  });

  it('are coded as if the others were not there', async () => {
    const lengths = async (some: Case, group: number) =>
      (await headerOf(await write(some))).chunks
        .filter((chunk) => chunk.kind === 'level' && chunk.group === group)
        .map(({ length, xxh64 }) => [length, xxh64]);
    const alone = { tensors: made.tensors, blocks: made.blocks.slice(3), trees: made.trees.slice(3) };
    expect(await lengths(made, 2)).toEqual(await lengths(alone, 0));
  });

  it('unfold from every prefix, each block to the widths of its level', async () => {
    const herm = await write(made);
    const whole = await open(herm);
    for (const [level, bytes] of whole.prefixBytes.entries()) {
      const file = await open(herm.subarray(0, bytes));
      const widths = Object.fromEntries(whole.blocks.map(({ name }, block) => [name, whole.ladder[level]![block]!]));
      expect(file.widthsAvailable()).toEqual(widths);
      expect(await file.skeleton(widths)).toEqual(await whole.skeleton(widths));
    }
  });

  it('have refitted weights each, which are there together', async () => {
    const widths = [12, 5, 1, 20];
    const outputs = made.blocks.map((block, at) => {
      const { dtype } = made.tensors.find(({ name }) => name === block.output.tensor)!;
      const shape = [widths[at]!, block.outputs];
      return fromFloat64(new Float64Array(shape[0]! * shape[1]!).fill(at + 1), dtype as 'F32', 'refit', shape).data;
    });
    const herm = await write(made, { refits: [{ widths, outputs, errors: [0.1, 0.2, 0.3, 0.4] }] });
    const { chunks, ladder } = await headerOf(herm);
    const refits = chunks.flatMap(({ kind, group }, at) => (kind === 'refit' ? [[group, at]] : []));
    const level = ladder.findIndex((reached) => reached.every((width, block) => width >= widths[block]!));
    const after = chunks.findLastIndex(({ kind, index }) => kind === 'level' && index === level);
    expect(refits).toEqual([0, 1, 2].map((group) => [group, after + 1 + group]));
    const file = await open(herm);
    const request = Object.fromEntries(file.blocks.map(({ name }, at) => [name, widths[at]!]));
    const { tensors, refitted } = await file.skeleton(request);
    expect(refitted).toBe(true);
    const last = tensors.find(({ name }) => name === made.blocks[3]!.output.tensor)!;
    expect(last.shape).toEqual([4, 20]);
    expect(new Set(toFloat64(last))).toEqual(new Set([4]));
  });
});
