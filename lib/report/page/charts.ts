import { axisBottom, axisLeft } from 'd3-axis';
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale';
import { create, type Selection } from 'd3-selection';
import { line } from 'd3-shape';
import { number, tick } from './format.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly kind: 'line' | 'dashed' | 'dots';
  /** A class of the page's style that has its colour. */
  readonly colour: string;
  readonly points: readonly Point[];
}

export interface ChartOptions {
  readonly label: string;
  readonly x: { readonly title: string; readonly ticks: readonly number[]; readonly log?: boolean };
  readonly y: { readonly title: string; readonly log?: boolean };
  readonly series: readonly Series[];
  /** A vertical line, with words. */
  readonly mark?: { readonly x: number; readonly text: string } | undefined;
}

const HEIGHT = 300;
/** Text keeps its size where there is less room. */
const width = () => (window.innerWidth < 620 ? 350 : 560);
const MARGIN = { top: 12, right: 16, bottom: 42, left: 52 };

type Svg = Selection<SVGSVGElement, undefined, null, undefined>;

/** A chart with axes and a legend, as wide as its place allows. */
export function chart(options: ChartOptions): HTMLElement {
  const room = width();
  const svg: Svg = create('svg').attr('viewBox', `0 0 ${room} ${HEIGHT}`).attr('role', 'img');
  svg.attr('aria-label', options.label).attr('class', 'chart');
  const all = options.series.flatMap(({ points }) => points);
  const x = scaleOf(options.x.log, extent([...all.map((point) => point.x), ...options.x.ticks]), [
    MARGIN.left,
    room - MARGIN.right,
  ]);
  const y = scaleOf(options.y.log, yExtent(all, options.y.log), [HEIGHT - MARGIN.bottom, MARGIN.top]).nice();
  drawAxes(svg, x, y, room, options);
  if (options.mark !== undefined) drawMark(svg, x(options.mark.x), x(options.mark.x) > room * 0.7, options.mark.text);
  for (const series of options.series) drawSeries(svg, series, x, y);
  const figure = document.createElement('figure');
  figure.append(svg.node()!, legend(options.series));
  return figure;
}

type Scale = ScaleContinuousNumeric<number, number>;

function scaleOf(log: boolean | undefined, domain: readonly [number, number], range: readonly [number, number]): Scale {
  return (log ? scaleLog() : scaleLinear()).domain(domain).range(range);
}

const extent = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];

function yExtent(points: readonly Point[], log: boolean | undefined): [number, number] {
  const values = points.map(({ y }) => y).filter((y) => !log || y > 0);
  if (values.length === 0) return log ? [0.1, 1] : [0, 1];
  const [low, high] = extent(values);
  return log ? [low, high === low ? 10 * low : high] : [0, high || 1];
}

function drawAxes(svg: Svg, x: Scale, y: Scale, room: number, options: ChartOptions): void {
  svg
    .append('g')
    .attr('class', 'axis')
    .attr('transform', `translate(0,${HEIGHT - MARGIN.bottom})`)
    .call(
      axisBottom(x)
        .tickValues(readable(options.x.ticks, x))
        .tickFormat((value) => tick(Number(value)))
        .tickSizeOuter(0),
    );
  svg
    .append('g')
    .attr('class', 'axis grid')
    .attr('transform', `translate(${MARGIN.left},0)`)
    .call(
      axisLeft(y)
        .tickValues(options.y.log ? powers(y.domain()) : y.ticks(5))
        .tickFormat((value) => tick(Number(value)))
        .tickSize(MARGIN.left + MARGIN.right - room),
    );
  const text = (at: readonly [number, number], words: string, turned: boolean) =>
    svg
      .append('text')
      .attr('class', 'title')
      .attr('transform', `translate(${at[0]},${at[1]})${turned ? ' rotate(-90)' : ''}`)
      .text(words);
  text([(MARGIN.left + room - MARGIN.right) / 2, HEIGHT - 6], options.x.title, false);
  text([12, (MARGIN.top + HEIGHT - MARGIN.bottom) / 2], options.y.title, true);
}

/** About as wide as a digit, and the gap between two labels. */
const [DIGIT, GAP] = [7, 6];

/** Ticks whose labels do not run into each other; the last one always stays. */
function readable(ticks: readonly number[], x: Scale): number[] {
  let end = Number.POSITIVE_INFINITY;
  return [...ticks]
    .sort((a, b) => b - a)
    .filter((value) => {
      const half = (tick(value).length * DIGIT) / 2;
      if (x(value) + half > end) return false;
      end = x(value) - half - GAP;
      return true;
    });
}

/** Powers of ten, at most six of them. */
function powers(domain: readonly number[]): number[] {
  const [low, high] = domain.map((value) => Math.round(Math.log10(value))) as [number, number];
  const step = Math.ceil((high - low + 1) / 6);
  return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, at) => 10 ** (low + at * step));
}

function drawMark(svg: Svg, x: number, left: boolean, words: string): void {
  const group = svg.append('g').attr('class', 'mark');
  group
    .append('line')
    .attr('x1', x)
    .attr('x2', x)
    .attr('y1', MARGIN.top)
    .attr('y2', HEIGHT - MARGIN.bottom);
  group
    .append('text')
    .attr('x', x + (left ? -5 : 5))
    .attr('y', MARGIN.top + 11)
    .attr('text-anchor', left ? 'end' : 'start')
    .text(words);
}

function drawSeries(svg: Svg, { kind, colour, points }: Series, x: Scale, y: Scale): void {
  const shown = points.filter((point) => Number.isFinite(y(point.y)));
  if (kind !== 'dots') {
    const path = line<Point>().x((point) => x(point.x)).y((point) => y(point.y))(shown); // biome-ignore format: one line
    svg.append('path').attr('class', `${colour} ${kind}`).attr('d', path);
  }
  if (kind === 'dashed' || shown.length > 80) return;
  const radius = kind === 'dots' ? 4 : 2.4;
  for (const point of shown) {
    const dot = svg
      .append('circle')
      .attr('class', colour)
      .attr('cx', x(point.x))
      .attr('cy', y(point.y))
      .attr('r', radius);
    dot.append('title').text(`${number(point.x)}: ${number(point.y)}`);
  }
}

function legend(series: readonly Series[]): HTMLElement {
  const caption = document.createElement('figcaption');
  for (const { name, kind, colour } of series) {
    const key = document.createElement('span');
    key.className = `key ${colour} ${kind}`;
    const label = document.createElement('span');
    label.append(key, name);
    caption.append(label);
  }
  return caption;
}
