import { z } from 'zod';
import { NATIVE_ACTIVATIONS } from '../native/binding.ts';

/** Bounds of the format; a file beyond them is refused before anything is allocated. */
export const LIMITS = {
  /** Bytes of the header as JSON. */
  headerBytes: 2 ** 26,
  /** A header may be this much larger than its stored form, beyond the first MiB. */
  headerRatio: 256,
  tensors: 2 ** 20,
  metadata: 2 ** 16,
  blocks: 2 ** 12,
  neurons: 2 ** 24,
  levels: 256,
  refits: 64,
  chunks: 2 ** 21,
  rank: 64,
  nameLength: 2 ** 12,
  /** Decoded bytes that any file may declare, and how many times its own size a larger one may. */
  plainBytes: 2 ** 30,
  plainRatio: 2000,
} as const;

const size = z.int().min(0);
const name = z.string().max(LIMITS.nameLength);

const tensor = z.object({
  name,
  dtype: z.string().max(16),
  shape: z.array(size).max(LIMITS.rank),
  begin: size,
  end: size,
});

const weightRef = z.object({
  tensor: name,
  rows: size.min(1),
  cols: size.min(1),
  transposed: z.boolean(),
});

const activationName = z.enum(Object.keys(NATIVE_ACTIVATIONS) as [keyof typeof NATIVE_ACTIVATIONS]);

const block = z.object({
  name,
  activation: z.object({ name: activationName, slope: z.number() }),
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

const perBlock = <T extends z.ZodType>(value: T) => z.array(value).max(LIMITS.blocks);

const chunk = z.object({
  /** `source`, `flat`, `level`, `refit`; others may come with later versions. */
  kind: z.string().max(64),
  /** Which tensor (kind `flat`), level or refit it is, counted from 0. */
  index: size,
  /** Which group of blocks a level or refit is of. */
  group: size.optional(),
  /** Readers that do not know the kind pass over the chunk. */
  optional: z.boolean().optional(),
  offset: size,
  length: size,
  xxh64: z.string().regex(/^[0-9a-f]{16}$/),
});

/** The JSON header of a .herm file, as lib/file/FORMAT.md describes it. */
export const headerSchema = z.object({
  tool: z.string().max(64),
  original: z.object({
    name,
    size,
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    dataOffset: size,
  }),
  tensors: z.array(tensor).max(LIMITS.tensors),
  /** Zero low bits that all elements of a weight tensor share, by tensor index. */
  shifts: z.array(z.tuple([size.max(LIMITS.tensors), size.max(63)])).max(2 * LIMITS.blocks),
  metadata: z.array(z.tuple([z.string(), z.string()])).max(LIMITS.metadata),
  blocks: perBlock(block),
  /** What inputs were taken to look like when the errors were computed. */
  prior: z.enum(['isotropic']),
  /** [levels][blocks] */
  ladder: z
    .array(perBlock(size.min(1)))
    .min(1)
    .max(LIMITS.levels),
  /** [blocks][levels] */
  errors: perBlock(z.array(z.number().nullable()).max(LIMITS.levels)),
  refits: z
    .array(z.object({ widths: perBlock(size.min(1)), errors: perBlock(z.number().nullable()) }))
    .max(LIMITS.refits),
  chunks: z.array(chunk).max(LIMITS.chunks),
});

export type HermHeader = z.infer<typeof headerSchema>;
export type ChunkEntry = z.infer<typeof chunk>;
