import { describe, expect, it } from 'vitest';
import { buildLadder, widthAt } from '../../lib/herm/ladder.ts';

describe('the ladder of widths', () => {
  it('halves in four steps, from the full width to one neuron', () => {
    const ladder = buildLadder([{ neurons: 16, smallest: 1 }]).map(([width]) => width);
    expect(ladder.slice(-9)).toEqual([4, 5, 6, 7, 8, 10, 11, 13, 16]);
    expect(ladder[0]).toBe(1);
    expect(ladder[1]).toBe(2);
  });

  it('keeps all blocks in step and stops each at its smallest width', () => {
    const ladder = buildLadder([
      { neurons: 100, smallest: 30 },
      { neurons: 8, smallest: 8 },
      { neurons: 40, smallest: 1 },
    ]);
    expect(ladder[0]).toEqual([30, 8, 1]);
    expect(ladder.at(-1)).toEqual([100, 8, 40]);
    expect(ladder.at(-5)).toEqual([50, 8, 20]);
    for (const [level, widths] of ladder.slice(1).entries()) {
      widths.forEach((width, block) => {
        expect(width).toBeGreaterThanOrEqual(ladder[level]![block]!);
      });
    }
  });

  it('has no two equal levels', () => {
    const ladder = buildLadder([{ neurons: 7, smallest: 1 }]);
    expect(ladder).toEqual([[1], [2], [3], [4], [5], [6], [7]]);
  });

  it('has one level where nothing merges', () => {
    expect(buildLadder([{ neurons: 5, smallest: 5 }])).toEqual([[5]]);
    expect(buildLadder([])).toEqual([[]]);
  });

  it('rounds shares to whole neurons', () => {
    expect(widthAt({ neurons: 10, smallest: 1 }, 0.26)).toBe(3);
    expect(widthAt({ neurons: 10, smallest: 4 }, 0.26)).toBe(4);
  });
});
