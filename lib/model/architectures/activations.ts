import { HermError } from '../../errors.ts';
import type { Activation } from '../block.ts';
import type { ConfigPart } from '../config.ts';

const plain = (name: Activation['name']): Activation => ({ name, slope: 1 });

/** Names that configurations use. Several of them are one function, computed with more or fewer roundings. */
const NAMES: Readonly<Record<string, Activation>> = {
  gelu: plain('gelu'),
  gelu_python: plain('gelu'),
  gelu_new: plain('gelu_tanh'),
  gelu_fast: plain('gelu_tanh'),
  gelu_accurate: plain('gelu_tanh'),
  gelu_pytorch_tanh: plain('gelu_tanh'),
  gelu_python_tanh: plain('gelu_tanh'),
  quick_gelu: plain('quick_gelu'),
  silu: plain('silu'),
  swish: plain('silu'),
  relu: plain('relu'),
  relu2: plain('relu2'),
  leaky_relu: { name: 'leaky_relu', slope: 0.01 },
  linear: plain('identity'),
  tanh: plain('tanh'),
  sigmoid: plain('sigmoid'),
  relu6: plain('relu6'),
  mish: plain('mish'),
  hardswish: plain('hard_swish'),
  hard_swish: plain('hard_swish'),
  elu: plain('elu'),
  selu: plain('selu'),
  softplus: plain('softplus'),
  // The `activation_fn` of diffusers.
  'gelu-approximate': plain('gelu_tanh'),
  'geglu-approximate': plain('quick_gelu'),
  geglu: plain('gelu'),
  swiglu: plain('silu'),
  // T5's `feed_forward_proj`.
  'gated-gelu': plain('gelu_tanh'),
  'gated-silu': plain('silu'),
  'gated-relu': plain('relu'),
};

/** Keys that configurations of all kinds use. */
export const ACTIVATION_KEYS = ['hidden_act', 'hidden_activation', 'activation_function', 'activation'];

/**
 * Settings by which a block computes something else than its names and its activation say: only the largest gates count
 * (Gemma 3n), gates and outputs are scaled (Falcon-H1), gates are clipped (GPT-OSS). Numbers that change nothing are 0 or 1.
 */
const OTHERWISE = ['activation_sparsity_pattern', 'mlp_multipliers', 'swiglu_limit'];

/**
 * What a configuration says of the activation, under the first of these keys that is set; undefined where none is.
 *
 * @throws HermError `ACTIVATION` for one that hermkit does not know.
 */
export function configuredActivation(
  { file, settings }: ConfigPart,
  keys: readonly string[],
  block: string,
): Activation | undefined {
  for (const key of OTHERWISE) {
    const value = settings[key];
    if (value === undefined || value === null || [value].flat().every((one) => one === 0 || one === 1)) continue;
    const why = `${file} says ${key}: ${JSON.stringify(value).slice(0, 60)}. So its blocks do more than an activation, which hermkit does not know. Where it does not concern them, say their activation with --activation.`;
    throw new HermError('ACTIVATION', why, { file, key, value, block });
  }
  for (const key of keys) {
    const value = settings[key];
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' && Object.hasOwn(NAMES, value)) return NAMES[value];
    const why = `${file} says ${key}: ${JSON.stringify(value)}, an activation that hermkit does not know.`;
    throw new HermError('ACTIVATION', `${why} If it is another name of one that it knows, say so with --activation.`, {
      file,
      key,
      value,
      block,
    });
  }
  return undefined;
}

export function defaultActivation(name: Activation['name']): Activation {
  return plain(name);
}
