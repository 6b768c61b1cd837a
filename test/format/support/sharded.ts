import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serializeSafetensors } from '../../../lib/model/safetensors.ts';
import type { Tensor } from '../../../lib/model/tensor.ts';
import { layersModel, RELU } from './layers.ts';

export const INDEX = 'model.safetensors.index.json';
export const CONFIG = '{ "model_type": "test",  "hidden_act": "relu" }\n';

export function shardName(at: number, count: number): string {
  const pad = (n: number) => String(n).padStart(5, '0');
  return `model-${pad(at + 1)}-of-${pad(count)}.safetensors`;
}

/** The index of these shards. */
export function indexOf(shards: Readonly<Record<string, readonly Tensor[]>>): string {
  const entries = Object.entries(shards).flatMap(([shard, tensors]) => tensors.map(({ name }) => [name, shard]));
  const total_size = Object.values(shards)
    .flat()
    .reduce((sum, { data }) => sum + data.byteLength, 0);
  return `${JSON.stringify({ metadata: { total_size }, weight_map: Object.fromEntries(entries) }, undefined, 2)}\n`;
}

/**
 * A directory as Hugging Face lays out a model: shards, their index, a configuration. Tensors are dealt out in turn, so
 * that every layer's lie in several shards.
 */
export function writeSharded(folder: string, count = 3, tensors = layersModel()): Record<string, Tensor[]> {
  const shards: Record<string, Tensor[]> = {};
  for (const [n, tensor] of tensors.entries()) {
    const name = shardName(n % count, count);
    shards[name] ??= [];
    shards[name].push(tensor);
  }
  mkdirSync(folder, { recursive: true });
  for (const [name, members] of Object.entries(shards)) {
    writeFileSync(join(folder, name), serializeSafetensors(members, RELU));
  }
  writeFileSync(join(folder, INDEX), indexOf(shards));
  writeFileSync(join(folder, 'config.json'), CONFIG);
  writeFileSync(join(folder, 'empty.txt'), '');
  writeFileSync(
    join(folder, 'tokenizer.model'),
    Uint8Array.from({ length: 999 }, (_, n) => n % 251),
  );
  return shards;
}
