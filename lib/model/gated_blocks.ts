import type { BlockSpec } from './block_option.ts';
import { type Linear, parentOf, specOf } from './linears.ts';

/** What the gate, the value and the output of a gated block are called: Llama, Qwen, Gemma, Mistral; T5 v1.1. */
const NAMES = [
  { gate: 'gate_proj', value: 'up_proj', output: 'down_proj' },
  { gate: 'wi_0', value: 'wi_1', output: 'wo' },
] as const;

/**
 * The gated blocks of a model by the names of their three linears, where the shapes agree; each is called after its
 * part, for example `model.layers.0.mlp`.
 */
export function findGatedBlocks(linears: readonly Linear[]): BlockSpec[] {
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
