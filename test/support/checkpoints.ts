import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { type DType, fromFloat64, type Tensor } from '../../lib/model/tensor.ts';
import { Random } from '../format/support/random.ts';

/** What is known of one feed-forward block of a checkpoint. */
export interface Expected {
  readonly name: string;
  readonly activation: string;
  /** Names of tensors; `undefined`: there is none. */
  readonly input: string;
  readonly output: string;
  readonly gate?: string;
  readonly transposed?: true;
  readonly bias?: string;
  readonly outputBias?: string;
  readonly gateBias?: string;
  readonly norm?: { readonly kind: string; readonly weight: string; readonly offset: number; readonly bias?: string };
}

/** A miniature of a checkpoint as it is published: real names, tiny sizes. */
export interface Checkpoint {
  readonly name: string;
  /** `config.json`, where the original has one. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Shapes by name. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly blocks: readonly Expected[];
}

/** No checkpoint of anybody: an MLP without a configuration. */
export const CHAIN: Checkpoint = {
  name: 'a chain that shares a matrix',
  tensors: {
    ...{ 'fc1.weight': [12, 5], 'fc1.bias': [12], 'fc2.weight': [10, 12], 'fc2.bias': [10] },
    ...{ 'fc3.weight': [3, 10], 'fc3.bias': [3] },
  },
  blocks: [],
};

const DTYPES: readonly DType[] = ['F32', 'BF16', 'F16'];

/** The tensors of a checkpoint, filled with seeded numbers; norms are near 1. */
export function tensorsOf({ tensors }: Checkpoint, seed = 1, dtype: DType = DTYPES[seed % 3]!): Tensor[] {
  const random = new Random(seed);
  return Object.entries(tensors).map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const centre = shape.length === 1 && name.endsWith('weight') ? 1 : 0;
    const values = Array.from({ length: count }, () => centre + 0.3 * random.gauss());
    return fromFloat64(values, dtype, name, shape);
  });
}

/** Writes a checkpoint as a directory. */
export function writeCheckpoint(folder: string, checkpoint: Checkpoint, tensors = tensorsOf(checkpoint)): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.safetensors'), serializeSafetensors(tensors, new Map([['format', 'pt']])));
  const { config } = checkpoint;
  if (config !== undefined) writeFileSync(join(folder, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  writeFileSync(join(folder, 'tokenizer.json'), '{"version": "1.0"}\n');
}
