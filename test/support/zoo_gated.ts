import type { Checkpoint } from './checkpoints.ts';
import { embedding, H, layernorm, M, normTensors, plan, projections, rmsnorm, withNorm } from './zoo.ts';

const llama = {
  ...{ layers: 'model.layers.#', part: 'mlp', bias: false, around: embedding('model.embed_tokens') },
  ...{ gate: 'mlp.gate_proj', input: 'mlp.up_proj', output: 'mlp.down_proj' },
  beside: projections('self_attn.q_proj', 'self_attn.o_proj'),
} as const;
const sizes = { hidden_size: H, intermediate_size: M };
const AFTER = rmsnorm('post_attention_layernorm');

const like = (name: string, model_type: string) =>
  plan({ ...llama, name, activation: 'silu', norm: AFTER, config: { model_type, hidden_act: 'silu', ...sizes } });

const expert = (
  name: string,
  config: object,
  layers: string,
  [gate, input, output]: readonly [string, string, string],
) =>
  plan({
    ...{ name, config: { ...config }, layers: `${layers}.experts.#`, part: '', bias: false, activation: 'silu' },
    ...{ gate, input, output, neurons: 8 },
  });

/** Checkpoints of gated blocks. */
export const GATED_ZOO: readonly Checkpoint[] = [
  like('Llama', 'llama'),
  like('Mistral', 'mistral'),
  like('Qwen2', 'qwen2'),
  like('Qwen3', 'qwen3'),
  plan({
    ...{ ...llama, name: 'Llama with biases', bias: true, activation: 'silu', norm: AFTER },
    config: { model_type: 'llama', hidden_act: 'silu', mlp_bias: true, ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'Gemma', activation: 'gelu_tanh', norm: rmsnorm('post_attention_layernorm', 1) },
    config: { model_type: 'gemma', hidden_act: 'gelu_pytorch_tanh', hidden_activation: null, ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'Gemma 2', activation: 'gelu_tanh', norm: rmsnorm('pre_feedforward_layernorm', 1) },
    beside: (at) => ({
      ...normTensors(`${at}.post_attention_layernorm`, false),
      ...normTensors(`${at}.post_feedforward_layernorm`, false),
    }),
    config: { model_type: 'gemma2', hidden_activation: 'gelu_pytorch_tanh', ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'the language model of Gemma 3', layers: 'language_model.model.layers.#' },
    ...{ activation: 'gelu_tanh', norm: rmsnorm('pre_feedforward_layernorm', 1) },
    config: { model_type: 'gemma3', text_config: { model_type: 'gemma3_text', ...sizes }, vision_config: {} },
  }),
  plan({
    ...{ ...llama, name: 'StableLM', activation: 'silu', norm: layernorm('post_attention_layernorm') },
    config: { model_type: 'stablelm', hidden_act: 'silu', ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'Cohere', activation: 'silu', norm: layernorm('input_layernorm', false) },
    config: { model_type: 'cohere', hidden_act: 'silu', ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'OLMo 2', activation: 'silu', around: embedding('model.embed_tokens') },
    beside: (at) => normTensors(`${at}.post_feedforward_layernorm`, false),
    config: { model_type: 'olmo2', hidden_act: 'silu', ...sizes },
  }),
  plan({
    ...{ name: 'Flan-T5', layers: 'encoder.block.#.layer.1', part: 'DenseReluDense', bias: false },
    ...{ gate: 'DenseReluDense.wi_0', input: 'DenseReluDense.wi_1', output: 'DenseReluDense.wo' },
    ...{ activation: 'gelu_tanh', norm: rmsnorm('layer_norm'), around: embedding('shared') },
    config: { model_type: 't5', feed_forward_proj: 'gated-gelu', d_model: H, d_ff: M },
  }),
  plan({
    ...{ ...llama, name: 'Phi-3', gate: '', input: 'mlp.gate_up_proj', fused: true, activation: 'silu', norm: AFTER },
    config: { model_type: 'phi3', hidden_act: 'silu', ...sizes },
  }),
  plan({
    ...{ name: 'ModernBERT', layers: 'model.layers.#', input: 'mlp.Wi', output: 'mlp.Wo', part: 'mlp', fused: true },
    ...{ bias: false, activation: 'gelu', norm: layernorm('mlp_norm', false), beside: projections('attn.Wo') },
    config: { model_type: 'modernbert', hidden_activation: 'gelu', ...sizes },
  }),
  plan({
    ...{ name: 'DINOv2 with SwiGLU', layers: 'encoder.layer.#', input: 'mlp.weights_in', output: 'mlp.weights_out' },
    ...{ part: 'mlp', fused: true, bias: true, activation: 'silu', norm: layernorm('norm2') },
    config: { model_type: 'dinov2', hidden_act: 'gelu', use_swiglu_ffn: true, hidden_size: H },
  }),
  withNorm(
    expert(
      'Mixtral',
      { model_type: 'mixtral', hidden_act: 'silu', hidden_size: H, intermediate_size: 8 },
      'model.layers.0.block_sparse_moe',
      ['w1', 'w3', 'w2'],
    ),
    rmsnorm('model.layers.0.post_attention_layernorm'),
  ),
  withNorm(
    expert(
      'Qwen3 with experts',
      { model_type: 'qwen3_moe', hidden_act: 'silu', hidden_size: H, intermediate_size: M, moe_intermediate_size: 8 },
      'model.layers.0.mlp',
      ['gate_proj', 'up_proj', 'down_proj'],
    ),
    rmsnorm('model.layers.0.post_attention_layernorm'),
  ),
  plan({
    ...{ name: 'Llama as its authors published it', layers: 'layers.#', part: 'feed_forward', bias: false },
    ...{ gate: 'feed_forward.w1', input: 'feed_forward.w3', output: 'feed_forward.w2', activation: 'silu' },
    ...{ norm: rmsnorm('ffn_norm'), around: embedding('tok_embeddings') },
  }),
];
