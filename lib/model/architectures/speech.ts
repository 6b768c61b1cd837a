import { COMMON, type FeedForward, layernorm } from './feed_forward.ts';

const dense = (part: string) => ({
  ...{ input: `${part}.intermediate_dense`, output: `${part}.output_dense`, ...COMMON },
});

const WAV2VEC2 = { ...dense('feed_forward'), name: 'Wav2Vec2', layers: ['layers.#'], activation: 'gelu' } as const;
/** Some of them have a form whose norms stand in front. */
const EITHER = ['wav2vec2', 'hubert', 'wavlm', 'unispeech', 'unispeech-sat'];
const STABLE = 'do_stable_layer_norm';

const CONFORMERS = ['wav2vec2-bert', 'wav2vec2-conformer'];

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
];
