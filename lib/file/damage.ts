import { quoteName } from '../model/messages.ts';
import type { CheckedHeader } from './header.ts';

/** What a chunk is to those who use the file. */
export interface ChunkPart {
  /** `source`: a safetensors file's own header; `extra`: a file beside it; `flat`: a tensor; `level`; `refit`; or a kind of a later version. */
  readonly kind: string;
  /** Of `source` and `extra`: the file's name. */
  readonly file?: string;
  /** Of `flat`: its name. */
  readonly tensor?: string;
  /** Of `level`: its number, from 0. */
  readonly level?: number;
  /** Of `refit`: its number, from 0. */
  readonly refit?: number;
  /** Of `level` and `refit`: the blocks whose part it is. */
  readonly blocks: readonly string[];
}

/** A part of a file whose checksum does not hold, or that does not belong to the file (`excess`). */
export interface Damage extends ChunkPart {
  /** The first of its bytes in the file, and the first one after it. */
  readonly begin: number;
  readonly end: number;
}

export function chunkPart({ json, layout, blocks }: CheckedHeader, chunk: number): ChunkPart {
  const { kind, index, group } = json.chunks[chunk]!;
  const names = (layout.groups[group ?? -1]?.blocks ?? []).map((block) => blocks[block]!.name);
  if (kind === 'source') return { kind, file: json.files[index]!.name, blocks: [] };
  if (kind === 'extra') return { kind, file: json.extras[index]!.name, blocks: [] };
  if (kind === 'flat') return { kind, tensor: json.tensors[index]!.name, blocks: [] };
  if (kind === 'level') return { kind, level: index, blocks: names };
  if (kind === 'refit') return { kind, refit: index, blocks: names };
  return { kind, blocks: [] };
}

/** So many blocks are named; a transformer's groups have one each. */
const NAMED_BLOCKS = 3;

/** What messages call a part. */
export function describePart({ kind, file, tensor, level, refit, blocks }: ChunkPart): string {
  if (kind === 'source') return 'safetensors header';
  if (kind === 'extra') return `file ${quoteName(file ?? '')}`;
  if (kind === 'excess') return 'bytes after its end';
  if (tensor !== undefined) return `tensor ${quoteName(tensor)}`;
  if (blocks.length === 0) return `chunk of kind ${quoteName(kind)}`;
  const named = blocks.slice(0, NAMED_BLOCKS).map(quoteName).join(', ');
  const more = blocks.length > NAMED_BLOCKS ? ` and ${blocks.length - NAMED_BLOCKS} more` : '';
  return `${kind} ${level ?? refit ?? ''} (${blocks.length === 1 ? 'block' : 'blocks'} ${named}${more})`;
}
