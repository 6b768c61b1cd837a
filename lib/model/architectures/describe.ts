import { requireArguments } from '../../arguments.ts';
import type { Block } from '../block.ts';
import type { ModelHeader } from '../model.ts';
import { asKnownModel, identify } from './find.ts';
import { knownNorm } from './known.ts';
import type { PrecedingNorm } from './norm.ts';

/** What the names of a block's tensors, and the model's configuration, tell of it. */
export interface BlockDescription {
  /** The architecture, or all that have such names; empty where none has. */
  readonly architectures: readonly string[];
  /** The norm whose output the block reads; undefined where it is not known, or there is none. */
  readonly norm: PrecedingNorm | undefined;
}

/** Describes blocks of one model, by their input weights. */
export function describeBlocks(header: ModelHeader): (block: Pick<Block, 'input'>) => BlockDescription {
  requireArguments({ header });
  const model = asKnownModel(header);
  return ({ input }) => {
    const known = identify(model, input.tensor);
    // A graph shows more than names do.
    const norm = header.graph?.norms.get(input.tensor);
    if (known === undefined) return { architectures: [], norm };
    return { architectures: known.entries.map(({ name }) => name), norm: norm ?? knownNorm(model, known) };
  };
}

/** The norm whose output a block reads; undefined where it is not known, or there is none. */
export function precedingNorm(header: ModelHeader, block: Pick<Block, 'input'>): PrecedingNorm | undefined {
  requireArguments({ block });
  return describeBlocks(header)(block).norm;
}
