import { BERT_LIKE, COMMON, type FeedForward, layernorm, rmsnorm } from './feed_forward.ts';

const FUNCTION = ['activation_function'];

/** Marks of whole models: a speech encoder's convolutions, a norm behind the embeddings. */
const WHISPER = 'encoder.conv1.weight';
const BART = 'layernorm_embedding.weight';

/** All that keep BERT's layer: its norms stand behind. */
const BERT_TYPES = [
  ...['bert', 'roberta', 'xlm-roberta', 'camembert', 'electra', 'deberta', 'deberta-v2', 'data2vec-text', 'ernie'],
  ...['roformer', 'rembert', 'convbert', 'longformer', 'luke', 'splinter', 'tapas'],
  ...['layoutlm', 'layoutlmv3', 'lilt', 'markuplm', 'instructblip_qformer'],
];

const SEQ2SEQ = { input: 'fc1', output: 'fc2', activationKeys: FUNCTION, hidden: 'd_model' } as const;
const ENCODER = { ...SEQ2SEQ, layers: ['encoder.layers.#'], width: 'encoder_ffn_dim' } as const;
const DECODER = { ...SEQ2SEQ, layers: ['decoder.layers.#'], width: 'decoder_ffn_dim' } as const;

/** Norms behind, and norms in front. */
const BART_TYPES = ['bart', 'plbart', 'marian', 'blenderbot-small', 'detr', 'conditional_detr', 'deformable_detr'];
const MBART_TYPES = ['mbart', 'm2m_100', 'pegasus', 'blenderbot', 'speech_to_text'];

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
    ...{ ...BERT_LIKE, name: 'BERT', modelTypes: BERT_TYPES, layers: ['layer.#'] },
    norm: layernorm('attention.output.LayerNorm'),
  },
  {
    ...{ ...BERT_LIKE, name: 'MPNet', modelTypes: ['mpnet'], layers: ['layer.#'] },
    norm: layernorm('attention.LayerNorm'),
  },
  {
    ...{ ...BERT_LIKE, name: 'ESM', modelTypes: ['esm'], layers: ['layer.#'], activationKeys: [] },
    norm: layernorm('LayerNorm'),
  },
  {
    ...{ ...BERT_LIKE, name: 'Q-Former', modelTypes: ['blip_2_qformer', 'instructblip_qformer'], layers: ['layer.#'] },
    ...{ input: 'intermediate_query.dense', output: 'output_query.dense' },
    norm: layernorm('crossattention.output.LayerNorm', 'attention.output.LayerNorm'),
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
    ...{ ...ENCODER, name: 'BART', modelTypes: BART_TYPES, activation: undefined },
    ...{ norm: layernorm('self_attn_layer_norm'), marks: [BART] },
  },
  {
    ...{ ...DECODER, name: 'BART', modelTypes: BART_TYPES, activation: undefined },
    ...{ norm: layernorm('encoder_attn_layer_norm'), marks: [BART] },
  },
  {
    ...{ ...ENCODER, name: 'mBART', modelTypes: MBART_TYPES, activation: undefined },
    ...{ norm: layernorm('final_layer_norm'), configured: true },
  },
  {
    ...{ ...DECODER, name: 'mBART', modelTypes: MBART_TYPES, activation: undefined },
    ...{ norm: layernorm('final_layer_norm'), configured: true },
  },
  {
    ...{ name: 'encoder-decoder', modelTypes: [], layers: ['encoder.layers.#', 'decoder.layers.#'], generic: true },
    ...{ ...SEQ2SEQ, activation: undefined, norm: undefined, width: undefined },
  },
  { ...OPT, name: 'OPT', norm: layernorm('final_layer_norm'), when: { do_layer_norm_before: [true, undefined] } },
  {
    ...{ ...OPT, name: 'OPT, norm behind' },
    ...{ norm: layernorm('self_attn_layer_norm'), when: { do_layer_norm_before: [false] } },
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
    ...{ name: 'Arcee', modelTypes: ['arcee'], layers: ['layers.#'], input: 'mlp.up_proj', output: 'mlp.down_proj' },
    ...{ activation: 'relu2', norm: rmsnorm('post_attention_layernorm'), without: ['mlp.gate_proj'], ...COMMON },
  },
  {
    ...{ name: 'Nemotron-H', modelTypes: ['nemotron_h'], layers: ['layers.#'], input: 'mixer.up_proj' },
    ...{ output: 'mixer.down_proj', activation: 'relu2', norm: rmsnorm('norm'), ...COMMON },
    activationKeys: ['mlp_hidden_act'],
  },
  {
    ...{ name: 'XGLM', modelTypes: ['xglm'], layers: ['layers.#'], input: 'fc1', output: 'fc2', activation: 'gelu' },
    ...{ activationKeys: FUNCTION, norm: layernorm('final_layer_norm'), width: 'ffn_dim', hidden: 'd_model' },
    configured: true,
  },
  {
    ...{ name: 'BioGPT', modelTypes: ['biogpt'], layers: ['layers.#'], input: 'fc1', output: 'fc2' },
    ...{ activation: 'gelu', norm: layernorm('final_layer_norm'), ...COMMON, configured: true },
  },
  {
    ...{ name: 'XLNet', modelTypes: ['xlnet'], layers: ['layer.#'], input: 'ff.layer_1', output: 'ff.layer_2' },
    ...{ activation: 'gelu', activationKeys: ['ff_activation'], norm: layernorm('rel_attn.layer_norm') },
    ...{ width: 'd_inner', hidden: 'd_model' },
  },
  {
    ...{ name: 'PyTorch', modelTypes: [], layers: ['layers.#'], input: 'linear1', output: 'linear2', generic: true },
    ...{ activation: undefined, activationKeys: [], norm: undefined, width: undefined, hidden: undefined },
  },
  {
    ...{ name: 'StarCoder2', modelTypes: ['starcoder2'], layers: ['layers.#'], input: 'mlp.c_fc' },
    ...{ output: 'mlp.c_proj', activation: 'gelu_tanh', norm: layernorm('post_attention_layernorm'), ...COMMON },
  },
  {
    ...{ name: 'T5', modelTypes: ['t5', 'mt5', 'umt5', 'longt5'], layers: ['block.#.layer.#'] },
    ...{ input: 'DenseReluDense.wi', output: 'DenseReluDense.wo', activation: 'relu' },
    ...{ activationKeys: ['dense_act_fn', 'feed_forward_proj'], norm: rmsnorm('layer_norm') },
    ...{ width: 'd_ff', hidden: 'd_model' },
  },
];
