import type { Checkpoint } from './checkpoints.ts';
import { H, layernorm, M, merge, normTensors, plan, projections } from './zoo.ts';

const sizes = { hidden_size: H, intermediate_size: M };
const dense = (part: string) => ({
  ...{ input: `${part}.intermediate_dense`, output: `${part}.output_dense`, part, bias: true, activation: 'gelu' },
});
const WIDTH = ['intermediate_size'];

const wav2vec2 = (name: string, config: object, place: string) =>
  plan({
    ...{ ...dense('feed_forward'), name, layers: 'wav2vec2.encoder.layers.#', norm: layernorm(place), widths: WIDTH },
    beside: (at) => ({
      ...projections('attention.q_proj', 'attention.out_proj')(at),
      ...normTensors(`${at}.layer_norm`),
      ...normTensors(`${at}.final_layer_norm`),
    }),
    around: normTensors('wav2vec2.encoder.layer_norm'),
    config: { hidden_act: 'gelu', ...sizes, ...config },
  });

const conformer = (part: string) =>
  plan({
    ...{ ...dense(part), name: '', layers: 'wav2vec2_bert.encoder.layers.#', activation: 'silu' },
    ...{ norm: layernorm(`${part}_layer_norm`), beside: projections('self_attn.linear_q'), widths: WIDTH },
  });

const speechT5 = (side: string, place: string, neurons: number) =>
  plan({
    ...{ ...dense('feed_forward'), name: '', layers: `speecht5.${side}.wrapped_${side}.layers.#`, neurons },
    ...{ norm: layernorm(place), widths: [`${side}_ffn_dim`] },
    beside: (at) => normTensors(`${at}.final_layer_norm`),
  });

const seamless = (layers: string, width: string, neurons: number) =>
  plan({
    ...{ name: '', layers, input: 'ffn.fc1', output: 'ffn.fc2', part: 'ffn', bias: true, activation: 'relu', neurons },
    ...{ norm: layernorm('ffn_layer_norm'), widths: [width] },
  });

/** Its decoder has value and gate in one tensor, in this order. */
export const MOONSHINE = merge(
  'Moonshine',
  { model_type: 'moonshine', encoder_hidden_act: 'gelu', decoder_hidden_act: 'silu', ...sizes },
  plan({
    ...{ name: '', layers: 'model.decoder.layers.#', input: 'mlp.fc1', output: 'mlp.fc2', part: 'mlp', bias: true },
    ...{ fused: 'value first', activation: 'silu', norm: layernorm('final_layernorm', false), widths: WIDTH },
  }),
  plan({
    ...{ name: '', layers: 'model.encoder.layers.#', input: 'mlp.fc1', output: 'mlp.fc2', part: 'mlp', bias: true },
    ...{ activation: 'gelu', norm: layernorm('post_attention_layernorm', false), widths: WIDTH },
  }),
);

/** Checkpoints of networks that hear. */
export const SPEECH_ZOO: readonly Checkpoint[] = [
  wav2vec2('Wav2Vec2', { model_type: 'wav2vec2', do_stable_layer_norm: false }, 'layer_norm'),
  wav2vec2('Wav2Vec2 with norms in front', { model_type: 'wav2vec2', do_stable_layer_norm: true }, 'final_layer_norm'),
  wav2vec2('HuBERT', { model_type: 'hubert' }, 'layer_norm'),
  wav2vec2('data2vec-audio', { model_type: 'data2vec-audio' }, 'layer_norm'),
  merge(
    'Wav2Vec2-BERT',
    { model_type: 'wav2vec2-bert', hidden_act: 'swish', adapter_act: 'relu', output_hidden_size: H, ...sizes },
    plan({
      ...{ ...dense('ffn'), name: '', layers: 'wav2vec2_bert.adapter.layers.#', activation: 'relu', count: 1 },
      ...{ norm: layernorm('ffn_layer_norm'), beside: (at) => normTensors(`${at}.residual_layer_norm`), widths: WIDTH },
    }),
    conformer('ffn1'),
    conformer('ffn2'),
  ),
  merge(
    'SpeechT5',
    { model_type: 'speecht5', hidden_act: 'gelu', hidden_size: H, encoder_ffn_dim: M, decoder_ffn_dim: 12 },
    speechT5('decoder', 'encoder_attn_layer_norm', 12),
    speechT5('encoder', 'layer_norm', M),
  ),
  merge(
    'SeamlessM4T',
    {
      ...{ model_type: 'seamless_m4t_v2', activation_function: 'relu', speech_encoder_hidden_act: 'swish' },
      ...{ hidden_size: H, encoder_ffn_dim: M, t2u_encoder_ffn_dim: 12, speech_encoder_intermediate_size: 10 },
    },
    ...['ffn', 'ffn1', 'ffn2'].map((part) =>
      plan({
        ...{
          ...dense(part),
          name: '',
          activation: part === 'ffn' ? 'relu' : 'silu',
          norm: layernorm(`${part}_layer_norm`),
        },
        ...{ layers: `speech_encoder.${part === 'ffn' ? 'adapter' : 'encoder'}.layers.#`, neurons: 10 },
        widths: ['speech_encoder_intermediate_size'],
      }),
    ),
    seamless('text_encoder.layers.#', 'encoder_ffn_dim', M),
    seamless('t2u_model.model.encoder.layers.#', 't2u_encoder_ffn_dim', 12),
  ),
  merge(
    'the audio tower of Qwen2-Audio',
    {
      model_type: 'qwen2_audio',
      audio_config: { model_type: 'qwen2_audio_encoder', activation_function: 'gelu', d_model: H, encoder_ffn_dim: M },
    },
    plan({
      ...{ name: '', layers: 'audio_tower.layers.#', input: 'fc1', output: 'fc2', part: '', bias: true },
      ...{ activation: 'gelu', norm: layernorm('final_layer_norm'), widths: ['audio_config.encoder_ffn_dim'] },
    }),
  ),
  MOONSHINE,
];
