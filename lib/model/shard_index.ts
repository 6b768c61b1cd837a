import { HermError } from '../errors.ts';
import { checkFileNames } from './file_name.ts';
import { quoteName } from './messages.ts';

/** Which file of a model holds which tensor: `model.safetensors.index.json`, as Hugging Face writes it. */
export interface ShardIndex {
  /** What messages call it. */
  readonly name: string;
  /** The names of the shards, each once, in ascending order. */
  readonly shards: readonly string[];
  /** Shards by tensor. */
  readonly shardOf: ReadonlyMap<string, string>;
}

/** @throws HermError `MODEL_FILES` for what is no index, `HERM_NAME` for shards that lie elsewhere. */
export function parseShardIndex(bytes: Uint8Array, name: string): ShardIndex {
  const map = weightMap(parseJson(bytes, name));
  const entries = Object.entries(map ?? {});
  if (entries.length === 0 || entries.some(([, shard]) => typeof shard !== 'string')) {
    throw filesError(name, 'it has no "weight_map" of tensors to files');
  }
  const shardOf = new Map(entries as [string, string][]);
  const shards = [...new Set(shardOf.values())].sort();
  checkFileNames(shards, name);
  return { name, shards, shardOf };
}

/** The index with another sum of the tensors' sizes. */
export function withTotalSize(bytes: Uint8Array, name: string, totalSize: number): Uint8Array {
  const index = parseJson(bytes, name) as { readonly metadata?: object };
  const metadata = { ...index.metadata, total_size: totalSize };
  return new TextEncoder().encode(`${JSON.stringify({ ...index, metadata }, undefined, 2)}\n`);
}

/**
 * Every tensor of the index must be in its shard and in no other, and every tensor of a shard in the index.
 *
 * @param tensors their names, by shard.
 * @throws HermError `MODEL_FILES`
 */
export function checkShards({ name, shards, shardOf }: ShardIndex, tensors: readonly (readonly string[])[]): void {
  const found = new Map<string, string>();
  for (const [n, shard] of shards.entries()) {
    for (const tensor of tensors[n]!) {
      const other = found.get(tensor);
      const details = { tensor, shard };
      if (other !== undefined) {
        throw filesError(name, `tensor ${quoteName(tensor)} is in two files, ${other} and ${shard}`, details);
      }
      found.set(tensor, shard);
      const listed = shardOf.get(tensor);
      if (listed !== undefined && listed !== shard) {
        throw filesError(name, `tensor ${quoteName(tensor)} should be in ${listed}, and is in ${shard}`, details);
      }
      if (listed === undefined)
        throw filesError(name, `it does not list tensor ${quoteName(tensor)} of ${shard}`, details);
    }
  }
  for (const [tensor, shard] of shardOf) {
    if (!found.has(tensor)) {
      throw filesError(name, `tensor ${quoteName(tensor)} is not in ${shard}`, { tensor, shard });
    }
  }
}

export function filesError(name: string, why: string, details: Readonly<Record<string, unknown>> = {}): HermError {
  const message = `${name} is not a complete model: ${why}. Download or export it again.`;
  return new HermError('MODEL_FILES', message, { file: name, ...details });
}

function parseJson(bytes: Uint8Array, name: string): object {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof json === 'object' && json !== null) return json;
  } catch {
    // As any other text that is no index.
  }
  throw filesError(name, 'it is not a JSON object');
}

function weightMap(json: { readonly weight_map?: unknown }): object | undefined {
  const map = json.weight_map;
  return typeof map === 'object' && map !== null && !Array.isArray(map) ? map : undefined;
}
