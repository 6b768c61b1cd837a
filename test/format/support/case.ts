import type { MergeTree } from '../../../lib/herm/tree.ts';
import type { WeightRef } from '../../../lib/model/block.ts';
import type { DType } from '../../../lib/model/tensor.ts';
import { makeNetwork, type Network, type NetworkOptions, randomTree } from './network.ts';
import { Random } from './random.ts';
import { gaussian } from './values.ts';

const PLAIN: NetworkOptions = {
  sizes: [5, 12, 9, 3],
  dtypes: ['F32'],
  biases: true,
  transposed: false,
  values: gaussian,
};

export interface CaseOptions extends Partial<NetworkOptions> {
  /** Neurons left by each tree; 1 by default. */
  readonly smallest?: number;
  readonly seed?: number;
  readonly coefficients?: (random: Random) => [number, number];
}

export interface Case extends Network {
  readonly trees: MergeTree[];
}

/** Several networks side by side in one model, as the layers of a transformer are: blocks of different ones share nothing. */
export function makeCases(all: readonly CaseOptions[]): Case {
  const cases = all.map((options, at) => {
    const { tensors, blocks, trees } = makeCase({ seed: at + 1, ...options });
    const named = (name: string) => `n${at}.${name}`;
    const optional = (name: string | undefined) => (name === undefined ? undefined : named(name));
    const ref = (weight: WeightRef) => ({ ...weight, tensor: named(weight.tensor) });
    return {
      tensors: tensors.map((tensor) => ({ ...tensor, name: named(tensor.name) })),
      blocks: blocks.map((block) => ({
        ...block,
        name: named(block.name),
        input: ref(block.input),
        bias: optional(block.bias),
        output: ref(block.output),
        outputBias: optional(block.outputBias),
        ...(block.gate && { gate: { weight: ref(block.gate.weight), bias: optional(block.gate.bias) } }),
      })),
      trees,
    };
  });
  return {
    tensors: cases.flatMap(({ tensors }) => tensors),
    blocks: cases.flatMap(({ blocks }) => blocks),
    trees: cases.flatMap(({ trees }) => trees),
  };
}

/** A network, by default 5-12-9-3 of F32 Gaussians, and a random hierarchy for each of its hidden layers. */
export function makeCase({ smallest = 1, seed = 1, coefficients, ...options }: CaseOptions = {}): Case {
  const random = new Random(seed);
  const network = makeNetwork(random, { ...PLAIN, ...options });
  const dtypeOf = (bias: string | undefined) =>
    network.tensors.find(({ name }) => name === bias)?.dtype as DType | undefined;
  const trees = network.blocks.map(({ neurons, bias, gate }) => {
    const gateMerges = gate && { biasDType: dtypeOf(gate.bias) };
    return randomTree(random, neurons, Math.min(smallest, neurons), dtypeOf(bias), coefficients, gateMerges);
  });
  return { ...network, trees };
}
