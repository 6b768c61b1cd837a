import type { PrecedingNorm } from './architectures/norm.ts';
import type { Block } from './block.ts';

/** Two linear layers of a graph that follow each other and are no block, and why. */
export interface LeftAlone {
  /** The weights of the first one. */
  readonly tensor: string;
  readonly why: string;
}

/** The blocks that the graph of a model shows, activations included. */
export interface GraphBlocks {
  readonly blocks: readonly Block[];
  readonly leftAlone: readonly LeftAlone[];
  /** What else is left alone, and why, all of a kind together. */
  readonly remarks: readonly string[];
  /** The norms whose outputs blocks read, by the blocks' input weights. */
  readonly norms: ReadonlyMap<string, PrecedingNorm>;
}
