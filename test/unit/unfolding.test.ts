import { describe, expect, it } from 'vitest';
import { decodeHierarchy } from '../../lib/file/hierarchy_code.ts';
import { sideLanes } from '../../lib/file/lane_levels.ts';
import { ascendingPositions, frontier, type SideUnfolding, type Unfolding } from '../../lib/herm/unfolding.ts';

/** Slots are `stride` apart: node by node those of two roots, then of the children of three instructions. */
function unfoldingOf(stride: number): Unfolding {
  const slots = Uint32Array.of(1, 4, 1, 6, 4, 5, 1, 3).map((slot) => slot * stride);
  const side: SideUnfolding = {
    coefficients: new Uint16Array(6),
    followed: new Uint8Array(3),
    floors: new Uint16Array(8),
    gains: new Float32Array(8).fill(1),
  };
  const none = new Uint8Array(0);
  return {
    ...{ neurons: 8 * stride, roots: 2, instructions: 3, slots, leaf: new Uint8Array(8), costs: new Float32Array(3) },
    ...{ biases: none, gateBiases: none, input: side, output: side, gate: undefined },
  };
}

describe.each([1, 2 ** 21])('an unfolding with slots %d apart', (stride) => {
  const unfolding = unfoldingOf(stride);

  it('has the nodes that live at a width, and the positions that instructions join', () => {
    expect(frontier(unfolding, 5)).toEqual({
      nodes: Uint32Array.of(6, 4, 3, 5, 7),
      pairs: Uint32Array.of(0, 2, 1, 3, 0, 4),
    });
    expect(frontier(unfolding, 2).nodes).toEqual(Uint32Array.of(0, 1));
  });

  it('orders positions by slot', () => {
    expect(ascendingPositions(unfolding, 5)).toEqual(Uint32Array.of(0, 4, 1, 3, 2));
    expect(ascendingPositions(unfolding, 3)).toEqual(Uint32Array.of(0, 1, 2));
  });

  it('knows which node each instruction splits', () => {
    expect(sideLanes(unfolding, 'input').parents).toEqual(Uint32Array.of(0, 1, 2));
  });
});

describe('a hierarchy in fewer bytes than its instructions can take', () => {
  it('is refused before anything is allocated for it', async () => {
    const form = { input: 'F32', output: 'F32', gate: undefined, biases: undefined, gateBiases: undefined } as const;
    // Arrays of so many nodes would take a gigabyte.
    const claim = decodeHierarchy([new Uint8Array(4), new Uint8Array(9)], 2 ** 24, [1, 2 ** 24], form, 'It');
    await expect(claim).rejects.toMatchObject({
      code: 'HERM_CORRUPT',
      message: 'It is corrupt: 13 bytes cannot hold 16777215 instructions.',
    });
  });
});
