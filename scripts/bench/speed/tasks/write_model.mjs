import { stat } from 'node:fs/promises';
import { writeSafetensors } from '../../../../dist/index.mjs';
import { syntheticBlock } from '../blocks.mjs';

/** Writes a block as a safetensors file. */
export async function run({ spec, path }) {
  const { tensors } = syntheticBlock(spec);
  await writeSafetensors(path, tensors);
  return { bytes: (await stat(path)).size };
}
