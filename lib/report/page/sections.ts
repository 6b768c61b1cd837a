import type { BlockData, ReportData } from '../page_data.ts';
import { type BlockModel, floatsOf, type PlacedNode } from './block_model.ts';
import { chart, type Series } from './charts.ts';
import type { Theme } from './colours.ts';
import { describe } from './details.ts';
import { el, table, terms } from './dom.ts';
import { number, percent, someOf } from './format.ts';
import type { Pictures } from './pictures.ts';

/** Neurons of a list that are shown at most. */
const MAX_LISTED = 40;
/** Pictures of a cut that are shown at most. */
const MAX_PICTURES = 60;

export function section(title: string, lead: string, ...content: readonly (Node | undefined)[]): HTMLElement {
  return el('section', {}, el('h2', {}, title), el('p', { class: 'lead' }, lead), ...content);
}

/** Widths and the errors that they have. */
export function errorChart(data: BlockData, inputs: string, cut: number): HTMLElement {
  const series: Series[] = [{ name: 'certified', kind: 'line', colour: 'first', points: known(data.curve) }];
  if (data.refits.length > 0) {
    series.push({ name: 'with refitted outputs', kind: 'dots', colour: 'second', points: known(data.refits) });
  }
  const measured = data.curve.map(({ width, measured: error }) => ({ width, error: error ?? null }));
  if (measured.some(({ error }) => error !== null)) {
    series.push({ name: 'measured on held-out samples', kind: 'line', colour: 'third', points: known(measured) });
  }
  const bounds = data.spectrum?.bounds;
  if (bounds) {
    const points = data.curve.map(({ width }, at) => ({ x: width, y: bounds[at]! }));
    series.push({ name: 'no network of this width is below', kind: 'dashed', colour: 'muted', points });
  }
  return chart({
    label: `Error of block ${data.name} against its width, for ${inputs}`,
    x: { title: 'neurons kept', ticks: halvings(data.neurons, data.curve[0]?.width ?? 1), log: true },
    y: { title: 'relative error' },
    series,
    mark: { x: cut, text: `cut: ${cut}` },
  });
}

const known = (points: readonly { width: number; error: number | null }[]) =>
  points.flatMap(({ width, error }) => (error === null ? [] : [{ x: width, y: error }]));

function halvings(from: number, to: number): number[] {
  const values: number[] = [];
  for (let value = from; value > to; value = Math.round(value / 2)) values.push(value);
  return [...values, to];
}

export function gateChart({ name, spectrum }: BlockData): HTMLElement | undefined {
  if (spectrum === undefined) return undefined;
  const gates = Array.from(floatsOf(spectrum.gates), (y, at) => ({ x: at + 1, y }));
  if (gates.length === 0) return undefined;
  const step = Math.max(1, Math.ceil(gates.length / 8));
  return chart({
    label: `Gates of block ${name}`,
    x: { title: 'term', ticks: gates.filter((_, at) => at % step === 0).map(({ x }) => x) },
    y: { title: 'gate σ', log: true },
    series: [{ name: 'gates of the whole block', kind: 'line', colour: 'first', points: gates }],
    mark: { x: spectrum.effectiveRank, text: `effective rank ${number(spectrum.effectiveRank)}` },
  });
}

export function symmetries({ dead, constant, copies, free, merges }: BlockData): HTMLElement {
  const list = (values: readonly (number | string)[]) =>
    values.length === 0 ? 'none' : someOf(values.slice(0, MAX_LISTED), values.length);
  const copyWords = copies.map(([neuron, of]) => `${neuron} of ${of}`);
  return terms([
    ['free merges', `${free} of ${merges}`, 'merges that change nothing beside what their neurons compute'],
    ['dead neurons', list(dead), 'without outgoing weights'],
    ['constant neurons', list(constant), 'without incoming weights'],
    ['copies', list(copyWords), 'up to what the activation commutes with'],
  ]);
}

/** The neurons of a cut as pictures, the largest groups first. */
export function cutPictures(
  model: BlockModel,
  pictures: Pictures,
  theme: Theme,
  width: number,
  go: (node: PlacedNode) => void,
): HTMLElement {
  const living = model.livingAt(width).sort((a, b) => b.value! - a.value!);
  const entries = living.slice(0, MAX_PICTURES).map((node) => {
    const label = describe(model, node);
    return el(
      'button',
      { type: 'button', class: 'plain', title: label, 'aria-label': label, click: () => go(node) },
      pictures.draw(node, theme, label),
      el('span', { class: 'muted' }, node.children === undefined ? `#${node.data}` : `${node.value} n.`),
    );
  });
  const rest = living.length > MAX_PICTURES ? `The ${MAX_PICTURES} largest of ${living.length}.` : undefined;
  return el('div', {}, el('div', { class: 'wall' }, ...entries), rest ? el('p', { class: 'muted' }, rest) : undefined);
}

export function blockTable({ blocks }: ReportData, chosen: number, choose: (at: number) => void): HTMLElement {
  const columns = [
    { title: 'block' },
    { title: 'layer' },
    { title: 'activation' },
    { title: '25% wide', numeric: true, hint: 'certified error at a quarter of the neurons' },
    { title: '50% wide', numeric: true, hint: 'certified error at half of the neurons' },
    { title: 'free', numeric: true, hint: 'merges that cost nothing' },
    { title: 'dead', numeric: true },
    { title: 'copies', numeric: true },
  ];
  const rows = blocks.map((block, at) => [
    el('button', { type: 'button', 'aria-pressed': String(at === chosen), click: () => choose(at) }, block.name),
    `${block.inputs} → ${block.neurons} → ${block.outputs}`,
    block.activation,
    errorNear(block, 0.25),
    errorNear(block, 0.5),
    String(block.free),
    String(block.dead.length),
    String(block.copies.length),
  ]);
  return table('Blocks', columns, rows);
}

function errorNear({ curve, neurons }: BlockData, share: number): string {
  const point = curve.find(({ width }) => width === Math.round(share * neurons));
  return point?.error == null ? '–' : number(point.error);
}

export function tensorTable({ tensors }: ReportData): HTMLElement {
  const columns = [
    { title: 'matrix' },
    { title: 'shape' },
    { title: 'condition', numeric: true, hint: 'largest over smallest singular value' },
    { title: 'random', numeric: true, hint: 'condition number of a random matrix of this shape' },
    { title: 'effective rank', numeric: true, hint: 'exp of the entropy of the singular values' },
    { title: 'stable rank', numeric: true, hint: 'sum of squared singular values over the largest' },
    { title: 'fine-tuning' },
  ];
  const rows = tensors.map((tensor) => [
    tensor.name,
    `${tensor.rows} × ${tensor.cols}`,
    tensor.condition === null ? '∞' : number(tensor.condition),
    number(tensor.randomCondition),
    number(tensor.effectiveRank),
    number(tensor.stableRank),
    el('span', { class: tensor.leaveAlone ? 'tag alone' : 'tag tune' }, tensor.leaveAlone ? 'leave alone' : 'tune'),
  ]);
  return table('Weight matrices', columns, rows);
}

export function planTable({ plan }: ReportData): HTMLElement | undefined {
  if (plan.length === 0) return undefined;
  const columns = [
    { title: 'block' },
    { title: 'width', numeric: true },
    { title: 'kept', numeric: true },
    { title: 'error', numeric: true },
  ];
  const rows = plan.map(({ block, neurons, width, error }) => [
    block,
    `${width} of ${neurons}`,
    percent(width / neurons),
    error === null ? '–' : number(error),
  ]);
  return table('Plan', columns, rows);
}

export function metadataList({ metadata }: ReportData): HTMLElement | undefined {
  if (metadata.length === 0) return undefined;
  return el('details', {}, el('summary', {}, 'Metadata of the original'), terms(metadata));
}
