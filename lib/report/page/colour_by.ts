import { scaleLog } from 'd3-scale';
import type { BlockModel, PlacedNode } from './block_model.ts';
import type { Theme } from './colours.ts';
import { degrees, number, percent } from './format.ts';

/** What the colours of the drawing say. */
export type ColourBy = 'group' | 'cost' | 'loss' | 'angle' | 'share';

export const COLOURS: Readonly<Record<ColourBy, string>> = {
  group: 'neurons of the cut',
  cost: 'cost of the merge',
  loss: 'gate that is lost',
  angle: 'oblique angle',
  share: 'input share',
};

/** A colour for every node, and what the ends of the scale stand for. */
export interface Colouring {
  readonly of: (node: PlacedNode) => string;
  readonly ends: readonly [string, string] | undefined;
}

/** Costs below this share of the largest one look alike. */
const SMALLEST_COST = 1e-6;

export function colouring(by: ColourBy, model: BlockModel, width: number, theme: Theme): Colouring {
  if (by === 'group') return { of: groupColours(model, width, theme), ends: undefined };
  const [measure, ends] = measureOf(by, model);
  return {
    ends,
    of: (node) => {
      const t = model.mergeOf(node);
      const value = t < 0 ? Number.NaN : measure(t);
      return Number.isNaN(value) ? theme.trunk : theme.ramp(value);
    },
  };
}

/** From 0 to 1, and in words. */
function measureOf(by: ColourBy, model: BlockModel): readonly [(t: number) => number, readonly [string, string]] {
  const { gates, angles, shares, cost } = model;
  if (by === 'angle') return [(t) => angles[t]! / (Math.PI / 2), ['0°', degrees(Math.PI / 2)]];
  if (by === 'share') return [(t) => shares[2 * t]!, [percent(0), percent(1)]];
  if (by === 'loss') {
    // Of the square that a pair computes; more than half is never lost.
    const lost = (t: number) => gates[2 * t + 1]! ** 2 / (gates[2 * t]! ** 2 + gates[2 * t + 1]! ** 2);
    return [(t) => 2 * lost(t), [percent(0), percent(0.5)]];
  }
  const most = cost.reduce((largest, value) => Math.max(largest, value), 0) || 1;
  const scale = scaleLog()
    .domain([most * SMALLEST_COST, most])
    .range([0, 1])
    .clamp(true);
  return [(t) => scale(Math.max(cost[t]!, most * SMALLEST_COST)), [`≤ ${number(most * SMALLEST_COST)}`, number(most)]];
}

/** Each neuron of a cut with all below it in one colour; what lives only in smaller networks has none. */
function groupColours(model: BlockModel, width: number, theme: Theme): (node: PlacedNode) => string {
  const living = model.livingAt(width);
  const starts = living.map(({ x0 }) => x0);
  return (node) => {
    if (model.bornAt(node) < width || !model.isNeuron(node)) return theme.trunk;
    return theme.groups[lastAtMost(starts, node.x0) % theme.groups.length]!;
  };
}

/** The last of ascending values that is at most this one. */
function lastAtMost(values: readonly number[], limit: number): number {
  let [low, high] = [0, values.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit + 1e-12) low = middle;
    else high = middle;
  }
  return low;
}
