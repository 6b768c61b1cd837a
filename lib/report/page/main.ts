import type { ReportData } from '../page_data.ts';
import { BlockModel } from './block_model.ts';
import { readTheme, ThemeSwitch } from './colours.ts';
import { el } from './dom.ts';
import { Explorer } from './explorer.ts';
import { bytes } from './format.ts';
import { Pictures } from './pictures.ts';
import {
  blockTable,
  cutPictures,
  errorChart,
  gateChart,
  metadataList,
  planTable,
  section,
  symmetries,
  tensorTable,
} from './sections.ts';

/** Neurons of the first cut of larger blocks: as many as colours tell apart. */
const FIRST_CUT = 24;

const data = JSON.parse(document.getElementById('data')!.textContent) as ReportData;
const place = document.getElementById('report')!;
const blockPlace = el('div', {});
const overview = el('div', {});
let rethemed = () => {};

const themes = new ThemeSwitch(() => {
  nameSwitcher();
  rethemed();
});
const switcher = el('button', { type: 'button', class: 'theme', click: () => themes.toggle() });
nameSwitcher();

function nameSwitcher(): void {
  switcher.textContent = themes.theme === 'dark' ? '☀ Light' : '☾ Dark';
}

place.append(
  el(
    'header',
    {},
    el(
      'div',
      {},
      el('h1', {}, data.original.name),
      el(
        'p',
        { class: 'muted' },
        `Hierarchies in ${data.file.name}, ${bytes(data.file.bytes)}; the original has ${bytes(data.original.bytes)}. Made by ${data.generator}.`,
      ),
    ),
    switcher,
  ),
  el('main', {}, overview, blockPlace, ...wholeFile()),
);
showBlock(0);

function wholeFile(): (Node | undefined)[] {
  const plan = planTable(data);
  return [
    plan && section('Plan', 'The widths that were chosen for all blocks; the drawing is cut at them first.', plan),
    section(
      'Weight matrices',
      'A large condition number says that a matrix has learned to tell some directions from others; it depends on shape as well, so compare it with a random matrix’s. Training the matrices with the smallest ones and leaving the others alone is what KappaTune does to forget less (arXiv:2506.16289); it is a suggestion, not a measurement on this model.',
      tensorTable(data),
    ),
    metadataList(data),
  ].filter((part) => part !== undefined);
}

function showBlock(at: number): void {
  const block = data.blocks[at]!;
  overview.replaceChildren(blockTable(data, at, showBlock));
  const planned = data.plan.find((entry) => entry.block === block.name)?.width;
  const model = new BlockModel(block, planned);
  const pictures = block.pictures && new Pictures(block.pictures, model);
  const errors = el('div', {});
  const wall = el('div', {});
  const start = planned ?? model.cuts.find((cut) => cut >= Math.min(FIRST_CUT, block.neurons / 16))!;
  let width = start;
  const explorer = new Explorer(model, pictures, start, showWidth);
  const gates = gateChart(block);
  rethemed = () => {
    explorer.retheme();
    showWidth(width);
  };
  blockPlace.replaceChildren(
    section(
      `Block ${block.name}`,
      'Neurons lie side by side. A box reaches from the width at which its neuron is made of two others, below, up to the width at which it merges itself: a horizontal line, as the dashed one, crosses the neurons of one network. With the height by cost it reaches from the cost of its own merge up to that of the next one.',
      explorer.element,
    ),
    ...(pictures
      ? [
          section(
            'What the neurons of the cut look for',
            'Input weights: the more colour, the more weight; one hue is positive, the other negative. The larger parts of the hierarchy come first.',
            wall,
          ),
        ]
      : []),
    el(
      'div',
      { class: 'columns' },
      section('Width against error', `‖f − f_k‖/‖f‖ for ${data.inputs}.`, errors),
      ...(gates
        ? [
            section(
              'Gate spectrum',
              'What the block computes, as orthogonal terms of these sizes, for x ~ N(0, I).',
              gates,
            ),
          ]
        : []),
    ),
    section('What merges for nothing', `Gates and angles of merges are for ${block.termInputs}.`, symmetries(block)),
  );
  showWidth(start);

  function showWidth(now: number): void {
    width = now;
    errors.replaceChildren(errorChart(block, data.inputs, now));
    if (pictures) wall.replaceChildren(cutPictures(model, pictures, readTheme(), now, (node) => explorer.select(node)));
  }
}
