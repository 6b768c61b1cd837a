import { requireArguments } from '../arguments.ts';
import type { HermContent } from '../file/content.ts';
import { wholeTensors } from '../file/joined.ts';
import type { ConfigChange, ConfigPlan } from '../model/architectures/width_keys.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import { isOnnxName } from '../model/file_format.ts';
import { writeModelDirectory } from '../model/model_directory.ts';
import { serializedParts, sizeOf } from '../model/safetensors_write.ts';
import type { CallOptions } from '../native/call.ts';
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
 * @throws HermError as {@link serializedParts}, {@link atomicWrite} and {@link onnxSkeleton}; `OUTPUT_EXISTS` for a directory that is there and not empty.
 */
export async function writeSkeleton(
  content: HermContent,
  path: string,
  skeleton: Skeleton,
  options: CallOptions = {},
): Promise<WrittenSkeleton> {
  requireArguments({ skeleton, options });
  const { tensors, metadata, widths, padded } = skeleton;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const { json } = content.header;
  const kernel = { signal: options.signal, threads: options.threads };
  const isOnnx = json.files[0]!.format === 'onnx' && !path.endsWith(SAFETENSORS);
  if (!isDirectoryOutput(content, path)) {
    const parts = isOnnx ? [await onnxModel(content, tensors, kernel)] : serializedParts(tensors, metadata);
    await atomicWrite(
      path,
      async (file) => {
        for (const part of parts) await file.write(part);
      },
      signal,
    );
    return { bytes: sizeOf(parts), files: undefined, config: undefined };
  }
  const onnx = isOnnx ? await onnxSkeleton(content, tensors, false, kernel) : [];
  const whole = wholeTensors(json);
  const membersOf = (file: number) => tensors.filter((_, index) => whole[index]!.file === file);
  const config = padded ? { changes: [], refusal: undefined } : await planFor(content, widths, kernel);
  const files = json.files.map(({ name, metadata: own }, file) => ({
    name,
    parts: onnx[file] ?? serializedParts(membersOf(file), new Map(own)),
  }));
  const extras = json.extras.map(({ name }, extra) => ({ name, read: () => content.extra(extra, kernel) }));
  const totalSize = sizeOf(tensors.map(({ data }) => data));
  const bytes = await writeModelDirectory(path, { files, extras, totalSize, config }, signal);
  return { bytes, files: [...json.files, ...json.extras].map(({ name }) => name), config: config && configOf(config) };
}

/** What callers are told of a plan. */
export function configOf({ changes, refusal }: ConfigPlan): WrittenConfig {
  return { changes: changes.map(({ key, from, to }) => ({ key, from, to })), refusal };
}
