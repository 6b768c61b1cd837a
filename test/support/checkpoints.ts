import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from '../../lib/model/block.ts';
import type { ModelHeader } from '../../lib/model/model.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { type DType, dtypeBits, fromFloat64, type Tensor } from '../../lib/model/tensor.ts';
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
  /** Members of `config.json` that say how wide blocks are, `vision_config.intermediate_size`; '': other sizes do. */
  readonly widths?: readonly string[];
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

/** What a test expects, of what was found. */
export function blockSummary(block: Block, norm: object | undefined) {
  const { input, output, gate, bias, outputBias } = block;
  return {
    ...{ name: block.name, activation: block.activation.name, input: input.tensor, output: output.tensor },
    ...(gate && { gate: gate.weight.tensor }),
    ...(input.transposed && { transposed: true }),
    ...(bias !== undefined && { bias }),
    ...(outputBias !== undefined && { outputBias }),
    ...(gate?.bias !== undefined && { gateBias: gate.bias }),
    ...(norm && { norm }),
  };
}

/** What a model's header says of a checkpoint. */
export function headerOf(
  { tensors, config }: Pick<Checkpoint, 'tensors' | 'config'>,
  dtypeOf: (tensor: string) => string = () => 'F32',
): ModelHeader {
  let next = 0;
  const infos = Object.entries(tensors).map(([name, shape]) => {
    const dtype = dtypeOf(name);
    const begin = next;
    next += (shape.reduce((product, size) => product * size, 1) * dtypeBits(dtype)!) / 8;
    return { name, dtype, shape, begin, end: next };
  });
  const beside = config && { config: { file: 'config.json', json: config } };
  return { tensors: infos, metadata: new Map(), ...beside };
}

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
