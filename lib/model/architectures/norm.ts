import type { TensorInfo } from '../tensor.ts';
import { type Match, nameIn } from './match.ts';

/**
 * The norm whose output a block reads: x = γ ⊙ (z − mean z) / std z + β (layernorm), or x = γ ⊙ z / rms z (rmsnorm), where
 * γ = weight + offset.
 */
export interface PrecedingNorm {
  readonly kind: 'layernorm' | 'rmsnorm';
  /** A tensor [n]. */
  readonly weight: string;
  readonly offset: 0 | 1;
  /** β, a tensor [n]; undefined: there is none. */
  readonly bias: string | undefined;
}

/** Later names are those of checkpoints that came from TensorFlow. */
const WEIGHTS = ['.weight', '.gamma'];
const BIASES = ['.bias', '.beta'];

/** The tensors of a match's norm; undefined where the model has none of that kind there. */
export function findNorm(
  { byName }: { readonly byName: ReadonlyMap<string, TensorInfo> },
  match: Match,
): PrecedingNorm | undefined {
  const { norm } = match.entry;
  if (norm === undefined) return undefined;
  const { kind, offset = 0, bias: biased = kind === 'layernorm', at } = norm;
  const find = (name: string, endings: readonly string[]) =>
    endings.map((ending) => name + ending).find((tensor) => byName.get(tensor)?.shape.length === 1);
  for (const part of at) {
    const name = nameIn(match, part);
    const weight = find(name, WEIGHTS);
    if (weight === undefined) continue;
    const bias = find(name, BIASES);
    // With a setting both kinds of layernorm may come without a bias, but none that has no bias comes with one.
    if (bias !== undefined && !biased && kind === 'rmsnorm') continue;
    if (bias === undefined && biased) continue;
    return { kind, weight, offset, bias };
  }
  return undefined;
}
