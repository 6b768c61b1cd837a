import { requireArguments } from '../../arguments.ts';
import type { Model } from '../../model/model.ts';
import { writeModelDirectory } from '../../model/model_directory.ts';
import { withModel } from '../../model/open_model.ts';
import { serializedParts, sizeOf, writeSafetensors } from '../../model/safetensors_write.ts';
import { readWhole } from '../../model/source.ts';
import type { WrittenSkeleton } from '../expand.ts';
import { type GrownBlock, type GrowOptions, growOpen } from './grow.ts';

/** What {@link growTo} has written. */
export interface WrittenGrowth extends WrittenSkeleton {
  /** How many neurons each block had, and has. */
  readonly blocks: readonly GrownBlock[];
}

const SAFETENSORS = '.safetensors';

/** Whether what a model grows to comes as a directory: it is one, and the output does not say otherwise. */
export function growsToDirectory({ files, extras }: Pick<Model, 'files' | 'extras'>, path: string): boolean {
  return files.length + extras.length > 1 && !path.endsWith(SAFETENSORS);
}

/**
 * Writes what {@link growModel} makes of the model at a path: one safetensors file; or, where the model is a directory and `output` does
 * not end in `.safetensors`, a new directory like it, every tensor in its file, the index with the new sum of sizes, config.json with the
 * new widths where it can say them, and the other files as they are.
 *
 * @throws HermError as growModel; `OUTPUT_EXISTS` for a directory that is there and not empty, `ABORTED`, `IO`.
 */
export async function growTo(input: string, output: string, options: GrowOptions): Promise<WrittenGrowth> {
  requireArguments({ options: options ?? null });
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  return withModel(input, async (model) => {
    const { grown, config: plan } = await growOpen(model, options);
    const { tensors, metadata, blocks, config } = grown;
    if (!growsToDirectory(model, output)) {
      await writeSafetensors(output, tensors, metadata, signal);
      return { bytes: sizeOf(serializedParts(tensors, metadata)), files: undefined, blocks, config };
    }
    const files = model.files.map(({ name, header }, file) => {
      const members = tensors.filter((_, index) => model.tensors[index]!.file === file);
      return { name, parts: serializedParts(members, header.metadata) };
    });
    const extras = model.extras.map(({ name, path }) => ({ name, read: () => readWhole(path) }));
    const totalSize = sizeOf(tensors.map(({ data }) => data));
    const bytes = await writeModelDirectory(output, { files, extras, totalSize, config: plan }, signal);
    return { bytes, files: [...model.files, ...model.extras].map(({ name }) => name), blocks, config };
  });
}
