import type { ActivationName } from '../block.ts';

/** The norm whose output a feed-forward block reads. */
export interface NormPlace {
  readonly kind: 'layernorm' | 'rmsnorm';
  /** What is added to its weights: 1 where these are stored as their difference from 1 (Gemma, Nemotron). */
  readonly offset?: 1;
  /** Whether it has a bias; by default a layernorm has one. */
  readonly bias?: boolean;
  /** Its names in the layer; the first one that the model has is it. */
  readonly at: readonly string[];
}

export const layernorm = (...at: string[]): NormPlace => ({ kind: 'layernorm', at });
export const rmsnorm = (...at: string[]): NormPlace => ({ kind: 'rmsnorm', at });

/** What most configurations call these. */
export const COMMON = { activationKeys: ['hidden_act'], width: 'intermediate_size', hidden: 'hidden_size' } as const;

/** Llama's linears, at `part` of a layer. */
export const gatedLinears = (part: string) =>
  ({ gate: `${part}.gate_proj`, input: `${part}.up_proj`, output: `${part}.down_proj` }) as const;

/** Weights of BERT and of all that were written after it. */
export const BERT_LIKE = {
  ...COMMON,
  input: 'intermediate.dense',
  output: 'output.dense',
  activation: 'gelu',
} as const;

/**
 * The feed-forward block of one architecture: how its tensors are called, and what they compute. `#` in a name stands for
 * a number. Names are those of checkpoints, without `.weight` and `.bias`; anything may stand in front of `layers`.
 */
export interface FeedForward {
  /** What messages and tables call it. */
  readonly name: string;
  /** `model_type` of config.json. */
  readonly modelTypes: readonly string[];
  /** Where layers are, `h.#`. */
  readonly layers: readonly string[];
  /** Within a layer: W, of a gated block the value branch; of a fused one gate and value in one tensor. */
  readonly input: string;
  /** Within a layer: V. */
  readonly output: string;
  /** Within a layer: G; undefined: not gated, or fused. */
  readonly gate?: string;
  /** Which of the two comes first. */
  readonly fused?: 'gate' | 'value';
  /** Weights are stored [in×out], as TensorFlow and GPT-2's Conv1D do. */
  readonly transposed?: true;
  /** What the architecture has unless its config says otherwise; undefined: only a config can tell. */
  readonly activation: ActivationName | undefined;
  /** Keys of config.json that may say the activation; the first one that is set counts. */
  readonly activationKeys: readonly string[];
  /** Undefined: the block reads what no norm has touched. */
  readonly norm: NormPlace | undefined;
  /** The key of config.json that says the number of neurons; undefined: loaders compute it from the hidden size. */
  readonly width: string | undefined;
  /** The key of config.json that says the number of inputs; undefined: layers differ in it. */
  readonly hidden: string | undefined;
  /** Settings of config.json that this entry is for, each with the values that it may have; undefined: it is missing. */
  readonly when?: Readonly<Record<string, readonly unknown[]>>;
  /** Where other architectures have the same names: parts of names of which the model must have one, or none. */
  readonly marks?: readonly string[];
  readonly unmarked?: readonly string[];
  /** Names that many architectures share: others that fit are preferred. */
  readonly generic?: true;
  /** Names that say too little: believed only where config.json names the architecture. */
  readonly configured?: true;
  /** Names in the layer that the model must not have. */
  readonly without?: readonly string[];
}
