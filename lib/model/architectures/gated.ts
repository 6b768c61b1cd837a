import { COMMON, type FeedForward, gatedLinears, layernorm, rmsnorm } from './feed_forward.ts';
import { DIFFUSERS } from './vision.ts';

const AFTER_ATTENTION = rmsnorm('post_attention_layernorm');

const LLAMA_LIKE = {
  ...{ layers: ['layers.#'], ...gatedLinears('mlp'), ...COMMON },
} as const;

const LLAMA_TYPES = [
  ...['llama', 'mistral', 'ministral', 'ministral3', 'qwen2', 'qwen3', 'granite', 'smollm3', 'ernie4_5', 'seed_oss'],
  ...['hunyuan_v1_dense', 'helium', 'cwm', 'diffllama', 'eurobert', 'minicpm3', 'mllama', 'mllama_text_model'],
  ...['qwen2_vl', 'qwen2_5_vl', 'qwen3_vl'].flatMap((type) => [type, `${type}_text`]),
];

const GEMMA_KEYS = ['hidden_activation', 'hidden_act'];
const ONE_PLUS = { kind: 'rmsnorm', offset: 1 } as const;

const GLM_VISUALS = ['glm4v', 'glm4v_vision', 'glm4v_moe', 'glm4v_moe_vision'];
const LFM2: Omit<FeedForward, 'name' | 'modelTypes'> = {
  ...{ layers: ['layers.#'], gate: 'feed_forward.w1', input: 'feed_forward.w3', output: 'feed_forward.w2' },
  ...{ activation: 'silu', norm: rmsnorm('ffn_norm'), ...COMMON, activationKeys: [] },
};

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
    ...{
      ...LLAMA_LIKE,
      name: 'OLMo 2',
      modelTypes: ['olmo2', 'olmo3', 'exaone4'],
      activation: 'silu',
      norm: undefined,
    },
    ...{ marks: ['post_feedforward_layernorm'], without: ['pre_feedforward_layernorm'] },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'Qwen3.5', modelTypes: ['qwen3_5', 'qwen3_5_text'], activation: 'silu' },
    ...{ norm: { ...ONE_PLUS, at: ['post_attention_layernorm'] }, configured: true },
  },
  {
    ...{ ...LLAMA_LIKE, ...gatedLinears('feed_forward'), name: 'Pixtral', modelTypes: ['pixtral'] },
    ...{ activation: 'gelu', norm: rmsnorm('ffn_norm') },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'Qwen2.5-VL (vision)', modelTypes: ['qwen2_5_vl', 'qwen2_5_vl_vision'] },
    ...{ layers: ['blocks.#'], activation: 'silu', norm: rmsnorm('norm2') },
  },
  {
    ...{
      ...LLAMA_LIKE,
      name: 'GLM-4V (vision)',
      modelTypes: ['glm4v', 'glm4v_vision', 'glm4v_moe', 'glm4v_moe_vision'],
    },
    ...{ layers: ['blocks.#'], activation: 'silu', norm: rmsnorm('norm2'), width: undefined },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'GLM-4V, merger', modelTypes: GLM_VISUALS },
    ...{ layers: ['visual.merger'], gate: 'gate_proj', input: 'up_proj', output: 'down_proj', activation: 'silu' },
    ...{ norm: undefined, hidden: 'out_hidden_size', configured: true },
  },
  {
    ...{ ...LLAMA_LIKE, name: 'DINOv3 (gated)', modelTypes: ['dinov3_vit'], layers: ['layer.#'] },
    ...{ activation: 'gelu', norm: layernorm('norm2') },
  },
  {
    ...{ ...LLAMA_LIKE, ...gatedLinears('mlp_block'), name: 'RecurrentGemma', modelTypes: ['recurrent_gemma'] },
    ...{ activation: 'gelu_tanh', activationKeys: ['hidden_activation'], width: undefined },
    norm: { ...ONE_PLUS, at: ['channel_pre_norm'] },
  },
  {
    ...{ ...LFM2, name: 'Llama (original)', modelTypes: [], width: undefined, hidden: 'dim' },
  },
  {
    ...{ ...LFM2, name: 'LFM2', modelTypes: ['lfm2'], configured: true },
    when: { block_auto_adjust_ff_dim: [false] },
  },
  {
    ...{ ...LFM2, name: 'LFM2', modelTypes: ['lfm2'], configured: true, width: undefined },
    when: { block_auto_adjust_ff_dim: [true, undefined] },
  },
  {
    ...{ name: 'T5 v1.1', modelTypes: ['t5', 'mt5', 'umt5', 'longt5'], layers: ['block.#.layer.#'] },
    ...{ gate: 'DenseReluDense.wi_0', input: 'DenseReluDense.wi_1', output: 'DenseReluDense.wo' },
    ...{ activation: 'gelu_tanh', activationKeys: ['dense_act_fn', 'feed_forward_proj'], norm: rmsnorm('layer_norm') },
    ...{ width: 'd_ff', hidden: 'd_model' },
  },
  {
    ...{
      name: 'Phi-3',
      modelTypes: ['phi3', 'glm', 'glm4', 'glm4v', 'glm4v_text'],
      layers: ['layers.#'],
      input: 'mlp.gate_up_proj',
    },
    ...{ output: 'mlp.down_proj', fused: 'gate', activation: 'silu', norm: AFTER_ATTENTION, ...COMMON },
  },
  {
    ...{ name: 'ModernBERT', modelTypes: ['modernbert', 'modernbert-decoder'], layers: ['layers.#'], input: 'mlp.Wi' },
    ...{ output: 'mlp.Wo', fused: 'gate', activation: 'gelu', ...COMMON, activationKeys: ['hidden_activation'] },
    norm: { kind: 'layernorm', bias: false, at: ['mlp_norm'] },
  },
  {
    ...{ name: 'DINOv2 (SwiGLU)', modelTypes: ['dinov2', 'dinov2_with_registers'], layers: ['layer.#'] },
    ...{ input: 'mlp.weights_in', output: 'mlp.weights_out', fused: 'gate', activation: 'silu', activationKeys: [] },
    ...{ norm: { kind: 'layernorm', at: ['norm2'] }, width: undefined, hidden: 'hidden_size' },
  },
  {
    ...{ name: 'Moonshine, decoder', modelTypes: ['moonshine'], layers: ['decoder.layers.#'], input: 'mlp.fc1' },
    ...{ output: 'mlp.fc2', fused: 'value', activation: 'silu', ...COMMON, activationKeys: ['decoder_hidden_act'] },
    ...{ norm: { kind: 'layernorm', bias: false, at: ['final_layernorm'] }, configured: true },
  },
  { ...DIFFUSERS, name: 'diffusers (GEGLU)', input: 'ff.net.0.proj', output: 'ff.net.2', fused: 'value' },
];
