import type { Checkpoint } from './checkpoints.ts';
import { H, layernorm, M, merge, normTensors, plan, projections, rmsnorm } from './zoo.ts';

const sizes = { hidden_size: H, intermediate_size: M };
const WIDTH = ['intermediate_size'];
const fc = { name: '', input: 'mlp.fc1', output: 'mlp.fc2', part: 'mlp', bias: true, activation: 'gelu' } as const;
const gated = (part: string) => ({
  ...{ name: '', gate: `${part}.gate_proj`, input: `${part}.up_proj`, output: `${part}.down_proj`, part },
  ...{ bias: false, activation: 'silu' },
});
const bert = {
  name: '',
  input: 'intermediate.dense',
  output: 'output.dense',
  part: '',
  bias: true,
  activation: 'gelu',
};
const lin = {
  name: '',
  input: 'mlp.lin1',
  output: 'mlp.lin2',
  part: 'mlp',
  bias: true,
  norm: layernorm('layer_norm2'),
};
const attention = projections('attn.qkv', 'attn.proj');

/** The language model beside a vision tower. */
const llama = (layers: string) =>
  plan({
    ...{
      ...gated('mlp'),
      layers,
      norm: rmsnorm('post_attention_layernorm'),
      widths: ['text_config.intermediate_size'],
    },
  });
const text = (model_type: string) => ({ model_type, hidden_act: 'silu', ...sizes });
const inVision = (key: string) => [`vision_config.${key}`];

/** Two stages of Swin, the second one twice as wide. */
const swin = (name: string, config: object, rest: object) =>
  plan({
    ...{ ...bert, name, layers: 'swin.encoder.layers.0.blocks.#', neurons: 4 * H, widths: [''], ...rest },
    config: { hidden_act: 'gelu', embed_dim: H, hidden_size: 2 * H, mlp_ratio: 4, ...config },
  });

/** Checkpoints of networks that see. */
export const VISION_ZOO: readonly Checkpoint[] = [
  merge(
    'Mistral Small 3.1',
    {
      ...{ model_type: 'mistral3', text_config: text('mistral') },
      vision_config: { model_type: 'pixtral', hidden_act: 'silu', ...sizes, intermediate_size: 12 },
    },
    llama('language_model.model.layers.#'),
    plan({
      ...{ ...gated('feed_forward'), layers: 'vision_tower.transformer.layers.#', neurons: 12 },
      ...{ norm: rmsnorm('ffn_norm'), beside: (at) => normTensors(`${at}.attention_norm`, false) },
      widths: inVision('intermediate_size'),
    }),
  ),
  merge(
    'Qwen2.5-VL as it is published',
    { ...text('qwen2_5_vl'), vision_config: { hidden_act: 'silu', ...sizes, intermediate_size: 12 } },
    { ...llama('model.layers.#'), widths: WIDTH },
    plan({
      ...{ ...gated('mlp'), layers: 'visual.blocks.#', bias: true, neurons: 12, norm: rmsnorm('norm2') },
      ...{ beside: attention, widths: inVision('intermediate_size') },
    }),
  ),
  merge(
    'Qwen2-VL as it is published',
    { ...text('qwen2_vl'), vision_config: { model_type: 'qwen2_vl', embed_dim: H, mlp_ratio: 4, hidden_size: 9 } },
    { ...llama('model.layers.#'), widths: WIDTH },
    plan({
      ...{ ...fc, layers: 'visual.blocks.#', activation: 'quick_gelu', norm: layernorm('norm2'), neurons: 4 * H },
      ...{ beside: attention, widths: [''] },
    }),
  ),
  merge(
    'Qwen3-VL',
    {
      ...{ model_type: 'qwen3_vl', text_config: text('qwen3_vl_text') },
      vision_config: { model_type: 'qwen3_vl', hidden_act: 'gelu_pytorch_tanh', ...sizes, intermediate_size: 12 },
    },
    llama('model.language_model.layers.#'),
    plan({
      ...{ ...fc, layers: 'model.visual.blocks.#', input: 'mlp.linear_fc1', output: 'mlp.linear_fc2', neurons: 12 },
      ...{
        activation: 'gelu_tanh',
        norm: layernorm('norm2'),
        beside: attention,
        widths: inVision('intermediate_size'),
      },
    }),
  ),
  merge(
    'GLM-4V',
    {
      ...{ model_type: 'glm4v', text_config: text('glm4v_text') },
      vision_config: { model_type: 'glm4v', hidden_act: 'silu', ...sizes, intermediate_size: 24, out_hidden_size: 12 },
    },
    plan({
      ...{ name: '', layers: 'model.language_model.layers.#', input: 'mlp.gate_up_proj', output: 'mlp.down_proj' },
      ...{ part: 'mlp', fused: true, bias: false, activation: 'silu', norm: rmsnorm('post_attention_layernorm') },
      ...{ beside: (at) => normTensors(`${at}.post_mlp_layernorm`, false), widths: ['text_config.intermediate_size'] },
    }),
    plan({
      ...{ ...gated('mlp'), layers: 'model.visual.blocks.#', neurons: 12, norm: rmsnorm('norm2'), beside: attention },
      widths: [''],
    }),
  ),
  merge(
    'Llama 3.2 Vision',
    {
      ...{ model_type: 'mllama', text_config: text('mllama_text_model') },
      vision_config: { model_type: 'mllama_vision_model', hidden_act: 'gelu', ...sizes, intermediate_size: 12 },
    },
    llama('language_model.model.layers.#'),
    ...['global_transformer', 'transformer'].map((part) =>
      plan({
        ...{ ...fc, layers: `vision_model.${part}.layers.#`, neurons: 12, widths: inVision('intermediate_size') },
        norm: layernorm('post_attention_layernorm'),
        beside: (at) => normTensors(`${at}.input_layernorm`),
      }),
    ),
  ),
  ...(['layer_norm', 'rms_norm'] as const).map((norm_type) =>
    merge(
      `InternVL with ${norm_type}`,
      {
        ...{ model_type: 'internvl', text_config: text('qwen2') },
        vision_config: {
          model_type: 'internvl_vision',
          hidden_act: 'gelu',
          norm_type,
          ...sizes,
          intermediate_size: 12,
        },
      },
      llama('language_model.model.layers.#'),
      plan({
        ...{ ...fc, layers: 'vision_tower.encoder.layer.#', neurons: 12, widths: inVision('intermediate_size') },
        norm: norm_type === 'layer_norm' ? layernorm('layernorm_after') : rmsnorm('layernorm_after'),
      }),
    ),
  ),
  merge(
    'SmolVLM, whose configuration leaves out defaults',
    {
      ...{ model_type: 'smolvlm', text_config: { model_type: 'llama', ...sizes } },
      vision_config: { model_type: 'smolvlm_vision', ...sizes, intermediate_size: 12 },
    },
    llama('model.text_model.layers.#'),
    plan({
      ...{ ...fc, layers: 'model.vision_model.encoder.layers.#', activation: 'gelu_tanh', neurons: 12 },
      ...{ norm: layernorm('layer_norm2'), widths: inVision('intermediate_size') },
    }),
  ),
  merge(
    'SAM',
    {
      model_type: 'sam',
      mask_decoder_config: { model_type: '', hidden_act: 'relu', hidden_size: H, mlp_dim: 12 },
      vision_config: { model_type: 'sam_vision_model', hidden_act: 'gelu', hidden_size: H, mlp_dim: M },
    },
    plan({
      ...{ ...lin, layers: 'mask_decoder.transformer.layers.#', activation: 'relu', neurons: 12 },
      widths: ['mask_decoder_config.mlp_dim'],
    }),
    plan({ ...lin, layers: 'vision_encoder.layers.#', activation: 'gelu', widths: inVision('mlp_dim') }),
  ),
  plan({
    ...{ ...fc, name: 'DINOv3', layers: 'layer.#', input: 'mlp.up_proj', output: 'mlp.down_proj', widths: WIDTH },
    ...{ norm: layernorm('norm2'), config: { model_type: 'dinov3_vit', hidden_act: 'gelu', ...sizes } },
  }),
  plan({
    ...{ ...gated('mlp'), name: 'DINOv3, gated', layers: 'layer.#', bias: true, norm: layernorm('norm2') },
    ...{ config: { model_type: 'dinov3_vit', use_gated_mlp: true, hidden_act: 'silu', ...sizes }, widths: WIDTH },
  }),
  swin('Swin', { model_type: 'swin' }, { norm: layernorm('layernorm_after') }),
  swin(
    'Swin v2',
    { model_type: 'swinv2' },
    {
      beside: (at: string) => ({
        ...normTensors(`${at}.layernorm_after`),
        [`${at}.attention.self.continuous_position_bias_mlp.0.weight`]: [10, 2],
      }),
    },
  ),
  plan({
    ...{ ...bert, name: 'ConvNeXt', layers: 'convnext.encoder.stages.0.layers.#', input: 'pwconv1', output: 'pwconv2' },
    ...{ norm: layernorm('layernorm'), beside: (at) => ({ [`${at}.dwconv.weight`]: [H, 1, 7, 7] }), widths: [''] },
    config: { model_type: 'convnext', hidden_act: 'gelu', hidden_sizes: [H, 2 * H] },
  }),
  plan({
    ...{ ...fc, name: 'ViT of torchvision', layers: 'encoder.layers.encoder_layer_#', input: 'mlp.0', output: 'mlp.3' },
    ...{ norm: layernorm('ln_2'), beside: projections('self_attention.out_proj'), widths: [''] },
  }),
  plan({
    ...{
      ...bert,
      name: 'Audio Spectrogram Transformer',
      layers: 'encoder.layer.#',
      norm: layernorm('layernorm_after'),
    },
    ...{ config: { model_type: 'audio-spectrogram-transformer', hidden_act: 'gelu', ...sizes }, widths: WIDTH },
  }),
  plan({
    ...{
      ...fc,
      name: 'PixArt',
      layers: 'transformer_blocks.#',
      input: 'ff.net.0.proj',
      output: 'ff.net.2',
      part: 'ff.net',
    },
    ...{
      activation: 'gelu_tanh',
      config: { _class_name: 'PixArtTransformer2DModel', activation_fn: 'gelu-approximate' },
    },
    widths: [''],
  }),
  plan({
    ...{ ...fc, name: 'a diffusion network with GEGLU', layers: 'down_blocks.0.attentions.0.transformer_blocks.#' },
    ...{ input: 'ff.net.0.proj', output: 'ff.net.2', part: 'ff.net', fused: 'value first' },
    ...{ config: { _class_name: 'UNet', activation_fn: 'geglu' }, widths: [''] },
  }),
];
