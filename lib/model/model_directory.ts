import { type ConfigPlan, changedConfig } from './architectures/width_keys.ts';
import { atomicDirectory } from './atomic_directory.ts';
import type { AtomicWriteOptions } from './atomic_write.ts';
import { CONFIG_NAME } from './config.ts';
import { sizeOf } from './safetensors_write.ts';
import { withTotalSize } from './shard_index.ts';

const SHARD_INDEX = '.safetensors.index.json';

/** A model of other widths, as it comes into a directory like the original's. */
export interface DirectoryModel {
  readonly files: readonly { readonly name: string; readonly parts: readonly Uint8Array[] }[];
  /** What lies beside them in the original's directory. */
  readonly extras: readonly { readonly name: string; read(): Promise<Uint8Array> }[];
  /** Bytes of all tensors, which an index of shards says. */
  readonly totalSize: number;
  /** What config.json has to say otherwise. */
  readonly config: ConfigPlan | undefined;
}

/**
 * A new directory: the index of shards with the new sum of sizes, config.json with the new widths where it can say them, and the other
 * files as they are. Returns the bytes of all files.
 *
 * @throws HermError as {@link atomicDirectory} and reading the extras.
 */
export async function writeModelDirectory(
  path: string,
  { files, extras, totalSize, config }: DirectoryModel,
  options: AtomicWriteOptions,
): Promise<number> {
  let bytes = 0;
  const counted = (parts: readonly Uint8Array[]) => {
    bytes += sizeOf(parts);
    return parts;
  };
  await atomicDirectory(
    path,
    async (write) => {
      for (const { name, parts } of files) await write(name, counted(parts));
      for (const { name, read } of extras) {
        const kept = await read();
        let own = kept;
        if (name.endsWith(SHARD_INDEX)) own = withTotalSize(kept, name, totalSize);
        else if (name === CONFIG_NAME && config !== undefined) own = changedConfig(kept, config);
        await write(name, counted([own]));
      }
    },
    options,
  );
  return bytes;
}
