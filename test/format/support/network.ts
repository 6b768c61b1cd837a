import { allocateTree, type MergeTree } from '../../../lib/herm/tree.ts';
import type { Block } from '../../../lib/model/block.ts';
import { type DType, fromFloat64, type Tensor, toFloat64 } from '../../../lib/model/tensor.ts';
import type { Random } from './random.ts';

export interface NetworkOptions {
  /** n, m₁, …, p */
  readonly sizes: readonly number[];
  /** Of each layer's weights (the last one repeats). */
  readonly dtypes: readonly DType[];
  readonly biases: boolean;
  /** Neurons as columns of their input weights, as TensorFlow stores them. */
  readonly transposed: boolean;
  /** The first hidden layer has a gate, `gate0` beside `fc0`, in the dtype of the layer after. */
  readonly gated?: boolean;
  /** The numbers of one tensor of a layer. */
  readonly values: (random: Random, count: number, dtype: DType) => number[];
}

export interface Network {
  readonly tensors: Tensor[];
  readonly blocks: Block[];
}

/** A plain MLP: every hidden layer is a block. */
export function makeNetwork(random: Random, options: NetworkOptions): Network {
  const { sizes, dtypes, transposed } = options;
  const layers = sizes.slice(1).map((_, layer) => layer);
  const dtypeOf = (layer: number) => dtypes[Math.min(layer, dtypes.length - 1)]!;
  const linear = (name: string, layer: number, dtype: DType) => {
    const [inputs, outputs] = [sizes[layer]!, sizes[layer + 1]!];
    const make = (part: string, shape: number[]) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return fromFloat64(options.values(random, count, dtype), dtype, `${name}.${part}`, shape);
    };
    const weight = make('weight', transposed ? [inputs, outputs] : [outputs, inputs]);
    return options.biases ? [weight, make('bias', [outputs])] : [weight];
  };
  const tensors = layers.flatMap((layer) => linear(`fc${layer}`, layer, dtypeOf(layer)));
  if (options.gated) tensors.push(...linear('gate0', 0, dtypeOf(1)));
  return { tensors, blocks: layers.slice(1).map((layer) => makeBlock(options, layer)) };
}

/** The hidden layer between weights `layer − 1` and `layer`. */
function makeBlock({ sizes, biases, transposed, gated }: NetworkOptions, layer: number): Block {
  const [inputs, neurons, outputs] = [sizes[layer - 1]!, sizes[layer]!, sizes[layer + 1]!];
  const ref = (index: number, from: number, to: number, flip: boolean, name = `fc${index}`) => ({
    tensor: `${name}.weight`,
    rows: transposed ? from : to,
    cols: transposed ? to : from,
    transposed: flip !== transposed,
  });
  const gate = { weight: ref(0, inputs, neurons, false, 'gate0'), bias: biases ? 'gate0.bias' : undefined };
  return {
    ...(gated && layer === 1 && { gate }),
    name: `fc${layer - 1}`,
    activation: { name: 'relu', slope: 0 },
    neurons,
    inputs,
    outputs,
    input: ref(layer - 1, inputs, neurons, false),
    bias: biases ? `fc${layer - 1}.bias` : undefined,
    output: ref(layer, neurons, outputs, true),
    outputBias: biases ? `fc${layer}.bias` : undefined,
  };
}

const HALF = { one: 0x3c00, half: 0x3800, zero: 0, negativeZero: 0x8000, tiny: 1, largest: 0x7bff };

/** Coefficients of all kinds: means, absorptions, arbitrary and extreme ones. */
export function anyCoefficients(random: Random): [number, number] {
  switch (random.below(8)) {
    case 0:
      return [HALF.half, HALF.half];
    case 1:
      return [HALF.one, HALF.zero];
    case 2:
      return [HALF.zero, HALF.one];
    case 3:
      return [HALF.one, HALF.negativeZero];
    case 4:
      return random.pick([
        [HALF.tiny, HALF.largest],
        [HALF.largest, HALF.largest | 0x8000],
        [HALF.tiny, HALF.zero],
      ] as [number, number][]);
    default:
      // Exponents from 2^-3 to 2^1, any mantissa, any sign.
      return [0, 0].map(() => (random.below(2) << 15) | ((12 + random.below(5)) << 10) | random.below(1024)) as [
        number,
        number,
      ];
  }
}

/** Means and absorptions only. */
export function mildCoefficients(random: Random): [number, number] {
  return random.pick([
    [HALF.half, HALF.half],
    [HALF.one, HALF.zero],
    [HALF.zero, HALF.one],
  ]);
}

/** Merges random pairs of living neurons until `smallest` are left. */
export function randomTree(
  random: Random,
  neurons: number,
  smallest: number,
  biasDType: DType | undefined,
  coefficients = anyCoefficients,
  gate?: { readonly biasDType: DType | undefined },
): MergeTree {
  const merges = neurons - smallest;
  const living = Array.from({ length: neurons }, (_, slot) => slot);
  const tree = allocateTree(neurons, merges);
  for (let t = 0; t < merges; t++) tree.cost[t] = Math.ceil(256 * random.unit()) / 256;
  for (let t = 0; t < merges; t++) {
    const [a, b] = [random.below(living.length), random.below(living.length - 1)];
    const [x, y] = [living[a]!, living.filter((_, at) => at !== a)[b]!];
    const [i, j] = [Math.min(x, y), Math.max(x, y)];
    tree.pairs.set([i, j], 2 * t);
    living.splice(living.indexOf(j), 1);
    tree.alpha.set(coefficients(random), 2 * t);
    tree.beta.set(coefficients(random), 2 * t);
  }
  const biasesIn = (dtype: DType | undefined): Float64Array => {
    if (dtype === undefined) return new Float64Array(merges);
    const values = Array.from(tree.bias, () => random.gauss());
    return toFloat64(fromFloat64(values, dtype, 'bias', [merges]));
  };
  const bias = biasesIn(biasDType);
  if (gate === undefined) return { ...tree, bias };
  const alpha = Uint16Array.from(Array.from({ length: merges }, () => coefficients(random)).flat());
  return { ...tree, bias, gate: { alpha, bias: biasesIn(gate.biasDType) } };
}
