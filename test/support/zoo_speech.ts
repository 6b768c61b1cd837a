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
];
