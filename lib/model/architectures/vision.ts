import { BERT_LIKE, COMMON, type FeedForward, layernorm, rmsnorm } from './feed_forward.ts';

const CLIP_LIKE = {
  ...{ layers: ['encoder.layers.#'], input: 'mlp.fc1', output: 'mlp.fc2', norm: layernorm('layer_norm2') },
  ...COMMON,
} as const;

/** An architecture, and the names of its two parts. */
const withTowers = (...types: string[]) =>
  types.flatMap((type) => [type, `${type}_text_model`, `${type}_vision_model`]);

const VIT_TYPES = [
  ...['vit', 'deit', 'beit', 'vit_mae', 'vit_msn', 'ijepa', 'videomae', 'yolos', 'vilt', 'dpt', 'timesformer'],
  ...['data2vec-vision', 'audio-spectrogram-transformer'],
];
const CLIP_TYPES = [
  ...withTowers('clip', 'metaclip_2', 'clipseg', 'owlvit', 'owlv2'),
  ...['altclip_vision_model', 'chinese_clip_vision_model', 'git_vision_model'],
];
const SIGLIP_TYPES = withTowers('siglip', 'siglip2');
const SIGLIP_TOWERS = ['idefics3', 'idefics3_vision', 'smolvlm', 'smolvlm_vision'];
const QWEN_VISUALS = ['qwen3_vl', 'qwen3_vl_moe', 'qwen3_5', 'qwen3_5_moe'].flatMap((type) => [type, `${type}_vision`]);

/** Marks of whole models: where Qwen-VL has its vision tower, and what only Swin v2 has in its attention. */
const VISUAL = 'visual.blocks.';
const SWIN2 = 'continuous_position_bias_mlp';

const FC = { input: 'mlp.fc1', output: 'mlp.fc2' } as const;
/** Where loaders compute the width, and layers differ in their inputs. */
const STAGES = { ...BERT_LIKE, width: undefined, hidden: undefined } as const;

/** Their norms depend on the time step, so none is known; some say no activation and have one of their own. */
export const DIFFUSERS = {
  ...{ name: 'diffusers', modelTypes: [], layers: ['transformer_blocks.#'], activation: undefined },
  ...{ activationKeys: ['activation_fn'], norm: undefined, width: undefined, hidden: undefined },
};

/** V φ(W x + b) + c in networks that see. */
export const VISION: readonly FeedForward[] = [
  {
    ...{ ...BERT_LIKE, name: 'ViT', modelTypes: VIT_TYPES, layers: ['layer.#'], norm: layernorm('layernorm_after') },
  },
  {
    ...{ name: 'ViT (timm)', modelTypes: [], layers: ['blocks.#'], input: 'mlp.fc1', output: 'mlp.fc2' },
    ...{ activation: 'gelu', activationKeys: [], norm: layernorm('norm2') },
    ...{ width: undefined, hidden: 'num_features' },
    unmarked: [VISUAL],
  },
  {
    ...{ name: 'DINOv2', modelTypes: ['dinov2', 'dinov2_with_registers'], layers: ['layer.#'] },
    ...{ input: 'mlp.fc1', output: 'mlp.fc2', activation: 'gelu', activationKeys: COMMON.activationKeys },
    ...{ norm: layernorm('norm2'), width: undefined, hidden: 'hidden_size' },
  },
  {
    ...{ ...CLIP_LIKE, name: 'CLIP', activation: 'quick_gelu' },
    modelTypes: CLIP_TYPES,
    unmarked: ['vision_model.head.', 'text_model.head.'],
  },
  {
    ...{ ...CLIP_LIKE, name: 'SigLIP', activation: 'gelu_tanh' },
    modelTypes: SIGLIP_TYPES,
    unmarked: ['pre_layrnorm', 'text_projection', 'visual_projection'],
  },
  {
    ...{ ...CLIP_LIKE, name: 'SigLIP, pooling head', activation: 'gelu_tanh', layers: ['vision_model.head'] },
    ...{ modelTypes: SIGLIP_TYPES, norm: layernorm('layernorm') },
  },
  {
    ...{ ...CLIP_LIKE, name: 'SigLIP of Idefics 3, SmolVLM', modelTypes: SIGLIP_TOWERS, activation: 'gelu_tanh' },
    configured: true,
  },
  {
    ...{ ...FC, name: 'Qwen2-VL (vision)', modelTypes: ['qwen2_vl', 'qwen2_vl_vision'], layers: ['blocks.#'] },
    ...{ activation: 'quick_gelu', activationKeys: COMMON.activationKeys, norm: layernorm('norm2') },
    ...{ width: undefined, hidden: 'embed_dim', marks: [VISUAL] },
  },
  {
    ...{ name: 'Qwen3-VL (vision)', modelTypes: QWEN_VISUALS, layers: ['blocks.#'], input: 'mlp.linear_fc1' },
    ...{ output: 'mlp.linear_fc2', activation: 'gelu_tanh', norm: layernorm('norm2'), ...COMMON },
  },
  {
    ...{ ...FC, name: 'Llama 3.2 (vision)', modelTypes: ['mllama', 'mllama_vision_model'], layers: ['layers.#'] },
    ...{ activation: 'gelu', norm: layernorm('post_attention_layernorm'), ...COMMON, configured: true },
  },
  {
    // Its adapter takes the same setting for something else.
    ...{ ...FC, name: 'Llama 4 (vision)', modelTypes: ['llama4', 'llama4_vision_model'], layers: ['layers.#'] },
    ...{ activation: 'gelu', norm: layernorm('post_attention_layernorm'), ...COMMON, configured: true },
    ...{ activationKeys: [], width: undefined },
  },
  {
    ...{ ...FC, name: 'InternVL (vision)', modelTypes: ['internvl', 'internvl_vision'], layers: ['layer.#'] },
    ...{ activation: 'gelu', norm: layernorm('layernorm_after'), when: { norm_type: ['layer_norm', undefined] } },
    ...{ ...COMMON, configured: true },
  },
  {
    ...{ ...FC, name: 'InternVL (vision)', modelTypes: ['internvl', 'internvl_vision'], layers: ['layer.#'] },
    ...{ activation: 'gelu', norm: rmsnorm('layernorm_after'), when: { norm_type: ['rms_norm'] } },
    ...{ ...COMMON, configured: true },
  },
  {
    ...{ name: 'DINOv3', modelTypes: ['dinov3_vit'], layers: ['layer.#'], input: 'mlp.up_proj' },
    ...{ output: 'mlp.down_proj', activation: 'gelu', norm: layernorm('norm2'), ...COMMON, without: ['mlp.gate_proj'] },
  },
  {
    ...{ name: 'SAM', modelTypes: ['sam', 'sam_vision_model', 'sam_hq', 'sam_hq_vision_model'] },
    ...{ layers: ['vision_encoder.layers.#'], input: 'mlp.lin1', output: 'mlp.lin2', activation: 'gelu' },
    ...{ norm: layernorm('layer_norm2'), ...COMMON, width: 'mlp_dim' },
  },
  {
    ...{ name: 'SAM, mask decoder', modelTypes: ['sam', 'sam_hq'], layers: ['mask_decoder.transformer.layers.#'] },
    ...{ input: 'mlp.lin1', output: 'mlp.lin2', activation: 'relu', norm: layernorm('layer_norm2') },
    ...{ ...COMMON, width: 'mlp_dim' },
  },
  {
    ...{ ...STAGES, name: 'Swin', modelTypes: ['swin', 'donut-swin', 'maskformer-swin'], layers: ['blocks.#'] },
    ...{ norm: layernorm('layernorm_after'), unmarked: [SWIN2] },
  },
  {
    ...{ ...STAGES, name: 'Swin v2', modelTypes: ['swinv2'], layers: ['blocks.#'], norm: undefined, marks: [SWIN2] },
  },
  {
    ...{ ...STAGES, name: 'ConvNeXt', modelTypes: ['convnext'], layers: ['stages.#.layers.#'] },
    ...{ input: 'pwconv1', output: 'pwconv2', norm: layernorm('layernorm') },
  },
  {
    ...{ name: 'ViT (torchvision)', modelTypes: [], layers: ['encoder_layer_#'], input: 'mlp.0', output: 'mlp.3' },
    ...{ activation: 'gelu', activationKeys: [], norm: layernorm('ln_2'), width: undefined, hidden: undefined },
  },
  {
    ...{ name: 'ViT (torchvision, older)', modelTypes: [], layers: ['encoder_layer_#'], input: 'mlp.linear_1' },
    ...{ output: 'mlp.linear_2', activation: 'gelu', activationKeys: [], norm: layernorm('ln_2') },
    ...{ width: undefined, hidden: undefined },
  },
  {
    ...{ name: 'CLIP (OpenAI, OpenCLIP)', modelTypes: [], layers: ['resblocks.#'], input: 'mlp.c_fc' },
    ...{ output: 'mlp.c_proj', activation: undefined, activationKeys: [], norm: layernorm('ln_2') },
    ...{ width: undefined, hidden: undefined },
  },
  ...['ff', 'ff_context'].map((part) => ({ ...DIFFUSERS, input: `${part}.net.0.proj`, output: `${part}.net.2` })),
];
