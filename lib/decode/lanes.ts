import { corrupt } from './corrupt.ts';
import type { FloatFormat, Numbers } from './float_format.ts';
import { StripDecoder } from './strip.ts';

/** The nodes of one axis of a tensor: FORMAT.md, section 6. */
export interface LaneNodes {
  readonly format: FloatFormat;
  readonly shift: number;
  /** K; nodes 0 … K − 1. */
  readonly roots: number;
  /** [N] the node that instruction n splits, into nodes K + 2n and K + 2n + 1. */
  readonly parents: ArrayLike<number>;
  /** [2N] of the children. */
  readonly coefficients: ArrayLike<number>;
  /** [N] 1 where the second child is the followed one. */
  readonly followed: ArrayLike<number>;
  /** [K + 2N] of the nodes' grids. */
  readonly floors: ArrayLike<number>;
  /** [K + 2N] a node is its lane times this; undefined: all 1. */
  readonly gains?: ArrayLike<number> | undefined;
  /** [K + 2N] each node's numbers. Children may take the place of their parents. */
  readonly rows: readonly Numbers[];
  /** Elements of a row. */
  readonly length: number;
  /** [length] */
  readonly elementFloors?: ArrayLike<number> | undefined;
  /** Roots and coded children are known: only followed ones are coded. */
  readonly onlyFollowed: boolean;
  /** The shifts of elements are 0, and not coded. */
  readonly even?: boolean | undefined;
}

/** How far each level reaches, and into how many strips the elements are cut. */
export interface LaneLevels {
  readonly instructions: ArrayLike<number>;
  readonly elements: ArrayLike<number>;
  readonly strips: number;
}

/**
 * Fills the rows of all nodes that the levels reach, of the last level only those of the first `wanted` instructions.
 * `sections` are in order of level, strip, A and B.
 *
 * @throws HermError `HERM_CORRUPT`
 */
export function decodeLanes(
  nodes: LaneNodes,
  levels: LaneLevels,
  wanted: number,
  sections: readonly Uint8Array[],
): void {
  checkNodes(nodes);
  for (let strip = 0; strip < levels.strips; strip++) {
    const begin = Math.floor((nodes.length * strip) / levels.strips);
    const end = Math.floor((nodes.length * (strip + 1)) / levels.strips);
    const decoder = new StripDecoder(nodes, begin, end);
    let elements = 0;
    let instructions = 0;
    for (let level = 0; level < levels.instructions.length; level++) {
      const reach = levels.strips > 1 ? end - begin : levels.elements[level]!;
      const last = levels.instructions[level]!;
      const at = 2 * (level * levels.strips + strip);
      decoder.decodeSplits(sections[at]!, elements, [instructions, last], wanted);
      decoder.decodeElements(sections[at + 1]!, [elements, reach], last, wanted);
      elements = reach;
      instructions = last;
    }
  }
}

/** What a file says of the nodes. */
function checkNodes({ format, roots, parents, coefficients, followed, floors, elementFloors }: LaneNodes): void {
  for (let n = 0; n < parents.length; n++) {
    if (parents[n]! >= roots + 2 * n) throw corrupt('an instruction splits a node that comes later');
    const both = [coefficients[2 * n]!, coefficients[2 * n + 1]!];
    if (!both.every(Number.isFinite) || both[followed[n]!] === 0) {
      throw corrupt('a followed child has no part in its parent');
    }
  }
  const fits = (floor: number) => floor <= 2 * format.bias;
  if (!Array.from(floors).every(fits) || !Array.from(elementFloors ?? []).every(fits)) {
    throw corrupt('a floor is out of range');
  }
}
