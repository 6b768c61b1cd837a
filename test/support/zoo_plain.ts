import type { Checkpoint } from './checkpoints.ts';
import { embedding, H, layernorm, M, merge, normTensors, plan, projections, rmsnorm } from './zoo.ts';

const gpt = { layers: 'transformer.h.#', part: 'mlp', bias: true, around: embedding('transformer.wte') } as const;
const bert = { input: 'intermediate.dense', output: 'output.dense', part: '', bias: true, activation: 'gelu' } as const;
const attention = projections('attention.self.query', 'attention.output.dense');
const decoder = { part: 'mlp', layers: 'model.layers.#', around: embedding('model.embed_tokens') } as const;
const selfAttention = projections('self_attn.q_proj', 'self_attn.o_proj');
const sizes = { hidden_size: H, intermediate_size: M };
const fc = { input: 'fc1', output: 'fc2', part: '', bias: true } as const;
const h4h = { input: 'mlp.dense_h_to_4h', output: 'mlp.dense_4h_to_h', part: 'mlp' } as const;

const gpt2 = {
  ...{ ...gpt, input: 'mlp.c_fc', output: 'mlp.c_proj', activation: 'gelu_tanh' },
  transposed: true,
  ...{ norm: layernorm('ln_2'), beside: projections('attn.c_attn', 'attn.c_proj') },
} as const;

/** A part of an encoder-decoder model. */
const seq2seq = (side: string, place: string, activation: string, neurons = M) =>
  plan({
    ...{ ...fc, name: '', layers: `${side}.layers.#`, activation, norm: layernorm(place), count: 1, neurons },
    beside: (at) => ({
      ...selfAttention(at),
      ...normTensors(`${at}.self_attn_layer_norm`),
      ...(side.includes('decoder') && normTensors(`${at}.encoder_attn_layer_norm`)),
      ...normTensors(`${at}.final_layer_norm`),
    }),
  });

const tower = (side: string, neurons: number, activation: string, around = {}) =>
  plan({
    ...{ name: '', layers: `${side}.encoder.layers.#`, input: 'mlp.fc1', output: 'mlp.fc2', part: 'mlp', bias: true },
    ...{ activation, neurons, norm: layernorm('layer_norm2'), beside: projections('self_attn.out_proj'), around },
  });
const towers = (activation: string, text = {}, vision = {}) => [
  tower('text_model', M, activation, text),
  tower('vision_model', 12, activation, vision),
];
const towerConfig = (type: string, act: string) => ({
  model_type: type,
  text_config: { model_type: `${type}_text_model`, hidden_act: act, ...sizes },
  vision_config: { model_type: `${type}_vision_model`, hidden_act: act, hidden_size: H, intermediate_size: 12 },
});

/** Checkpoints of plain blocks. */
export const PLAIN_ZOO: readonly Checkpoint[] = [
  plan({
    ...{ ...gpt2, name: 'GPT-2' },
    config: { model_type: 'gpt2', activation_function: 'gelu_new', n_embd: H, n_inner: M, n_layer: 2 },
  }),
  plan({ ...gpt2, layers: 'h.#', around: embedding('wte'), name: 'GPT-2 without prefix and config' }),
  plan({
    ...{ ...gpt, name: 'GPT-Neo', input: 'mlp.c_fc', output: 'mlp.c_proj', activation: 'gelu_tanh' },
    ...{ norm: layernorm('ln_2'), beside: projections('attn.attention.q_proj', 'attn.attention.out_proj') },
    config: { model_type: 'gpt_neo', activation_function: 'gelu_new', ...sizes },
  }),
  plan({
    ...{ ...gpt, name: 'GPT-J', input: 'mlp.fc_in', output: 'mlp.fc_out', activation: 'gelu_tanh' },
    ...{ norm: layernorm('ln_1'), beside: projections('attn.q_proj', 'attn.out_proj') },
    config: { model_type: 'gptj', activation_function: 'gelu_new', n_embd: H, n_inner: M },
  }),
  plan({
    ...{ ...bert, name: 'BERT', layers: 'bert.encoder.layer.#', norm: layernorm('attention.output.LayerNorm') },
    ...{ beside: attention, around: embedding('bert.embeddings.word_embeddings') },
    config: { model_type: 'bert', hidden_act: 'gelu', ...sizes },
  }),
  plan({
    ...{ ...bert, name: 'RoBERTa', layers: 'roberta.encoder.layer.#', norm: layernorm('attention.output.LayerNorm') },
    ...{ beside: attention, config: { model_type: 'roberta', hidden_act: 'gelu', ...sizes } },
  }),
  plan({
    ...{ ...bert, name: 'ELECTRA', layers: 'electra.encoder.layer.#', norm: layernorm('attention.output.LayerNorm') },
    ...{ beside: attention, config: { model_type: 'electra', hidden_act: 'gelu', ...sizes } },
  }),
  plan({
    ...{ ...bert, name: 'MPNet without config', layers: 'encoder.layer.#', norm: layernorm('attention.LayerNorm') },
    beside: projections('attention.attn.q', 'attention.attn.o'),
  }),
  plan({
    ...{ ...bert, name: 'ViT', layers: 'vit.encoder.layer.#', norm: layernorm('layernorm_after') },
    ...{ beside: projections('attention.output.dense'), config: { model_type: 'vit', hidden_act: 'gelu', ...sizes } },
  }),
  plan({
    ...{ name: 'ViT as timm has it', layers: 'blocks.#', input: 'mlp.fc1', output: 'mlp.fc2', part: 'mlp', bias: true },
    ...{ activation: 'gelu', norm: layernorm('norm2'), beside: projections('attn.qkv', 'attn.proj') },
    config: { architecture: 'vit_tiny_patch16_224', num_features: H },
  }),
  plan({
    ...{ name: 'DistilBERT', layers: 'distilbert.transformer.layer.#', input: 'ffn.lin1', output: 'ffn.lin2' },
    ...{ part: 'ffn', bias: true, activation: 'gelu', norm: layernorm('sa_layer_norm') },
    beside: projections('attention.q_lin', 'attention.out_lin'),
    config: { model_type: 'distilbert', activation: 'gelu', dim: H, hidden_dim: M },
  }),
  plan({
    ...{ name: 'ALBERT', layers: 'albert.encoder.albert_layer_groups.#.albert_layers.0', count: 1 },
    ...{ input: 'ffn', output: 'ffn_output', part: '', bias: true, activation: 'gelu' },
    ...{ norm: layernorm('attention.LayerNorm'), beside: projections('attention.query', 'attention.dense') },
    config: { model_type: 'albert', hidden_act: 'gelu', num_hidden_layers: 12, ...sizes },
  }),
  merge('CLIP', towerConfig('clip', 'quick_gelu'), ...towers('quick_gelu', embedding('text_projection'))),
  merge('CLIP with plain GELU', towerConfig('clip', 'gelu'), ...towers('gelu', embedding('text_projection'))),
  merge(
    'SigLIP',
    towerConfig('siglip', 'gelu_pytorch_tanh'),
    ...towers('gelu_tanh'),
    plan({
      ...{ name: '', layers: 'vision_model.head', input: 'mlp.fc1', output: 'mlp.fc2', part: 'mlp', bias: true },
      ...{ activation: 'gelu_tanh', neurons: 12, norm: layernorm('layernorm'), count: 1 },
    }),
  ),
  merge(
    'Whisper',
    { model_type: 'whisper', activation_function: 'gelu', d_model: H, encoder_ffn_dim: M, decoder_ffn_dim: 12 },
    { name: '', tensors: { 'model.encoder.conv1.weight': [H, 4, 3] }, blocks: [] },
    seq2seq('model.decoder', 'final_layer_norm', 'gelu', 12),
    seq2seq('model.encoder', 'final_layer_norm', 'gelu'),
  ),
  merge(
    'BART',
    { model_type: 'bart', activation_function: 'gelu', d_model: H, encoder_ffn_dim: M, decoder_ffn_dim: 12 },
    seq2seq('model.decoder', 'encoder_attn_layer_norm', 'gelu', 12),
    seq2seq('model.encoder', 'self_attn_layer_norm', 'gelu'),
  ),
  plan({
    ...{
      ...fc,
      name: 'OPT',
      layers: 'model.decoder.layers.#',
      activation: 'relu',
      norm: layernorm('final_layer_norm'),
    },
    ...{ beside: selfAttention, around: embedding('model.decoder.embed_tokens') },
    config: { model_type: 'opt', activation_function: 'relu', hidden_size: H, ffn_dim: M },
  }),
  plan({
    ...{ ...fc, name: 'OPT with the norm behind', layers: 'model.decoder.layers.#', activation: 'relu' },
    ...{ norm: layernorm('self_attn_layer_norm'), beside: (at) => normTensors(`${at}.final_layer_norm`) },
    config: { model_type: 'opt', do_layer_norm_before: false, hidden_size: H, ffn_dim: M },
  }),
  plan({
    ...{ ...decoder, name: 'Phi-2', input: 'mlp.fc1', output: 'mlp.fc2', bias: true, activation: 'gelu_tanh' },
    ...{ norm: layernorm('input_layernorm'), beside: selfAttention },
    config: { model_type: 'phi', hidden_act: 'gelu_new', ...sizes },
  }),
  plan({
    ...{ ...h4h, name: 'Pythia', layers: 'gpt_neox.layers.#', bias: true, activation: 'gelu' },
    ...{ norm: layernorm('post_attention_layernorm'), beside: projections('attention.dense') },
    config: { model_type: 'gpt_neox', hidden_act: 'gelu', ...sizes },
  }),
  plan({
    ...{ ...h4h, name: 'GPT-NeoX with the fast GELU', layers: 'gpt_neox.layers.#', bias: true },
    ...{ activation: 'gelu_tanh', norm: layernorm('post_attention_layernorm') },
    config: { model_type: 'gpt_neox', hidden_act: 'gelu_fast', ...sizes },
  }),
  plan({
    ...{ ...h4h, name: 'BLOOM', layers: 'h.#', bias: true, activation: 'gelu_tanh', neurons: 4 * H },
    ...{ norm: layernorm('post_attention_layernorm'), around: normTensors('word_embeddings_layernorm') },
    config: { model_type: 'bloom', hidden_size: H },
  }),
  plan({
    ...{ ...h4h, name: 'Falcon', layers: 'transformer.h.#', bias: false, activation: 'gelu' },
    ...{ norm: layernorm('input_layernorm'), beside: projections('self_attention.dense') },
    config: { model_type: 'falcon', hidden_size: H, ffn_hidden_size: M, parallel_attn: true },
  }),
  plan({
    ...{ ...h4h, name: 'Falcon with two norms', layers: 'transformer.h.#', bias: false, activation: 'gelu' },
    ...{ norm: layernorm('ln_mlp'), beside: (at) => normTensors(`${at}.ln_attn`) },
  }),
  plan({
    ...{ name: 'MPT', layers: 'transformer.blocks.#', input: 'ffn.up_proj', output: 'ffn.down_proj', part: 'ffn' },
    ...{ bias: false, activation: 'gelu', neurons: 4 * H, norm: layernorm('norm_2', false) },
    config: { model_type: 'mpt', d_model: H, expansion_ratio: 4 },
  }),
  plan({
    ...{ ...decoder, name: 'Nemotron', input: 'mlp.up_proj', output: 'mlp.down_proj', bias: false },
    ...{ activation: 'relu2', norm: { ...layernorm('post_attention_layernorm'), offset: 1 }, beside: selfAttention },
    config: { model_type: 'nemotron', hidden_act: 'relu2', ...sizes },
  }),
  plan({
    ...{ ...decoder, name: 'StarCoder2', input: 'mlp.c_fc', output: 'mlp.c_proj', bias: true },
    ...{ activation: 'gelu_tanh', norm: layernorm('post_attention_layernorm'), beside: selfAttention },
    config: { model_type: 'starcoder2', hidden_act: 'gelu_pytorch_tanh', ...sizes },
  }),
  plan({
    ...{ name: 'T5', layers: 'encoder.block.#.layer.1', input: 'DenseReluDense.wi', output: 'DenseReluDense.wo' },
    ...{ part: 'DenseReluDense', bias: false, activation: 'relu', norm: rmsnorm('layer_norm') },
    around: embedding('shared'),
    config: { model_type: 't5', feed_forward_proj: 'relu', d_model: H, d_ff: M },
  }),
];
