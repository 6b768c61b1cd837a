import { select } from 'd3-selection';
import { type D3ZoomEvent, type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import type { BlockModel, PlacedNode } from './block_model.ts';
import type { Theme } from './colours.ts';
import { type Vertical, type VerticalScale, verticalScale } from './icicle_scale.ts';

/** Room for the numbers of the vertical axis. */
const MARGIN = 46;
/** Narrower parts are drawn as one. */
const SMALLEST = 0.8;
const ROOM_FOR_TEXT = { width: 30, height: 13 };

/** What the drawing depends on and others change. */
export interface IcicleView {
  readonly vertical: Vertical;
  /** The network that is shown as a cut. */
  readonly width: number;
  readonly selected: PlacedNode;
  readonly colourOf: (node: PlacedNode) => string;
  readonly theme: Theme;
}

interface Box {
  readonly node: PlacedNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The hierarchy on a canvas: horizontally neurons, zoomed and panned, vertically from where a node is made to where it
 * merges. Parts too narrow to see are one stripe, so what is drawn depends on the screen and not on the number of neurons.
 */
export class Icicle {
  readonly canvas: HTMLCanvasElement;
  readonly #model: BlockModel;
  readonly #zoom: ZoomBehavior<HTMLCanvasElement, unknown>;
  #view: IcicleView;
  #transform: ZoomTransform = zoomIdentity;
  #boxes: Box[] = [];
  #frame = 0;

  constructor(canvas: HTMLCanvasElement, model: BlockModel, view: IcicleView) {
    this.canvas = canvas;
    this.#model = model;
    this.#view = view;
    this.#zoom = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([1, Math.max(1, model.data.neurons / 4)])
      // A wheel scrolls the page unless the drawing is at work.
      .filter((event: Event) => event.type !== 'wheel' || document.activeElement === canvas || isControl(event))
      .on('zoom', (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        this.#transform = event.transform;
        this.redraw();
      });
    select(canvas).call(this.#zoom).on('dblclick.zoom', null);
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  show(view: IcicleView): void {
    this.#view = view;
    this.redraw();
  }

  redraw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  zoomBy(factor: number): void {
    select(this.canvas).call(this.#zoom.scaleBy, factor);
  }

  zoomOut(): void {
    select(this.canvas).call(this.#zoom.transform, zoomIdentity);
  }

  /** Makes a node as wide as the drawing. */
  zoomTo({ x0, x1 }: PlacedNode): void {
    const scale = Math.min(1 / (x1 - x0), Math.max(1, this.#model.data.neurons / 4));
    const middle = ((x0 + x1) / 2) * this.#width;
    const shift = this.#width / 2 - middle * scale;
    select(this.canvas).call(this.#zoom.transform, zoomIdentity.translate(shift, 0).scale(scale));
  }

  /** Pans so that a node can be seen. */
  reveal({ x0, x1 }: PlacedNode): void {
    const [begin, end] = [this.#transform.applyX(x0 * this.#width), this.#transform.applyX(x1 * this.#width)];
    if (end > 4 && begin < this.#width - 4) return;
    const by = (this.#width / 2 - (begin + end) / 2) / this.#transform.k;
    select(this.canvas).call(this.#zoom.translateBy, by, 0);
  }

  /** What of the width is seen, as a factor. */
  get scale(): number {
    return this.#transform.k;
  }

  /** The node at a point of the canvas. */
  nodeAt(x: number, y: number): PlacedNode | undefined {
    const inside = (box: Box) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
    return this.#boxes.findLast(inside)?.node;
  }

  get #width(): number {
    return Math.max(1, this.canvas.clientWidth - MARGIN);
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.#zoom.extent([[0, 0], [this.#width, clientHeight]]); // biome-ignore format: a rectangle
    this.#zoom.translateExtent([[0, 0], [this.#width, clientHeight]]); // biome-ignore format: a rectangle
    this.#draw();
  }

  #draw(): void {
    const context = this.canvas.getContext('2d');
    if (context === null) return;
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = this.canvas.width / Math.max(1, clientWidth);
    const { theme, vertical } = this.#view;
    const scale = verticalScale(this.#model, vertical, 2, clientHeight - 2);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    context.font = '11px system-ui, sans-serif';
    this.#drawAxis(context, scale);
    context.save();
    context.beginPath();
    context.rect(MARGIN, 0, this.#width, clientHeight);
    context.clip();
    this.#boxes = this.#place(scale);
    for (const box of this.#boxes) this.#drawBox(context, box);
    this.#drawCut(context, scale);
    this.#outline(context, scale, theme.accent);
    context.restore();
    this.canvas.setAttribute('data-drawn', String(this.#boxes.length));
  }

  /** The nodes that can be seen, parents first. */
  #place(scale: VerticalScale): Box[] {
    const boxes: Box[] = [];
    const stack = [this.#model.root];
    const end = this.canvas.clientHeight - 2;
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      const x = MARGIN + this.#transform.applyX(node.x0 * this.#width);
      const width = MARGIN + this.#transform.applyX(node.x1 * this.#width) - x;
      if (x + width < MARGIN || x > MARGIN + this.#width) continue;
      const y = scale.top(node);
      const whole = width >= SMALLEST || node === this.#model.root;
      const bottom = whole ? scale.bottom(node) : end;
      if (this.#model.isNeuron(node)) boxes.push({ node, x, y, width, height: Math.max(0, bottom - y) });
      if (whole && node.children !== undefined) stack.push(...node.children);
    }
    return boxes;
  }

  #drawBox(context: CanvasRenderingContext2D, { node, x, y, width, height }: Box): void {
    const { colourOf, theme } = this.#view;
    context.fillStyle = colourOf(node);
    const gap = width > 3 ? 0.6 : 0;
    context.fillRect(x, y, Math.max(width - gap, 0.4), Math.max(height - (height > 3 ? 0.6 : 0), 0));
    if (width < ROOM_FOR_TEXT.width || height < ROOM_FOR_TEXT.height) return;
    const text = node.children === undefined ? `#${node.data}` : String(node.value);
    const left = Math.max(x, MARGIN);
    const right = Math.min(x + width, MARGIN + this.#width);
    if (context.measureText(text).width + 6 > right - left) return;
    context.fillStyle = textOn(context.fillStyle, theme);
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(text, (left + right) / 2, y + height / 2);
  }

  #drawAxis(context: CanvasRenderingContext2D, { ticks }: VerticalScale): void {
    const { theme } = this.#view;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.fillStyle = theme.muted;
    context.strokeStyle = theme.line;
    context.lineWidth = 1;
    for (const { at, text } of ticks) {
      context.fillText(text, MARGIN - 9, Math.min(Math.max(at, 8), this.canvas.clientHeight - 8));
      context.beginPath();
      context.moveTo(MARGIN - 6, at);
      context.lineTo(MARGIN - 2, at);
      context.stroke();
    }
  }

  #drawCut(context: CanvasRenderingContext2D, { cutAt }: VerticalScale): void {
    if (cutAt === undefined) return;
    const { theme, width } = this.#view;
    const y = cutAt(width);
    context.strokeStyle = theme.text;
    context.lineWidth = 1.25;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(MARGIN, y);
    context.lineTo(MARGIN + this.#width, y);
    context.stroke();
    context.setLineDash([]);
  }

  #outline(context: CanvasRenderingContext2D, scale: VerticalScale, colour: string): void {
    const { selected } = this.#view;
    const x = MARGIN + this.#transform.applyX(selected.x0 * this.#width);
    const width = Math.max(MARGIN + this.#transform.applyX(selected.x1 * this.#width) - x, 2);
    const y = scale.top(selected);
    context.strokeStyle = colour;
    context.lineWidth = 2.5;
    context.strokeRect(x + 1, y + 1, Math.max(width - 2, 1), Math.max(scale.bottom(selected) - y - 2, 2));
  }
}

const isControl = (event: Event) => event instanceof WheelEvent && (event.ctrlKey || event.metaKey);

/** Black or white, whichever is easier to read. */
function textOn(fill: string | CanvasGradient | CanvasPattern, { text }: Theme): string {
  const channels = /^#(..)(..)(..)$/.exec(String(fill));
  if (channels === null) return text;
  const [red, green, blue] = channels.slice(1).map((hex) => Number.parseInt(hex, 16)) as [number, number, number];
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? '#14181c' : '#ffffff';
}
