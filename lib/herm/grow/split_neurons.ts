import { dtypeBytes, floatDType, READERS, type Tensor, WRITERS } from '../../model/tensor.ts';

/** A neuron that becomes two: its copy goes behind all others, and the outputs are shared. */
export interface Split {
  readonly neuron: number;
  /** How much of its output weights it keeps. */
  readonly share: number;
}

/** Which axis of a tensor the neurons lie along: 0 for rows, 1 for columns. */
export type NeuronAxis = 0 | 1;

/** Both copies keep at least a quarter, and differ by at least as much: equal ones would train alike. */
const [LEAST_SHARE, MOST_SHARE] = [0.625, 0.875];

/** Neurons in the order of their output weights' norms, the largest first, again and again until there are enough. */
export function chooseSplits(norms: Float64Array, width: number, random: () => number): Split[] {
  const order = [...norms.keys()].sort((one, other) => norms[other]! - norms[one]! || one - other);
  return Array.from({ length: width - norms.length }, (_, at) => ({
    neuron: order[at % order.length]!,
    share: LEAST_SHARE + (MOST_SHARE - LEAST_SHARE) * random(),
  }));
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

/** The tensor with a copy of every split neuron behind the others, bit for bit. */
export function copyNeurons(tensor: Tensor, axis: NeuronAxis, splits: readonly Split[]): Tensor {
  const wide = widened(tensor, axis, splits.length);
  const { bytes, neurons, others, place } = placesOf(wide, axis);
  const first = neurons - splits.length;
  const run = axis === 0 ? others * bytes : bytes;
  for (let other = 0; other < (axis === 0 ? 1 : others); other++) {
    for (const [at, { neuron }] of splits.entries()) {
      const from = place(neuron, other);
      wide.data.copyWithin(place(first + at, other), from, from + run);
    }
  }
  return wide;
}

/** The tensor with the weights of every split neuron shared with a new one behind the others: both add up to them exactly. */
export function shareNeurons(tensor: Tensor, axis: NeuronAxis, splits: readonly Split[]): Tensor {
  const wide = widened(tensor, axis, splits.length);
  const { view, dtype, neurons, others, place } = placesOf(wide, axis);
  const [read, write] = [READERS[dtype], WRITERS[dtype]];
  const first = neurons - splits.length;
  for (let other = 0; other < others; other++) {
    for (const [at, { neuron, share }] of splits.entries()) {
      const [from, to] = [place(neuron, other), place(first + at, other)];
      const weight = read(view, from);
      // Adding −0 leaves every number as it is, also −0; what is not finite stays in one place, with its bits.
      if (weight === 0 || !Number.isFinite(weight)) {
        write(view, to, -0);
        continue;
      }
      write(view, from, share * weight);
      // Exact by Sterbenz's lemma; among denormals because all numbers are multiples of the smallest one.
      write(view, to, weight - read(view, from));
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

/** A copy with room for more neurons, zeros so far. */
function widened({ name, dtype, shape, data }: Tensor, axis: NeuronAxis, more: number): Tensor {
  const wide = shape.map((size, at) => (at === axis ? size + more : size));
  const rows = axis === 0 ? 1 : shape[0]!;
  const row = data.byteLength / rows;
  const wideRow = axis === 0 ? row + (row / shape[0]!) * more : (row / shape[1]!) * wide[1]!;
  const out = new Uint8Array(rows * wideRow);
  for (let at = 0; at < rows; at++) out.set(data.subarray(at * row, (at + 1) * row), at * wideRow);
  return { name, dtype, shape: wide, data: out };
}
