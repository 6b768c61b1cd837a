import type { Checkpoint, Expected } from './checkpoints.ts';

/** Sizes of all miniatures: H of the residual stream, M neurons. */
export const H = 6;
export const M = 16;
const LAYERS = 2;

type Shapes = Record<string, readonly number[]>;

const linear = (name: string, outputs: number, inputs: number, bias = true): Shapes => ({
  [`${name}.weight`]: [outputs, inputs],
  ...(bias && { [`${name}.bias`]: [outputs] }),
});
const conv1d = (name: string, outputs: number, inputs: number): Shapes => ({
  [`${name}.weight`]: [inputs, outputs],
  [`${name}.bias`]: [outputs],
});
const norm = (name: string, bias = true): Shapes => ({
  [`${name}.weight`]: [H],
  ...(bias && { [`${name}.bias`]: [H] }),
});

interface Place {
  readonly name: string;
  readonly kind: string;
  readonly bias: boolean;
  readonly offset?: number;
}

interface Plan {
  readonly name: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** In front of every layer: `transformer.h.#`. */
  readonly layers: string;
  readonly activation: string;
  readonly input: string;
  readonly output: string;
  readonly gate?: string;
  /** Gate and value are one tensor; by default the gate is its first half. */
  readonly fused?: true | 'value first';
  readonly transposed?: true;
  readonly bias: boolean;
  /** What the block is called, within the layer; '' where it is the layer. */
  readonly part: string;
  readonly norm?: Place;
  /** Other tensors of a layer. */
  readonly beside?: (layer: string) => Shapes;
  /** Other tensors of the model. */
  readonly around?: Shapes;
  readonly neurons?: number;
  readonly count?: number;
  readonly widths?: readonly string[];
}

/** A checkpoint whose layers are all alike. */
export function plan({ name, config, around = {}, widths, ...layer }: Plan): Checkpoint {
  const numbers = Array.from({ length: layer.count ?? LAYERS }, (_, n) => n);
  const layers = numbers.map((n) => layer.layers.replace('#', String(n)));
  const tensors = layers.map((at) => layerTensors(at, layer));
  return {
    name,
    ...(config && { config }),
    ...(widths && { widths }),
    tensors: Object.assign({}, around, ...tensors) as Shapes,
    blocks: layers.map((at) => expected(at, layer)),
  };
}

function layerTensors(at: string, layer: Omit<Plan, 'name'>): Shapes {
  const { input, output, gate, fused, transposed, bias, beside, neurons = M } = layer;
  const make = transposed ? conv1d : linear;
  const norms = layer.norm && norm(`${at}.${layer.norm.name}`, layer.norm.bias);
  return {
    ...beside?.(at),
    ...norms,
    ...(gate && linear(`${at}.${gate}`, neurons, H, bias)),
    ...make(`${at}.${input}`, fused ? 2 * neurons : neurons, H, bias),
    ...make(`${at}.${output}`, H, neurons, bias),
  };
}

function expected(
  at: string,
  { input, output, gate, fused, transposed, bias, ...layer }: Omit<Plan, 'name'>,
): Expected {
  const half = (tensor: string, part: number) => (fused ? `${tensor}[${part}/2]` : tensor);
  const [gateHalf, valueHalf] = fused === 'value first' ? [2, 1] : [1, 2];
  const weight = `${at}.${input}.weight`;
  const gateWeight = fused ? half(weight, gateHalf) : gate && `${at}.${gate}.weight`;
  const gateBias = fused ? half(`${at}.${input}.bias`, gateHalf) : gate && `${at}.${gate}.bias`;
  const place = layer.norm && `${at}.${layer.norm.name}`;
  return {
    name: layer.part === '' ? at : `${at}.${layer.part}`,
    activation: layer.activation,
    input: half(weight, valueHalf),
    output: `${at}.${output}.weight`,
    ...(gateWeight && { gate: gateWeight }),
    ...(transposed && { transposed }),
    ...(bias && { bias: half(`${at}.${input}.bias`, valueHalf), outputBias: `${at}.${output}.bias` }),
    ...(bias && gateBias && { gateBias }),
    ...(layer.norm && {
      norm: {
        ...{ kind: layer.norm.kind, weight: `${place}.weight`, offset: layer.norm.offset ?? 0 },
        ...(layer.norm.bias && { bias: `${place}.bias` }),
      },
    }),
  };
}

/** Attention's own linears, which are no part of a feed-forward block. */
export const projections =
  (...names: readonly string[]) =>
  (layer: string): Shapes =>
    Object.assign({}, ...names.map((name) => linear(`${layer}.${name}`, H, H, false))) as Shapes;

export const embedding = (name: string): Shapes => ({ [`${name}.weight`]: [11, H] });
export const layernorm = (name: string, bias = true) => ({ name, kind: 'layernorm', bias });
export const rmsnorm = (name: string, offset = 0) => ({ name, kind: 'rmsnorm', bias: false, offset });
export { norm as normTensors };

/** One checkpoint of several parts. */
export const merge = (name: string, config: object, ...parts: readonly Checkpoint[]): Checkpoint => ({
  name,
  config: { ...config },
  tensors: Object.assign({}, ...parts.map(({ tensors }) => tensors)) as Shapes,
  blocks: parts.flatMap(({ blocks }) => blocks),
  widths: parts.flatMap(({ widths = [] }) => widths),
});

/** A checkpoint of experts, whose norm lies outside of what {@link plan} calls a layer. */
export function withNorm(checkpoint: Checkpoint, { name, kind, bias, offset = 0 }: Place): Checkpoint {
  const place = { kind, weight: `${name}.weight`, offset, ...(bias && { bias: `${name}.bias` }) };
  return {
    ...checkpoint,
    tensors: { ...checkpoint.tensors, ...norm(name, bias) },
    blocks: checkpoint.blocks.map((block) => ({ ...block, norm: place })),
  };
}
