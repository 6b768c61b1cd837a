import type { Activation } from '../model/block.ts';
import type { OnnxGraph } from './graph.ts';
import { evaluateRegion, type Region, varyingInputs } from './region.ts';

type Affine = NonNullable<Activation['affine']>;

/** A region without some of its first and last nodes. */
interface Peeled {
  readonly core: Region;
  /** [a, c, s, d]: the region computes s·f(a·x + c) + d where its core computes f. */
  readonly affine: Affine;
}

/** Exporters write no more of them. */
const MOST = 4;
/** That a function is no line, or has limits, shows at one of these. */
const PROBES = Float64Array.of(0, 1, -1, 2, 8, 1e18, -1e18);
const ROUNDING = 1e-9;

/**
 * What is left of a region without nodes before and behind that make a line of a number; the fewest nodes off first. Nothing
 * where all of it is a line.
 */
export async function peeled(graph: OnnxGraph, region: Region): Promise<Peeled[]> {
  if ((await lineOf(graph, region)) !== undefined) return [];
  const inner = await innerValues(graph, region);
  const outer = await outerValues(graph, region);
  const found = inner.flatMap((first, i) =>
    outer.map((last, j) => {
      const core = { ...region, input: first.value, output: last.value };
      const affine: Affine = [first.scale, first.shift, last.scale, last.shift];
      return { core, affine, off: i + j };
    }),
  );
  return found.filter(({ off }) => off > 0).sort((a, b) => a.off - b.off);
}

/** The lines around a function that has lines of its own around it. */
export function composed(own: Affine = [1, 0, 1, 0], [a, c, s, d]: Affine): Affine {
  return [own[0] * a, own[0] * c + own[1], s * own[2], s * own[3] + d];
}

interface Value {
  readonly value: string;
  readonly scale: number;
  readonly shift: number;
}

/** The region's input, and values that lines make of it, each read by one node alone. */
async function innerValues(graph: OnnxGraph, region: Region): Promise<Value[]> {
  const values: Value[] = [{ value: region.input, scale: 1, shift: 0 }];
  while (values.length <= MOST) {
    const { value } = values.at(-1)!;
    const readers = [...region.nodes].filter((node) => graph.nodes[node]!.input.includes(value));
    const [next] = readers.length === 1 ? graph.nodes[readers[0]!]!.output : [];
    const line = next === undefined ? undefined : await lineOf(graph, { ...region, output: next });
    if (line === undefined) break;
    values.push({ value: next!, ...line });
  }
  return values;
}

/** The region's output, and values that lines make it of. */
async function outerValues(graph: OnnxGraph, region: Region): Promise<Value[]> {
  const values: Value[] = [{ value: region.output, scale: 1, shift: 0 }];
  while (values.length <= MOST) {
    const { value } = values.at(-1)!;
    const producer = graph.producers.get(value);
    const [before, ...others] = varyingInputs(graph, graph.nodes[producer!]!);
    if (before === undefined || others.length > 0) break;
    const line = await lineOf(graph, { ...region, input: before });
    if (line === undefined) break;
    values.push({ value: before, ...line });
  }
  return values;
}

/** Scale (not 0) and shift of what a region computes, if that is a line. */
async function lineOf(graph: OnnxGraph, region: Region): Promise<Omit<Value, 'value'> | undefined> {
  const [shift, atOne, ...others] = await evaluateRegion(graph, region, PROBES);
  const scale = atOne! - shift!;
  const isLine = others.every((y, at) => {
    const x = PROBES[at + 2]!;
    return Math.abs(y - (shift! + scale * x)) <= ROUNDING * (Math.abs(shift!) + Math.abs(scale * x));
  });
  return isLine && scale !== 0 ? { scale, shift: shift! } : undefined;
}
