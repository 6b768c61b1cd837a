import type { BlockModel, PlacedNode } from './block_model.ts';
import { COLOURS, type ColourBy, colouring } from './colour_by.ts';
import { readTheme, type Theme } from './colours.ts';
import { describe, details } from './details.ts';
import { el, selectOf } from './dom.ts';
import { number, percent } from './format.ts';
import { Icicle } from './icicle.ts';
import type { Vertical } from './icicle_scale.ts';
import type { Pictures } from './pictures.ts';

const HELP =
  'Drag to pan, pinch or turn the wheel (after a click) to zoom. Keys: arrows go to the parent, the larger child and the neighbours; + and − zoom, Enter zooms to what is chosen, 0 shows all, Home goes to the root.';

/** How far a pointer may move in a click. */
const CLICK = 5;

/** The drawing of one hierarchy with what controls it, and what is known of the chosen node. */
export class Explorer {
  readonly element: HTMLElement;
  readonly #model: BlockModel;
  readonly #pictures: Pictures | undefined;
  readonly #changed: (width: number) => void;
  readonly #icicle: Icicle;
  readonly #panel = el('div', { class: 'panel', 'aria-live': 'polite' });
  readonly #cut = el('output', {});
  readonly #tip = el('div', { class: 'tip', hidden: true });
  readonly #legend = el('span', { class: 'legend' });
  readonly #canvas: HTMLCanvasElement;
  #theme: Theme = readTheme();
  #vertical: Vertical = 'width';
  #colourBy: ColourBy = 'group';
  #width: number;
  #selected: PlacedNode;
  /** The width among whose neurons the keys go left and right. */
  #row: number;

  /** @param changed is called with the width of the cut. */
  constructor(model: BlockModel, pictures: Pictures | undefined, width: number, changed: (width: number) => void) {
    this.#model = model;
    this.#pictures = pictures;
    this.#changed = changed;
    this.#width = width;
    this.#selected = model.root;
    this.#row = model.smallest;
    this.#canvas = el('canvas', {
      class: 'icicle',
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'hierarchy',
      'aria-label': `Hierarchy of block ${model.data.name}`,
      'aria-describedby': 'help',
      keydown: (event) => this.#key(event as KeyboardEvent),
      pointerleave: () => this.#hideTip(),
    });
    this.#icicle = new Icicle(this.#canvas, model, this.#view());
    this.#listen();
    this.element = el(
      'div',
      { class: 'explorer' },
      this.#controls(),
      el('div', { class: 'stage' }, el('div', { class: 'drawing' }, this.#canvas, this.#tip), this.#panel),
      el('p', { class: 'muted', id: 'help' }, HELP),
    );
    this.#showDetails();
    this.#showCut();
  }

  /** Takes the colours of the page anew. */
  retheme(): void {
    this.#theme = readTheme();
    this.#refresh();
    this.#showDetails();
  }

  select(node: PlacedNode, row = Math.max(this.#model.bornAt(node), this.#model.smallest)): void {
    this.#selected = node;
    this.#row = row;
    this.#icicle.reveal(node);
    this.#refresh();
    this.#showDetails();
  }

  #view() {
    const { of } = colouring(this.#colourBy, this.#model, this.#width, this.#theme);
    return {
      vertical: this.#vertical,
      width: this.#width,
      selected: this.#selected,
      colourOf: of,
      theme: this.#theme,
    };
  }

  #refresh(): void {
    this.#icicle.show(this.#view());
  }

  #controls(): HTMLElement {
    const widths = this.#model.cuts;
    const slider = el('input', {
      type: 'range',
      min: 0,
      max: widths.length - 1,
      value: widths.findIndex((width) => width >= this.#width),
      'aria-label': 'Width of the cut',
      'aria-valuetext': this.#width,
      input: ({ currentTarget }) => {
        const width = widths[Number((currentTarget as HTMLInputElement).value)]!;
        (currentTarget as HTMLInputElement).setAttribute('aria-valuetext', String(width));
        this.#setWidth(width);
      },
    });
    const button = (label: string, title: string, click: () => void) =>
      el('button', { type: 'button', title, 'aria-label': title, click }, label);
    return el(
      'div',
      { class: 'controls' },
      el('label', { class: 'width' }, 'Width ', slider, this.#cut),
      selectOf('Colour', COLOURS, this.#colourBy, (value) => {
        this.#colourBy = value;
        this.#refresh();
        this.#showLegend();
      }),
      selectOf('Height', { width: 'widths', cost: 'cost' }, this.#vertical, (value) => {
        this.#vertical = value;
        this.#refresh();
      }),
      el(
        'span',
        { class: 'buttons' },
        button('−', 'Zoom out', () => this.#icicle.zoomBy(1 / 1.6)),
        button('+', 'Zoom in', () => this.#icicle.zoomBy(1.6)),
        button('⤢', 'Show all', () => this.#icicle.zoomOut()),
        button('◎', 'Zoom to what is chosen', () => this.#icicle.zoomTo(this.#selected)),
      ),
      this.#legend,
    );
  }

  #setWidth(width: number): void {
    this.#width = width;
    this.#refresh();
    this.#showCut();
    this.#changed(width);
  }

  #showCut(): void {
    const { neurons, curve } = this.#model.data;
    // The certificate of the next smaller recorded width holds from there on only roughly: say which one it is.
    const recorded = curve.findLast(({ width }) => width <= this.#width);
    const exact = recorded?.width === this.#width;
    const error = recorded?.error ?? Number.NaN;
    const words = Number.isNaN(error) ? '' : `, error ${number(error)}${exact ? '' : ` at ${recorded!.width}`}`;
    this.#cut.textContent = `${this.#width} of ${neurons} (${percent(this.#width / neurons)})${words}`;
  }

  #showLegend(): void {
    const { ends } = colouring(this.#colourBy, this.#model, this.#width, this.#theme);
    this.#legend.replaceChildren();
    if (ends) this.#legend.append(ends[0], el('span', { class: 'ramp' }), ends[1]);
  }

  #showDetails(): void {
    const parts = details(this.#model, this.#selected, this.#pictures, this.#theme, (node) => this.select(node));
    this.#panel.replaceChildren(...parts);
  }

  #listen(): void {
    let down: PointerEvent | undefined;
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => {
      down = event;
      this.#hideTip();
    });
    canvas.addEventListener('click', (event) => {
      const still = down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) <= CLICK;
      const node = this.#icicle.nodeAt(event.offsetX, event.offsetY);
      canvas.focus({ preventScroll: true });
      if (still && node) this.select(node);
    });
    canvas.addEventListener('dblclick', () => this.#icicle.zoomTo(this.#selected));
    canvas.addEventListener('pointermove', (event) => this.#showTip(event));
  }

  #showTip(event: PointerEvent): void {
    const node =
      event.pointerType === 'mouse' && event.buttons === 0
        ? this.#icicle.nodeAt(event.offsetX, event.offsetY)
        : undefined;
    if (node === undefined) {
      this.#hideTip();
      return;
    }
    const t = this.#model.mergeOf(node);
    this.#tip.textContent = `${describe(this.#model, node)}${t < 0 ? '' : `, cost ${number(this.#model.cost[t]!)}`}`;
    this.#tip.hidden = false;
    const left = Math.min(event.offsetX + 12, this.#canvas.clientWidth - this.#tip.offsetWidth);
    this.#tip.style.setProperty('left', `${Math.max(0, left)}px`);
    this.#tip.style.setProperty('top', `${event.offsetY + 16}px`);
  }

  #hideTip(): void {
    this.#tip.hidden = true;
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const action = this.#actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  readonly #actions: Readonly<Record<string, () => void>> = {
    ArrowUp: () => this.#go(this.#selected.parent),
    ArrowDown: () => this.#go(this.#selected.children?.[0]),
    ArrowLeft: () => this.#aside(-1),
    ArrowRight: () => this.#aside(1),
    Home: () => this.#go(this.#model.root),
    Enter: () => this.#icicle.zoomTo(this.#selected),
    '+': () => this.#icicle.zoomBy(1.6),
    '=': () => this.#icicle.zoomBy(1.6),
    '-': () => this.#icicle.zoomBy(1 / 1.6),
    '0': () => this.#icicle.zoomOut(),
  };

  #go(node: PlacedNode | null | undefined): void {
    if (node) this.select(node);
  }

  /** To the next neuron on a side in the network at hand. */
  #aside(step: 1 | -1): void {
    const living = this.#model.livingAt(this.#row);
    const next = living[living.indexOf(this.#selected) + step];
    if (next) this.select(next, this.#row);
  }
}
