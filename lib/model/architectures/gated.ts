import type { FeedForward, NormPlace } from './feed_forward.ts';

const rmsnorm = (...at: string[]): NormPlace => ({ kind: 'rmsnorm', at });
const AFTER_ATTENTION = rmsnorm('post_attention_layernorm');

const COMMON = { activationKeys: ['hidden_act'], width: 'intermediate_size', hidden: 'hidden_size' } as const;

const LLAMA_LIKE = {
  ...{ layers: ['layers.#'], gate: 'mlp.gate_proj', input: 'mlp.up_proj', output: 'mlp.down_proj' },
  ...COMMON,
} as const;

const LLAMA_TYPES = ['llama', 'mistral', 'qwen2', 'qwen3', 'granite', 'smollm3'];
const MOE_TYPES = ['qwen2_moe', 'qwen3_moe'];

/** The linears of an expert, or of all experts' common part, at `part` of a layer. */
const expert = (part: string): Omit<FeedForward, 'name' | 'modelTypes'> => ({
  ...{ ...COMMON, layers: ['layers.#'], activation: 'silu', norm: AFTER_ATTENTION },
  ...{ gate: `${part}.gate_proj`, input: `${part}.up_proj`, output: `${part}.down_proj` },
});

const GEMMA_KEYS = ['hidden_activation', 'hidden_act'];
const ONE_PLUS = { kind: 'rmsnorm', offset: 1 } as const;

/** V (φ(G x + b_g) ⊙ (W x + b)) + c. */
export const GATED: readonly FeedForward[] = [
  {
    ...{ ...LLAMA_LIKE, name: 'Llama', modelTypes: LLAMA_TYPES, activation: 'silu', norm: AFTER_ATTENTION },
    without: ['pre_feedforward_layernorm', 'post_feedforward_layernorm'],
  },
  {
    ...{ ...LLAMA_LIKE, name: 'Gemma', modelTypes: ['gemma'], activation: 'gelu_tanh', activationKeys: GEMMA_KEYS },
    norm: { ...ONE_PLUS, at: ['post_attention_layernorm'] },
    without: ['pre_feedforward_layernorm', 'post_feedforward_layernorm'],
  },
  {
    ...{ ...LLAMA_LIKE, name: 'Gemma 2, 3', modelTypes: ['gemma2', 'gemma3', 'gemma3_text'] },
    ...{ activation: 'gelu_tanh', activationKeys: GEMMA_KEYS },
    norm: { ...ONE_PLUS, at: ['pre_feedforward_layernorm'] },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'StableLM', modelTypes: ['stablelm'], activation: 'silu' },
    norm: { kind: 'layernorm', at: ['post_attention_layernorm', 'input_layernorm'] },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'Cohere', modelTypes: ['cohere'], activation: 'silu' },
    ...{ norm: { kind: 'layernorm', bias: false, at: ['input_layernorm'] }, without: ['post_attention_layernorm'] },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'OLMo 2', modelTypes: ['olmo2', 'olmo3'], activation: 'silu', norm: undefined },
    ...{ marks: ['post_feedforward_layernorm'], without: ['pre_feedforward_layernorm'] },
  },
  {
    ...{ ...expert('mlp.experts.#'), name: 'experts', modelTypes: MOE_TYPES, width: 'moe_intermediate_size' },
  },
  {
    ...{ ...expert('mlp.shared_expert'), name: 'shared expert', modelTypes: MOE_TYPES },
    width: 'shared_expert_intermediate_size',
  },
  {
    ...{ ...expert('mlp'), name: 'dense layers of experts', modelTypes: MOE_TYPES },
    without: ['pre_feedforward_layernorm', 'post_feedforward_layernorm'],
  },
  {
    ...{ name: 'Mixtral', modelTypes: ['mixtral'], layers: ['layers.#'], activation: 'silu', norm: AFTER_ATTENTION },
    gate: 'block_sparse_moe.experts.#.w1',
    input: 'block_sparse_moe.experts.#.w3',
    output: 'block_sparse_moe.experts.#.w2',
    ...COMMON,
  },
  {
    ...{ name: 'Llama (original)', modelTypes: [], layers: ['layers.#'], activation: 'silu' },
    ...{ gate: 'feed_forward.w1', input: 'feed_forward.w3', output: 'feed_forward.w2' },
    ...{ activationKeys: [], norm: rmsnorm('ffn_norm'), width: undefined, hidden: 'dim' },
  },
  {
    ...{ name: 'T5 v1.1', modelTypes: ['t5', 'mt5', 'umt5', 'longt5'], layers: ['block.#.layer.#'] },
    ...{ gate: 'DenseReluDense.wi_0', input: 'DenseReluDense.wi_1', output: 'DenseReluDense.wo' },
    ...{ activation: 'gelu_tanh', activationKeys: ['dense_act_fn', 'feed_forward_proj'], norm: rmsnorm('layer_norm') },
    ...{ width: 'd_ff', hidden: 'd_model' },
  },
  {
    ...{ name: 'Phi-3', modelTypes: ['phi3', 'glm', 'glm4'], layers: ['layers.#'], input: 'mlp.gate_up_proj' },
    ...{ output: 'mlp.down_proj', fused: true, activation: 'silu', norm: AFTER_ATTENTION, ...COMMON },
  },
  {
    ...{ name: 'ModernBERT', modelTypes: ['modernbert', 'modernbert-decoder'], layers: ['layers.#'], input: 'mlp.Wi' },
    ...{ output: 'mlp.Wo', fused: true, activation: 'gelu', ...COMMON, activationKeys: ['hidden_activation'] },
    norm: { kind: 'layernorm', bias: false, at: ['mlp_norm'] },
  },
  {
    ...{ name: 'DINOv2 (SwiGLU)', modelTypes: ['dinov2', 'dinov2_with_registers'], layers: ['layer.#'] },
    ...{ input: 'mlp.weights_in', output: 'mlp.weights_out', fused: true, activation: 'silu', activationKeys: [] },
    ...{ norm: { kind: 'layernorm', at: ['norm2'] }, width: undefined, hidden: 'hidden_size' },
  },
];
