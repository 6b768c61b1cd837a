import type { ActivationName } from '../../../lib/model/block.ts';

/** Activations as a textbook writes them, those with a slope at 0.1. */
export const FUNCTIONS: Partial<Record<ActivationName, (x: number) => number>> = {
  relu: (x) => Math.max(0, x),
  leaky_relu: (x) => (x < 0 ? 0.1 * x : x),
  tanh: Math.tanh,
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu6: (x) => Math.min(Math.max(0, x), 6),
  hard_tanh: (x) => Math.min(Math.max(-1, x), 1),
  hard_sigmoid: (x) => Math.min(Math.max(0, 0.1 * x + 0.5), 1),
  hard_swish: (x) => (x * Math.min(Math.max(0, x + 3), 6)) / 6,
  elu: (x) => (x < 0 ? 0.1 * (Math.exp(x) - 1) : x),
  selu: (x) => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * (Math.exp(x) - 1) : x),
  softplus: (x) => Math.log(1 + Math.exp(x)),
  mish: (x) => x * Math.tanh(Math.log(1 + Math.exp(x))),
};
