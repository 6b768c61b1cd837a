import type { FeedForward, NormPlace } from './feed_forward.ts';

const layernorm = (...at: string[]): NormPlace => ({ kind: 'layernorm', at });
const HIDDEN_ACT = ['hidden_act'];
const FUNCTION = ['activation_function'];

/** Marks of whole models: a speech encoder's convolutions, a norm behind the embeddings. */
const WHISPER = 'encoder.conv1.weight';
const BART = 'layernorm_embedding.weight';

const COMMON = { activationKeys: HIDDEN_ACT, width: 'intermediate_size', hidden: 'hidden_size' } as const;

const BERT_LIKE: Omit<FeedForward, 'name' | 'modelTypes' | 'norm'> = {
  ...{ ...COMMON, layers: ['layer.#'], input: 'intermediate.dense', output: 'output.dense' },
  activation: 'gelu',
};

const CLIP_LIKE = {
  ...{ layers: ['encoder.layers.#'], input: 'mlp.fc1', output: 'mlp.fc2', norm: layernorm('layer_norm2') },
  ...COMMON,
} as const;

const SEQ2SEQ = { input: 'fc1', output: 'fc2', activationKeys: FUNCTION, hidden: 'd_model' } as const;
const ENCODER = { ...SEQ2SEQ, layers: ['encoder.layers.#'], width: 'encoder_ffn_dim' } as const;
const DECODER = { ...SEQ2SEQ, layers: ['decoder.layers.#'], width: 'decoder_ffn_dim' } as const;

const OPT: Omit<FeedForward, 'name' | 'norm'> = {
  ...{ modelTypes: ['opt'], layers: ['decoder.layers.#'], input: 'fc1', output: 'fc2' },
  activation: 'relu',
  ...{ activationKeys: FUNCTION, width: 'ffn_dim', hidden: 'hidden_size', unmarked: [WHISPER, BART, 'encoder_attn'] },
};

const H4H = { input: 'mlp.dense_h_to_4h', output: 'mlp.dense_4h_to_h' } as const;

/** V φ(W x + b) + c. */
export const PLAIN: readonly FeedForward[] = [
  {
    ...{ name: 'GPT-2', modelTypes: ['gpt2'], layers: ['h.#'], input: 'mlp.c_fc', output: 'mlp.c_proj' },
    ...{ transposed: true, activation: 'gelu_tanh', activationKeys: FUNCTION, norm: layernorm('ln_2') },
    ...{ width: 'n_inner', hidden: 'n_embd' },
  },
  {
    ...{ name: 'GPT-BigCode', modelTypes: ['gpt_bigcode'], layers: ['h.#'], input: 'mlp.c_fc', output: 'mlp.c_proj' },
    ...{ activation: 'gelu_tanh', activationKeys: FUNCTION, norm: layernorm('ln_2') },
    ...{ width: 'n_inner', hidden: 'n_embd', without: ['attn.attention.q_proj'] },
  },
  {
    ...{ name: 'GPT-Neo', modelTypes: ['gpt_neo'], layers: ['h.#'], input: 'mlp.c_fc', output: 'mlp.c_proj' },
    ...{ activation: 'gelu_tanh', activationKeys: FUNCTION, norm: layernorm('ln_2') },
    ...{ width: 'intermediate_size', hidden: 'hidden_size', without: ['attn.c_attn'] },
  },
  {
    ...{ name: 'GPT-J', modelTypes: ['gptj', 'codegen'], layers: ['h.#'], input: 'mlp.fc_in', output: 'mlp.fc_out' },
    ...{ activation: 'gelu_tanh', activationKeys: FUNCTION, norm: layernorm('ln_1') },
    ...{ width: 'n_inner', hidden: 'n_embd' },
  },
  {
    ...BERT_LIKE,
    name: 'BERT',
    modelTypes: ['bert', 'roberta', 'xlm-roberta', 'camembert', 'electra', 'deberta', 'deberta-v2'],
    norm: layernorm('attention.output.LayerNorm'),
  },
  { ...BERT_LIKE, name: 'MPNet', modelTypes: ['mpnet'], norm: layernorm('attention.LayerNorm') },
  {
    ...BERT_LIKE,
    name: 'ViT',
    modelTypes: ['vit', 'deit', 'beit', 'vit_mae', 'vit_msn'],
    norm: layernorm('layernorm_after'),
  },
  {
    ...{ name: 'DistilBERT', modelTypes: ['distilbert'], layers: ['transformer.layer.#'] },
    ...{ input: 'ffn.lin1', output: 'ffn.lin2', activation: 'gelu', activationKeys: ['activation'] },
    ...{ norm: layernorm('sa_layer_norm'), width: 'hidden_dim', hidden: 'dim' },
  },
  {
    ...{ name: 'ALBERT', modelTypes: ['albert'], layers: ['albert_layer_groups.#.albert_layers.#'] },
    ...{ input: 'ffn', output: 'ffn_output', activation: 'gelu_tanh', norm: layernorm('attention.LayerNorm') },
    ...COMMON,
  },
  {
    ...{ name: 'ViT (timm)', modelTypes: [], layers: ['blocks.#'], input: 'mlp.fc1', output: 'mlp.fc2' },
    ...{ activation: 'gelu', activationKeys: [], norm: layernorm('norm2') },
    ...{ width: undefined, hidden: 'num_features' },
  },
  {
    ...{ name: 'DINOv2', modelTypes: ['dinov2', 'dinov2_with_registers'], layers: ['layer.#'] },
    ...{ input: 'mlp.fc1', output: 'mlp.fc2', activation: 'gelu', activationKeys: HIDDEN_ACT },
    ...{ norm: layernorm('norm2'), width: undefined, hidden: 'hidden_size' },
  },
  {
    ...{ ...CLIP_LIKE, name: 'CLIP', activation: 'quick_gelu' },
    modelTypes: ['clip', 'clip_text_model', 'clip_vision_model'],
    unmarked: ['vision_model.head.', 'text_model.head.'],
  },
  {
    ...{ ...CLIP_LIKE, name: 'SigLIP', activation: 'gelu_tanh' },
    modelTypes: ['siglip', 'siglip_text_model', 'siglip_vision_model'],
    unmarked: ['pre_layrnorm', 'text_projection', 'visual_projection'],
  },
  {
    ...{ ...CLIP_LIKE, name: 'SigLIP, pooling head', activation: 'gelu_tanh', layers: ['vision_model.head'] },
    ...{ modelTypes: ['siglip', 'siglip_vision_model'], norm: layernorm('layernorm') },
  },
  {
    ...{ name: 'Phi', modelTypes: ['phi'], layers: ['layers.#'], input: 'mlp.fc1', output: 'mlp.fc2' },
    ...{ activation: 'gelu_tanh', norm: layernorm('input_layernorm'), ...COMMON },
  },
  {
    ...{ ...ENCODER, name: 'Whisper', modelTypes: ['whisper'], activation: 'gelu' },
    ...{ norm: layernorm('final_layer_norm'), marks: [WHISPER] },
  },
  {
    ...{ ...DECODER, name: 'Whisper', modelTypes: ['whisper'], activation: 'gelu' },
    ...{ norm: layernorm('final_layer_norm'), marks: [WHISPER] },
  },
  {
    ...{ ...ENCODER, name: 'BART', modelTypes: ['bart'], activation: undefined },
    ...{ norm: layernorm('self_attn_layer_norm'), marks: [BART] },
  },
  {
    ...{ ...DECODER, name: 'BART', modelTypes: ['bart'], activation: undefined },
    ...{ norm: layernorm('encoder_attn_layer_norm'), marks: [BART] },
  },
  {
    ...{ name: 'encoder-decoder', modelTypes: [], layers: ['encoder.layers.#', 'decoder.layers.#'], generic: true },
    ...{ ...SEQ2SEQ, activation: undefined, norm: undefined, width: undefined },
  },
  { ...OPT, name: 'OPT', norm: layernorm('final_layer_norm'), when: { do_layer_norm_before: true } },
  {
    ...{ ...OPT, name: 'OPT, norm behind' },
    ...{ norm: layernorm('self_attn_layer_norm'), when: { do_layer_norm_before: false } },
  },
  {
    ...{ ...H4H, name: 'GPT-NeoX', modelTypes: ['gpt_neox'], layers: ['layers.#'], activation: 'gelu' },
    ...{ norm: layernorm('post_attention_layernorm'), ...COMMON },
  },
  {
    ...{ ...H4H, name: 'BLOOM', modelTypes: ['bloom'], layers: ['h.#'], activation: 'gelu_tanh', activationKeys: [] },
    ...{ norm: layernorm('post_attention_layernorm'), width: undefined, hidden: 'hidden_size' },
    marks: ['word_embeddings_layernorm'],
  },
  {
    ...{ ...H4H, name: 'Falcon', modelTypes: ['falcon'], layers: ['h.#'], activation: 'gelu' },
    ...{ activationKeys: ['activation'], norm: layernorm('ln_mlp', 'post_attention_layernorm', 'input_layernorm') },
    ...{ width: 'ffn_hidden_size', hidden: 'hidden_size', unmarked: ['word_embeddings_layernorm'] },
  },
  {
    ...{ name: 'MPT', modelTypes: ['mpt'], layers: ['blocks.#'], input: 'ffn.up_proj', output: 'ffn.down_proj' },
    ...{ activation: 'gelu', activationKeys: [], norm: { kind: 'layernorm', bias: false, at: ['norm_2'] } },
    ...{ width: undefined, hidden: 'd_model' },
  },
  {
    ...{ name: 'Nemotron', modelTypes: ['nemotron'], layers: ['layers.#'], input: 'mlp.up_proj' },
    ...{ output: 'mlp.down_proj', activation: 'relu2', without: ['mlp.gate_proj'], ...COMMON },
    norm: { kind: 'layernorm', offset: 1, at: ['post_attention_layernorm'] },
  },
  {
    ...{ name: 'StarCoder2', modelTypes: ['starcoder2'], layers: ['layers.#'], input: 'mlp.c_fc' },
    ...{ output: 'mlp.c_proj', activation: 'gelu_tanh', norm: layernorm('post_attention_layernorm'), ...COMMON },
  },
  {
    ...{ name: 'T5', modelTypes: ['t5', 'mt5', 'umt5', 'longt5'], layers: ['block.#.layer.#'] },
    ...{ input: 'DenseReluDense.wi', output: 'DenseReluDense.wo', activation: 'relu' },
    ...{ activationKeys: ['dense_act_fn', 'feed_forward_proj'], norm: { kind: 'rmsnorm', at: ['layer_norm'] } },
    ...{ width: 'd_ff', hidden: 'd_model' },
  },
];
