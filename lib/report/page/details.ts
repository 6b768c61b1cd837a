import type { BlockModel, PlacedNode } from './block_model.ts';
import type { Theme } from './colours.ts';
import { el, terms } from './dom.ts';
import { degrees, number, percent, someOf } from './format.ts';
import type { Pictures } from './pictures.ts';

/** Neurons that are listed by number. */
const MAX_LEAVES = 14;

/** What is known of one node, with ways to its relatives. */
export function details(
  model: BlockModel,
  node: PlacedNode,
  pictures: Pictures | undefined,
  theme: Theme,
  go: (to: PlacedNode) => void,
): readonly Node[] {
  const t = model.mergeOf(node);
  const parent = node.parent && model.isNeuron(node.parent) ? node.parent : undefined;
  const link = (to: PlacedNode, what: string) =>
    el('button', { type: 'button', click: () => go(to) }, `${what}: ${describe(model, to)}`);
  const relatives = [
    ...(parent ? [link(parent, 'Parent')] : []),
    ...(t >= 0 ? model.pairOf(t).map((child, k) => link(child, k === 0 ? 'First child' : 'Second child')) : []),
  ];
  return [
    el('h3', {}, describe(model, node)),
    ...(pictures ? [gallery(model, node, pictures, theme, go)] : []),
    terms(t >= 0 ? mergeTerms(model, t) : neuronTerms(model, node)),
    ...(relatives.length > 0 ? [el('p', { class: 'relatives' }, ...relatives)] : []),
    ...(t >= 0
      ? [el('p', { class: 'muted' }, `Of neurons ${someOf(model.leavesOf(node, MAX_LEAVES), node.value!)}.`)]
      : []),
  ];
}

export function describe(model: BlockModel, node: PlacedNode): string {
  const name = model.nameOf(node);
  return node.children === undefined ? name : `${name}, ${node.value} neurons`;
}

function mergeTerms(model: BlockModel, t: number): readonly (readonly [string, string, string?])[] {
  const { cost, gates, parts, angles, shares, data } = model;
  const [first, second] = [gates[2 * t]!, gates[2 * t + 1]!];
  const norm = data.spectrum?.norm;
  const relative = norm ? ` (${percent(cost[t]! / norm ** 2)} of ‖f‖²)` : '';
  const energy = first ** 2 + second ** 2;
  return [
    ['cost δ', `${number(cost[t]!)}${relative}`, 'squared change of the block’s function when these two merge'],
    ['gates σ₁, σ₂', `${number(first)}, ${number(second)}`, 'sizes of the two terms that the pair computes'],
    ['σ₂² of the pair', percent(second ** 2 / energy), 'what no single neuron can keep of what the pair computes'],
    ['first child’s part', percent(parts[t]!), 'its share in term 1; above 100% the second one works against it'],
    ['oblique angle', degrees(angles[t]!), '90°: one rotation tells the two neurons apart on both sides'],
    [
      'input shares',
      `${percent(shares[2 * t]!)}, ${percent(shares[2 * t + 1]!)}`,
      'of the pair’s structural components',
    ],
    ['lives at widths', widths(model, model.nodes[data.neurons + t]!)],
  ];
}

function neuronTerms(model: BlockModel, node: PlacedNode): readonly (readonly [string, string, string?])[] {
  const { dead, constant, copies } = model.data;
  const copy = copies.find(([neuron]) => neuron === node.data);
  const kind = dead.includes(node.data)
    ? 'dead: it has no output'
    : constant.includes(node.data)
      ? 'constant: it has no input'
      : copy
        ? `a copy of neuron ${copy[1]}`
        : 'an original neuron';
  return [
    ['what', model.isNeuron(node) ? kind : 'all roots together'],
    ['lives at widths', widths(model, node)],
  ];
}

function widths(model: BlockModel, node: PlacedNode): string {
  if (!model.isNeuron(node)) return '–';
  const [from, to] = [Math.max(model.goneAt(node) + 1, model.smallest), model.bornAt(node)];
  return from === to ? String(to) : `${from} to ${to}`;
}

function gallery(
  model: BlockModel,
  node: PlacedNode,
  pictures: Pictures,
  theme: Theme,
  go: (to: PlacedNode) => void,
): HTMLElement {
  const t = model.mergeOf(node);
  const shown = t >= 0 ? [node, ...model.pairOf(t)] : [node];
  const entries = shown.map((each, at) => {
    const name = describe(model, each);
    const picture = pictures.draw(each, theme, name);
    const words = at === 0 ? (t >= 0 ? 'merged' : 'weights') : at === 1 ? 'first child' : 'second child';
    const button = el('button', { type: 'button', class: 'plain', 'aria-label': name, click: () => go(each) }, picture);
    return el('figure', {}, button, el('figcaption', {}, words));
  });
  return el('div', { class: 'pictures' }, ...entries);
}
