import type { BlockSpec } from '../block_option.ts';
import { commonParent, parentOf } from '../linears.ts';
import { findTensor } from '../parts.ts';
import type { TensorInfo } from '../tensor.ts';

/**
 * Tensors that are no part of any linear, by the two modules above theirs (`mlp.norm.weight`, `mlp.dwconv.conv.weight`): what
 * may act on hidden neurons beside a block's own weights.
 */
type Others = ReadonlyMap<string, readonly TensorInfo[]>;

/**
 * Tells blocks apart from those that have something of their own between their linears, with a number or a kernel for every
 * hidden neuron: a norm (BitNet, Magneto), a depthwise convolution (SegFormer), a learned activation. Such neurons
 * cannot be merged as if there was nothing.
 *
 * @returns what stands in a block, or undefined.
 */
export function betweenLinears(byName: ReadonlyMap<string, TensorInfo>): (spec: BlockSpec) => TensorInfo | undefined {
  const others = otherTensors(byName);
  return (spec) => {
    const [input, output] = [spec.input, spec.output].map((name) => findTensor(byName, name));
    if (input?.shape.length !== 2 || output?.shape.length !== 2) return undefined;
    const neurons = input.shape[spec.inputTransposed ? 1 : 0]!;
    // Where a block is as wide as what it reads or gives, the norm around it looks the same.
    const ends = [input.shape[spec.inputTransposed ? 0 : 1]!, output.shape[spec.outputTransposed ? 1 : 0]!];
    const told = !ends.includes(neurons);
    return others
      .get(commonParent(spec.input, spec.output))
      ?.find(({ name, shape }) => isOfEach(shape, neurons) && (told || shape.length > 1 || isStatistic(name)));
  };
}

function otherTensors(byName: ReadonlyMap<string, TensorInfo>): Others {
  const others = new Map<string, TensorInfo[]>();
  for (const tensor of byName.values()) {
    const module = parentOf(tensor.name);
    const weight = byName.get(`${module}.weight`);
    const isBias = weight !== undefined && weight !== tensor && weight.shape.length > 1;
    if (tensor.shape.length === 2 || isBias) continue;
    const parent = parentOf(module);
    for (const above of new Set([parent, parentOf(parent)])) {
      const below = others.get(above);
      if (below === undefined) others.set(above, [tensor]);
      else below.push(tensor);
    }
  }
  return others;
}

/** One number of every neuron, or one kernel. */
function isOfEach(shape: readonly number[], neurons: number): boolean {
  const depthwise = shape.length > 2 && shape[0] === neurons && shape[1] === 1;
  return depthwise || (shape.includes(neurons) && shape.every((size) => size === neurons || size === 1));
}

/** Of a BatchNorm, which follows a linear far more often than it precedes one. */
const isStatistic = (name: string) => name.endsWith('.running_mean');
