import { dtypeBytes, floatDType, READERS, type Tensor, WRITERS } from '../../model/tensor.ts';

/** A neuron that becomes two: a copy comes to its side, and the outputs are shared. Positions are those in the grown block. */
export interface Split {
  readonly neuron: number;
  readonly copy: number;
}

/** How one block grows. */
export interface Growth {
  readonly width: number;
  /** [neurons] where each of them is in the grown block. */
  readonly places: Uint32Array;
  /** One after the other; what came of one may be split by a later one. */
  readonly splits: readonly Split[];
  /** [splits] how much of its weight to one of the block's outputs each split neuron keeps, from 0 to 1. Good until the next call. */
  sharesOf(output: number): Float64Array;
}

/** Which axis of a tensor the neurons lie along: 0 for rows, 1 for columns. */
export type NeuronAxis = 0 | 1;

/** Both copies keep at least a quarter, and differ by at least as much: equal ones would train alike. */
const [LEAST_SHARE, MOST_SHARE] = [0.625, 0.875];

/** A share that keeps copies apart. */
export function drawShare(random: () => number): number {
  return LEAST_SHARE + (MOST_SHARE - LEAST_SHARE) * random();
}

/**
 * Neurons are split in the order of their output weights' norms, the largest first, again and again until there are enough. They keep
 * their places; copies come behind them.
 */
export function growthByNorms(norms: Float64Array, width: number, random: () => number): Growth {
  const order = [...norms.keys()].sort((one, other) => norms[other]! - norms[one]! || one - other);
  const splits = Array.from({ length: width - norms.length }, (_, at) => ({
    neuron: order[at % order.length]!,
    copy: norms.length + at,
  }));
  const shares = Float64Array.from(splits, () => drawShare(random));
  return { width, places: Uint32Array.from(norms.keys()), splits, sharesOf: () => shares };
}

/** Euclidean norms of the neurons' weights; 0 where they are not finite. */
export function neuronNorms(tensor: Tensor, axis: NeuronAxis): Float64Array {
  const { view, dtype, neurons, others, place } = placesOf(tensor, axis);
  return Float64Array.from({ length: neurons }, (_, neuron) => {
    let sum = 0;
    for (let other = 0; other < others; other++) sum += READERS[dtype](view, place(neuron, other)) ** 2;
    return Number.isFinite(sum) ? Math.sqrt(sum) : 0;
  });
}

/** For every place on a matrix's other axis, the weights [neurons] there. */
export function axisNumbers(tensor: Tensor, axis: NeuronAxis): (other: number) => Float64Array {
  const { view, dtype, neurons, place } = placesOf(tensor, axis);
  return (other) => Float64Array.from({ length: neurons }, (_, neuron) => READERS[dtype](view, place(neuron, other)));
}

/** The tensor with a copy of every split neuron, bit for bit. */
export function copyNeurons(tensor: Tensor, axis: NeuronAxis, growth: Growth): Tensor {
  const wide = widened(tensor, axis, growth);
  const { bytes, others, place } = placesOf(wide, axis);
  const run = axis === 0 ? others * bytes : bytes;
  for (let other = 0; other < (axis === 0 ? 1 : others); other++) {
    for (const { neuron, copy } of growth.splits) {
      const from = place(neuron, other);
      wide.data.copyWithin(place(copy, other), from, from + run);
    }
  }
  return wide;
}

/** The tensor with the weights of every split neuron shared with its copy: both add up to them exactly. */
export function shareNeurons(tensor: Tensor, axis: NeuronAxis, growth: Growth): Tensor {
  const wide = widened(tensor, axis, growth);
  const { view, dtype, others, place } = placesOf(wide, axis);
  const [read, write] = [READERS[dtype], WRITERS[dtype]];
  for (let other = 0; other < others; other++) {
    const shares = growth.sharesOf(other);
    for (const [at, { neuron, copy }] of growth.splits.entries()) {
      const [own, its] = [place(neuron, other), place(copy, other)];
      const weight = read(view, own);
      // Adding −0 leaves every number as it is, also −0; what is not finite stays in one place, with its bits.
      if (weight === 0 || !Number.isFinite(weight)) {
        write(view, its, -0);
        continue;
      }
      const keeps = shares[at]!;
      const [larger, smaller] = keeps >= 0.5 ? [own, its] : [its, own];
      write(view, larger, Math.max(keeps, 1 - keeps) * weight);
      // Exact by Sterbenz's lemma; among denormals because all numbers are multiples of the smallest one.
      write(view, smaller, weight - read(view, larger));
    }
  }
  return wide;
}

function placesOf({ dtype: name, shape, data }: Tensor, axis: NeuronAxis) {
  const dtype = floatDType(name);
  const bytes = dtypeBytes(dtype);
  const [rows, cols = 1] = shape as [number, number?];
  const place =
    axis === 0
      ? (neuron: number, other: number) => (neuron * cols + other) * bytes
      : (neuron: number, other: number) => (other * cols + neuron) * bytes;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [neurons, others] = axis === 0 ? [rows, cols] : [cols, rows];
  return { view, dtype, bytes, neurons, others, place };
}

/** A copy with the neurons in their new places, zeros elsewhere so far. */
function widened(tensor: Tensor, axis: NeuronAxis, { width, places }: Growth): Tensor {
  const { name, dtype, shape, data } = tensor;
  const wide = shape.map((size, at) => (at === axis ? width : size));
  const from = placesOf(tensor, axis);
  const out = { name, dtype, shape: wide, data: new Uint8Array((data.byteLength / places.length) * width) };
  const to = placesOf(out, axis);
  const neuronBytes = axis === 0 ? from.others * from.bytes : from.bytes;
  const runs = runsOf(places);
  for (let other = 0; other < (axis === 0 ? 1 : from.others); other++) {
    for (const { first, count } of runs) {
      const start = from.place(first, other);
      out.data.set(data.subarray(start, start + count * neuronBytes), to.place(places[first]!, other));
    }
  }
  return out;
}

/** Neurons whose places follow each other. */
function runsOf(places: Uint32Array): { readonly first: number; readonly count: number }[] {
  const starts = [...places.keys()].filter((at) => at === 0 || places[at] !== places[at - 1]! + 1);
  return starts.map((first, at) => ({ first, count: (starts[at + 1] ?? places.length) - first }));
}
