import { scaleLog } from 'd3-scale';
import type { BlockModel, PlacedNode } from './block_model.ts';
import { tick } from './format.ts';

/** What the vertical axis of the drawing says. */
export type Vertical = 'width' | 'cost';

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Where nodes begin and end vertically. */
export interface VerticalScale {
  readonly top: (node: PlacedNode) => number;
  readonly bottom: (node: PlacedNode) => number;
  readonly ticks: readonly Tick[];
  /** Where the network of a width cuts through all nodes; undefined: on this axis it is no line. */
  readonly cutAt: ((width: number) => number) | undefined;
}

/** Costs below this share of the largest one are drawn as if they were it. */
const SMALLEST_COST = 1e-7;

/** A node reaches from where it is made, below, up to where it merges. */
export function verticalScale(model: BlockModel, kind: Vertical, top: number, bottom: number): VerticalScale {
  return kind === 'width' ? widthScale(model, top, bottom) : costScale(model, top, bottom);
}

function widthScale(model: BlockModel, top: number, bottom: number): VerticalScale {
  const { smallest, data } = model;
  const scale = scaleLog()
    .domain([smallest, Math.max(data.neurons, smallest + 1)])
    .range([top + Math.min(26, (bottom - top) / 8), bottom]);
  const ticks = widthTicks(smallest, data.neurons).map((width) => ({ at: scale(width), text: tick(width) }));
  return {
    top: (node) => (model.goneAt(node) === 0 ? top : scale(model.goneAt(node))),
    bottom: (node) => (model.isNeuron(node) ? scale(model.bornAt(node)) : top),
    ticks,
    cutAt: (width) => scale(width),
  };
}

/** Halvings of the full width. */
function widthTicks(smallest: number, neurons: number): number[] {
  const ticks: number[] = [];
  for (let width = neurons; width > smallest; width = Math.round(width / 2)) ticks.push(width);
  return [...ticks, smallest];
}

function costScale(model: BlockModel, top: number, bottom: number): VerticalScale {
  const most = model.heights[model.root.data]! || 1;
  const least = most * SMALLEST_COST;
  const scale = scaleLog()
    .domain([least, most])
    .range([bottom - 10, top + 16])
    .clamp(true);
  const end = (node: PlacedNode) =>
    node.children === undefined ? bottom : scale(Math.max(model.heights[node.data]!, least));
  return {
    top: (node) => (node.parent ? end(node.parent) : top),
    bottom: end,
    ticks: costTicks(least, most).map((cost) => ({ at: scale(cost), text: tick(cost) })),
    cutAt: undefined,
  };
}

/** Powers of ten. */
function costTicks(least: number, most: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.ceil(Math.log10(least)); 10 ** power <= most; power++) ticks.push(10 ** power);
  return ticks;
}
