import { z } from 'zod';
import { FILE_FORMATS } from '../model/file_format.ts';
import { NATIVE_ACTIVATIONS } from '../native/binding.ts';

/** Bounds of the format; a file beyond them is refused before anything is allocated. */
export const LIMITS = {
  /** Bytes of the header as JSON. */
  headerBytes: 2 ** 26,
  /** A header may be this much larger than its stored form, beyond the first MiB. */
  headerRatio: 32,
  /** Objects, lists and texts of a header (names of members are texts, too), and how many more for each stored byte. */
  headerItems: 2 ** 17,
  headerItemRatio: 2,
  headerDepth: 16,
  tensors: 2 ** 20,
  metadata: 2 ** 16,
  blocks: 2 ** 14,
  neurons: 2 ** 24,
  levels: 256,
  refits: 64,
  chunks: 2 ** 21,
  files: 2 ** 12,
  extras: 2 ** 12,
  /** Bytes of one file that is kept beside the tensors. */
  extraBytes: 2 ** 26,
  rank: 64,
  nameLength: 2 ** 12,
  /** Decoded bytes that any file may declare, and how many times its own size a larger one may. */
  plainBytes: 2 ** 30,
  plainRatio: 2000,
} as const;

/**
 * A list whose parsing ends at the first thing that is wrong with it: where every element of a long list is, so many
 * reports would fill the memory.
 *
 * @param isPlain says at once that an element is right: a list of such is taken as it is, as parsing would take a kilobyte
 * for each of them for a moment.
 */
function list<T>(
  element: z.ZodType<T>,
  most: number,
  { least = 0, isPlain = () => false }: { least?: number; isPlain?: (value: unknown) => boolean } = {},
): z.ZodType<T[]> {
  return z.unknown().transform((input, context): T[] => {
    if (!Array.isArray(input)) {
      context.issues.push({ code: 'invalid_type', expected: 'array', input });
      return z.NEVER;
    }
    if (input.length > most) context.issues.push({ code: 'too_big', origin: 'array', maximum: most, input });
    if (input.length < least) context.issues.push({ code: 'too_small', origin: 'array', minimum: least, input });
    if (context.issues.length === 0 && input.every(isPlain)) return input;
    const parsed: T[] = [];
    for (let at = 0; at < input.length && context.issues.length === 0; at++) {
      const result = element.safeParse(input[at]);
      if (result.success) parsed.push(result.data);
      else {
        const [issue] = result.error.issues;
        context.issues.push({ ...issue!, path: [at, ...issue!.path], input: input[at] });
      }
    }
    return parsed;
  });
}

const size = z.int().min(0);
const name = z.string().max(LIMITS.nameLength);

const isWidth = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1;
const isError = (value: unknown) => value === null || Number.isFinite(value);
const isPair = (value: unknown) => {
  return Array.isArray(value) && value.length === 2 && value.every((text) => typeof text === 'string');
};
const widths = list(size.min(1), LIMITS.blocks, { isPlain: isWidth });
const relativeErrors = (most: number) => list(z.number().nullable(), most, { isPlain: isError });

const tensor = z.object({
  name,
  dtype: z.string().max(16),
  shape: list(size, LIMITS.rank),
  begin: size,
  end: size,
  /** Which of the files it lies in. */
  file: size,
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const file = z.object({
  name,
  size,
  sha256,
  format: z.enum(FILE_FORMATS),
  /** Where the offsets of its tensors are counted from. */
  dataOffset: size,
  metadata: list(z.tuple([z.string(), z.string()]), LIMITS.metadata, { isPlain: isPair }),
});

const extra = z.object({ name, size: size.max(LIMITS.extraBytes), sha256 });

const weightRef = z.object({
  tensor: name,
  rows: size.min(1),
  cols: size.min(1),
  transposed: z.boolean(),
});

const activationName = z.enum(Object.keys(NATIVE_ACTIVATIONS) as [keyof typeof NATIVE_ACTIVATIONS]);

/** The scale of what goes in is not 0. */
const affine = z
  .tuple([z.number(), z.number(), z.number(), z.number()])
  .refine(([scale]) => scale !== 0)
  .readonly();

const block = z.object({
  name,
  activation: z.object({ name: activationName, slope: z.number(), affine: affine.optional() }),
  neurons: size.min(1).max(LIMITS.neurons),
  inputs: size.min(1),
  outputs: size.min(1),
  input: weightRef,
  bias: name.optional(),
  output: weightRef,
  outputBias: name.optional(),
  gate: z.object({ weight: weightRef, bias: name.optional() }).optional(),
  /** T */
  merges: size.max(LIMITS.neurons - 1),
});

const perBlock = <T>(value: z.ZodType<T>) => list(value, LIMITS.blocks);
const chunk = z.object({
  /** `source`, `extra`, `flat`, `level`, `refit`; others may come with later versions. */
  kind: z.string().max(64),
  /** Which file (kind `source`), extra, tensor (kind `flat`), level or refit it is, counted from 0. */
  index: size,
  /** Which group of blocks a level or refit is of. */
  group: size.optional(),
  /** Readers that do not know the kind pass over the chunk. */
  optional: z.boolean().optional(),
  offset: size,
  length: size,
  xxh64: z.string().regex(/^[0-9a-f]{16}$/),
});

/** Kinds of priors: x ~ N(0, I); what the norm before a block says; what its weights say; samples blended with one of these. */
export const PRIOR_KINDS = ['isotropic', 'norm', 'weights', 'samples'] as const;

/** The JSON header of a .herm file, as lib/file/FORMAT.md describes it. */
export const headerSchema = z.object({
  tool: z.string().max(64),
  /** Of what was compressed, a file or a directory. */
  name,
  /** The files that hold tensors. */
  files: list(file, LIMITS.files, { least: 1 }),
  /** Files beside them. */
  extras: list(extra, LIMITS.extras),
  tensors: list(tensor, LIMITS.tensors),
  /** Tensors that are one in their safetensors file: `count` from number `first` on, joined along their first axis. */
  joined: list(z.object({ name, first: size, count: size.min(2) }), LIMITS.tensors).default([]),
  /** Zero low bits that all elements of a weight tensor share, by tensor index. */
  shifts: list(z.tuple([size.max(LIMITS.tensors), size.max(63)]), 3 * LIMITS.blocks),
  blocks: perBlock(block),
  /** What inputs were taken to look like when the errors were computed. */
  prior: z.enum(PRIOR_KINDS),
  /** [levels][blocks] */
  ladder: list(widths, LIMITS.levels, { least: 1 }),
  /** [blocks][levels] */
  errors: perBlock(relativeErrors(LIMITS.levels)),
  /** The same on samples that were held out. */
  measured: perBlock(relativeErrors(LIMITS.levels)).optional(),
  refits: list(
    z.object({ widths, errors: relativeErrors(LIMITS.blocks), measured: relativeErrors(LIMITS.blocks).optional() }),
    LIMITS.refits,
  ),
  chunks: list(chunk, LIMITS.chunks),
});

/** What the header of a .herm file says (FORMAT.md). */
export type HermHeader = z.infer<typeof headerSchema>;
export type ChunkEntry = z.infer<typeof chunk>;
