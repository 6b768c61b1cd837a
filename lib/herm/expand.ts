import type { HermContent } from '../file/content.ts';
import { wholeTensors } from '../file/joined.ts';
import { type ConfigChange, changedConfig } from '../model/architectures/width_keys.ts';
import { atomicDirectory } from '../model/atomic_directory.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import { CONFIG_NAME } from '../model/config.ts';
import { serializedParts, writeSafetensors } from '../model/safetensors_write.ts';
import { withTotalSize } from '../model/shard_index.ts';
import type { CallOptions } from '../native/call.ts';
import { isOnnxName } from '../onnx/open.ts';
import { planFor } from './loader_widths.ts';
import { onnxModel, onnxSkeleton } from './onnx_skeleton.ts';
import type { Skeleton } from './skeleton.ts';

/** What `HermFile.writeSkeleton` has written. */
export interface WrittenSkeleton {
  readonly bytes: number;
  /** Names in the new directory; undefined where it is one file. */
  readonly files: readonly string[] | undefined;
  /** What the new config.json says otherwise; undefined where the original has none, or no block that is known by name. */
  readonly config: WrittenConfig | undefined;
}

/** What became of config.json in a directory of another width. */
export interface WrittenConfig {
  readonly changes: readonly ConfigChange[];
  /** Why no loader takes these widths, in which case config.json is the original's; undefined: they load. */
  readonly refusal: string | undefined;
}

const SAFETENSORS = '.safetensors';
const INDEX = '.safetensors.index.json';

/** Whether a skeleton of this file comes as a directory, as the original is one and the output does not say otherwise. */
export function isDirectoryOutput({ header }: HermContent, path: string): boolean {
  const { files, extras } = header.json;
  const isSingle = path.endsWith(SAFETENSORS) || (isOnnxName(path) && files[0]!.format === 'onnx');
  return files.length + extras.length > 1 && !isSingle;
}

/**
 * Writes a skeleton as one safetensors file, or as an ONNX model where the original is one and `path` does not end in
 * `.safetensors`; or, where the original is a directory and `path` does not end like a single file, as a new directory:
 * every tensor in the file in which the original has it, the index with the new sum of sizes, config.json with the new
 * widths where it can say them, and the other files as they are.
 *
 * @throws HermError as {@link writeSafetensors} and {@link onnxSkeleton}; `OUTPUT_EXISTS` for a directory that is there and not empty.
 */
export async function writeSkeleton(
  content: HermContent,
  path: string,
  { tensors, metadata, widths, padded }: Skeleton,
  options: CallOptions = {},
): Promise<WrittenSkeleton> {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const { json } = content.header;
  let bytes = 0;
  const counted = (parts: readonly Uint8Array[]) => {
    bytes += parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return parts;
  };
  const kernel = { signal: options.signal, threads: options.threads };
  const isOnnx = json.files[0]!.format === 'onnx' && !path.endsWith(SAFETENSORS);
  if (!isDirectoryOutput(content, path)) {
    if (isOnnx) {
      const model = await onnxModel(content, tensors, kernel);
      await atomicWrite(path, (file) => file.write(counted([model])[0]!), signal);
      return { bytes, files: undefined, config: undefined };
    }
    counted(serializedParts(tensors, metadata));
    await writeSafetensors(path, tensors, metadata, signal);
    return { bytes, files: undefined, config: undefined };
  }
  const onnx = isOnnx ? await onnxSkeleton(content, tensors, false, kernel) : [];
  const totalSize = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  const whole = wholeTensors(json);
  const plan = padded ? { changes: [], refusal: undefined } : await planFor(content, widths, kernel);
  await atomicDirectory(
    path,
    async (write) => {
      for (const [file, { name, metadata: own }] of json.files.entries()) {
        const members = tensors.filter((_, index) => whole[index]!.file === file);
        await write(name, counted(onnx[file] ?? serializedParts(members, new Map(own))));
      }
      for (const [extra, { name }] of json.extras.entries()) {
        const kept = await content.extra(extra, kernel);
        let bytes = kept;
        if (name.endsWith(INDEX)) bytes = withTotalSize(kept, name, totalSize);
        else if (name === CONFIG_NAME && plan !== undefined) bytes = changedConfig(kept, plan);
        await write(name, counted([bytes]));
      }
    },
    signal,
  );
  const files = [...json.files, ...json.extras].map(({ name }) => name);
  const changes = plan?.changes.map(({ key, from, to }) => ({ key, from, to }));
  return { bytes, files, config: changes && { changes, refusal: plan?.refusal } };
}
