import type { Checkpoint } from './checkpoints.ts';
import { H, layernorm, M, merge, normTensors, plan, projections, rmsnorm } from './zoo.ts';

const sizes = { hidden_size: H, intermediate_size: M };
const WIDTH = ['intermediate_size'];
const fc = { name: '', input: 'fc1', output: 'fc2', part: '', bias: true, activation: 'gelu' } as const;
const selfAttention = projections('self_attn.q_proj', 'self_attn.o_proj');
const llama = {
  ...{ layers: 'model.layers.#', part: 'mlp', bias: false, activation: 'silu', widths: WIDTH, beside: selfAttention },
  ...{ gate: 'mlp.gate_proj', input: 'mlp.up_proj', output: 'mlp.down_proj' },
} as const;
const lfm2 = {
  ...{ layers: 'model.layers.#', part: 'feed_forward', bias: false, activation: 'silu', norm: rmsnorm('ffn_norm') },
  ...{ gate: 'feed_forward.w1', input: 'feed_forward.w3', output: 'feed_forward.w2' },
} as const;
const upDown = { input: 'up_proj', output: 'down_proj', bias: false, activation: 'relu2', widths: WIDTH } as const;

const seq2seq = (side: string, neurons: number) =>
  plan({
    ...{ ...fc, layers: `model.${side}.layers.#`, activation: 'relu', neurons, norm: layernorm('final_layer_norm') },
    ...{ beside: (at) => normTensors(`${at}.self_attn_layer_norm`), widths: [`${side}_ffn_dim`] },
  });

/** More checkpoints of language models. */
export const LANGUAGE_ZOO: readonly Checkpoint[] = [
  plan({
    ...{ ...llama, name: 'Qwen3.5', norm: { ...rmsnorm('post_attention_layernorm'), offset: 1 } },
    config: { model_type: 'qwen3_5_text', hidden_act: 'silu', ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'EXAONE 4', beside: (at) => normTensors(`${at}.post_feedforward_layernorm`, false) },
    config: { model_type: 'exaone4', hidden_act: 'silu', ...sizes },
  }),
  plan({
    ...{ ...llama, name: 'RecurrentGemma', gate: 'mlp_block.gate_proj', input: 'mlp_block.up_proj', bias: true },
    ...{ output: 'mlp_block.down_proj', part: 'mlp_block', activation: 'gelu_tanh', neurons: 12, widths: [''] },
    norm: rmsnorm('channel_pre_norm', 1),
    config: { model_type: 'recurrent_gemma', hidden_activation: 'gelu_pytorch_tanh', ...sizes, intermediate_size: 24 },
  }),
  plan({
    ...{ ...lfm2, name: 'LFM2', widths: [''] },
    config: { model_type: 'lfm2', hidden_size: H, intermediate_size: 24, block_auto_adjust_ff_dim: true },
  }),
  plan({
    ...{ ...lfm2, name: 'LFM2 with a width of its own', widths: WIDTH },
    config: { model_type: 'lfm2', ...sizes, block_auto_adjust_ff_dim: false },
  }),
  plan({
    ...{ ...upDown, name: 'Arcee', layers: 'model.layers.#', input: 'mlp.up_proj', output: 'mlp.down_proj' },
    ...{ part: 'mlp', norm: rmsnorm('post_attention_layernorm'), beside: selfAttention },
    config: { model_type: 'arcee', hidden_act: 'relu2', ...sizes },
  }),
  plan({
    ...{ ...upDown, name: 'Nemotron-H', layers: 'backbone.layers.#', input: 'mixer.up_proj' },
    ...{ output: 'mixer.down_proj', part: 'mixer', norm: rmsnorm('norm') },
    config: { model_type: 'nemotron_h', mlp_hidden_act: 'relu2', mamba_hidden_act: 'silu', ...sizes },
  }),
  merge(
    'NLLB',
    { model_type: 'm2m_100', activation_function: 'relu', d_model: H, encoder_ffn_dim: M, decoder_ffn_dim: 12 },
    seq2seq('decoder', 12),
    seq2seq('encoder', M),
  ),
  plan({
    ...{ ...fc, name: 'XGLM', layers: 'model.layers.#', norm: layernorm('final_layer_norm'), beside: selfAttention },
    ...{ config: { model_type: 'xglm', activation_function: 'gelu', d_model: H, ffn_dim: M }, widths: ['ffn_dim'] },
  }),
  plan({
    ...{ ...fc, name: 'BioGPT', layers: 'biogpt.layers.#', norm: layernorm('final_layer_norm'), widths: WIDTH },
    ...{ beside: selfAttention, config: { model_type: 'biogpt', hidden_act: 'gelu', ...sizes } },
  }),
  plan({
    ...{ ...fc, name: 'XLNet', layers: 'transformer.layer.#', input: 'ff.layer_1', output: 'ff.layer_2', part: 'ff' },
    ...{ norm: layernorm('rel_attn.layer_norm'), beside: (at) => normTensors(`${at}.ff.layer_norm`) },
    ...{ config: { model_type: 'xlnet', ff_activation: 'gelu', d_model: H, d_inner: M }, widths: ['d_inner'] },
  }),
  plan({
    ...{ ...fc, name: 'ESM', layers: 'esm.encoder.layer.#', input: 'intermediate.dense', output: 'output.dense' },
    ...{ norm: layernorm('LayerNorm'), beside: (at) => normTensors(`${at}.attention.LayerNorm`), widths: WIDTH },
    config: { model_type: 'esm', hidden_act: 'gelu', ...sizes },
  }),
];
