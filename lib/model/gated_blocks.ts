import type { BlockSpec } from './block_option.ts';
import { findLayers, parentOf, specOf } from './linears.ts';
import type { ModelHeader } from './model.ts';

/** What the gate, the value and the output of a gated block are called: Llama, Qwen, Gemma, Mistral; T5 v1.1. */
const NAMES = [
  { gate: 'gate_proj', value: 'up_proj', output: 'down_proj' },
  { gate: 'wi_0', value: 'wi_1', output: 'wo' },
] as const;

const NAMED = /(?:^|\.)([^.]+)\.(?:weight|bias)$/;

/**
 * The gated blocks of a model by the names of their three linears, where the shapes agree; each is called after its
 * part, for example `model.layers.0.mlp`.
 */
export function findGatedBlocks({ tensors, metadata }: ModelHeader): BlockSpec[] {
  const parts = NAMES.flatMap(({ gate, value, output }) => [gate, value, output]);
  const named = tensors.filter(({ name }) => parts.some((part) => NAMED.exec(name)?.[1] === part));
  const { linears } = findLayers({ tensors: named, metadata });
  const byName = new Map(linears.map((linear) => [linear.name, linear]));
  return linears.flatMap(({ name }) => {
    const parent = parentOf(name);
    const names = NAMES.find(({ gate }) => name === within(parent, gate));
    if (names === undefined) return [];
    const [gate, value, output] = [names.gate, names.value, names.output].map((part) =>
      byName.get(within(parent, part)),
    );
    if (!gate || !value || !output) return [];
    const fits = gate.inputs === value.inputs && gate.outputs === value.outputs && value.outputs === output.inputs;
    return fits ? [specOf(parent || value.name, value, output, gate)] : [];
  });
}

function within(parent: string, part: string): string {
  return parent === '' ? part : `${parent}.${part}`;
}
