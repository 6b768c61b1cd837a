import { COMMON, type FeedForward, layernorm } from './feed_forward.ts';

const dense = (part: string) => ({
  ...{ input: `${part}.intermediate_dense`, output: `${part}.output_dense`, ...COMMON },
});

const WAV2VEC2 = { ...dense('feed_forward'), name: 'Wav2Vec2', layers: ['layers.#'], activation: 'gelu' } as const;
/** Some of them have a form whose norms stand in front. */
const EITHER = ['wav2vec2', 'hubert', 'wavlm', 'unispeech', 'unispeech-sat'];
const STABLE = 'do_stable_layer_norm';

const CONFORMERS = ['wav2vec2-bert', 'wav2vec2-conformer'];

const M4T = { name: 'SeamlessM4T', modelTypes: ['seamless_m4t', 'seamless_m4t_v2'], configured: true } as const;
const M4T_SPEECH = { ...M4T, activationKeys: [], width: 'speech_encoder_intermediate_size' } as const;
const SEAMLESS: readonly FeedForward[] = [
  ...['ffn1', 'ffn2'].map((part) => ({
    ...{ ...dense(part), ...M4T_SPEECH, layers: ['speech_encoder.encoder.layers.#'], activation: 'silu' as const },
    ...{ activationKeys: ['speech_encoder_hidden_act'], norm: layernorm(`${part}_layer_norm`) },
  })),
  {
    ...{ ...dense('ffn'), ...M4T_SPEECH, layers: ['adapter.layers.#'], activation: 'relu' },
    norm: layernorm('ffn_layer_norm'),
  },
  {
    ...{ ...dense('intermediate_ffn'), ...M4T_SPEECH, layers: ['speech_encoder'], activation: 'relu', norm: undefined },
  },
  ...Object.entries({
    'text_encoder.layers.#': 'encoder_ffn_dim',
    'text_decoder.layers.#': 'decoder_ffn_dim',
    't2u_model.model.encoder.layers.#': 't2u_encoder_ffn_dim',
    't2u_model.model.decoder.layers.#': 't2u_decoder_ffn_dim',
  }).map(([layers, width]) => ({
    ...{ ...M4T, layers: [layers], input: 'ffn.fc1', output: 'ffn.fc2', activation: 'relu' as const },
    ...{ activationKeys: ['activation_function'], norm: layernorm('ffn_layer_norm'), width, hidden: COMMON.hidden },
  })),
];

/** Whisper's encoder within other models. */
const TOWER = {
  ...{ name: 'Whisper (audio tower)', layers: ['layers.#'], input: 'fc1', output: 'fc2', activation: 'gelu' as const },
  ...{ activationKeys: ['activation_function'], norm: layernorm('final_layer_norm'), configured: true as const },
};

/** V φ(W x + b) + c in networks that hear, those of encoders and decoders as BART's apart. */
export const SPEECH: readonly FeedForward[] = [
  {
    ...{ ...WAV2VEC2, modelTypes: EITHER, norm: layernorm('layer_norm'), when: { [STABLE]: [false, undefined] } },
    without: ['encoder_attn_layer_norm'],
  },
  {
    ...{ ...WAV2VEC2, modelTypes: EITHER, norm: layernorm('final_layer_norm'), when: { [STABLE]: [true] } },
    without: ['encoder_attn_layer_norm'],
  },
  { ...WAV2VEC2, modelTypes: ['data2vec-audio', 'sew'], norm: layernorm('layer_norm') },
  {
    ...{ ...WAV2VEC2, name: 'SpeechT5', modelTypes: ['speecht5'], layers: ['wrapped_encoder.layers.#'] },
    ...{ norm: layernorm('layer_norm'), width: 'encoder_ffn_dim' },
  },
  {
    ...{ ...WAV2VEC2, name: 'SpeechT5', modelTypes: ['speecht5'], layers: ['wrapped_decoder.layers.#'] },
    ...{ norm: layernorm('encoder_attn_layer_norm'), width: 'decoder_ffn_dim' },
  },
  ...['ffn1', 'ffn2'].map((part) => ({
    ...{ ...dense(part), name: 'Conformer (Wav2Vec2)', modelTypes: CONFORMERS, layers: ['layers.#'] },
    ...{ activation: undefined, norm: layernorm(`${part}_layer_norm`) },
  })),
  {
    ...{ ...dense('ffn'), name: 'Wav2Vec2-BERT, adapter', modelTypes: ['wav2vec2-bert'], layers: ['adapter.layers.#'] },
    ...{ activation: 'relu', activationKeys: ['adapter_act'], norm: layernorm('ffn_layer_norm') },
    hidden: 'output_hidden_size',
  },
  ...SEAMLESS,
  {
    ...{ ...TOWER, modelTypes: ['qwen2_audio_encoder'], width: 'encoder_ffn_dim', hidden: 'd_model' },
  },
  { ...TOWER, modelTypes: ['audioflamingo3_encoder'], width: COMMON.width, hidden: COMMON.hidden },
  // Its projector takes the same setting for something else.
  { ...TOWER, modelTypes: ['voxtral_encoder'], width: undefined, hidden: COMMON.hidden },
  {
    ...{ name: 'Moonshine, encoder', modelTypes: ['moonshine'], layers: ['encoder.layers.#'], input: 'mlp.fc1' },
    ...{ output: 'mlp.fc2', activation: 'gelu', ...COMMON, activationKeys: ['encoder_hidden_act'], configured: true },
    norm: { kind: 'layernorm', bias: false, at: ['post_attention_layernorm'] },
  },
];
