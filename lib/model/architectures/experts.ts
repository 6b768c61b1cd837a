import { COMMON, type FeedForward, gatedLinears, layernorm, type NormPlace, rmsnorm } from './feed_forward.ts';

const AFTER_ATTENTION = rmsnorm('post_attention_layernorm');
const LAYERS = { ...COMMON, layers: ['layers.#'], activation: 'silu', norm: AFTER_ATTENTION } as const;
/** Experts have a width of their own. */
const OWN_WIDTH = 'moe_intermediate_size';

/** An expert, or what all tokens pass beside the experts, at `part` of a layer. */
const expert = (part: string) => ({ ...LAYERS, ...gatedLinears(part) });
/** The same under the names of the first Llama. */
const numbered = (part: string) => ({ ...LAYERS, gate: `${part}.w1`, input: `${part}.w3`, output: `${part}.w2` });

const QWEN_TYPES = ['qwen2_moe', 'qwen3_moe'];
const ONE_PLUS: NormPlace = { kind: 'rmsnorm', offset: 1, at: ['post_attention_layernorm'] };
const QWEN_NEXT = { modelTypes: ['qwen3_next'], norm: ONE_PLUS, configured: true } as const;

const DEEPSEEK_TYPES = [
  ...['deepseek_v2', 'deepseek_v3', 'deepseek_v32', 'kimi_k2', 'glm4_moe', 'glm4_moe_lite', 'glm_moe_dsa', 'dots1'],
  ...['solar_open', 'ernie4_5_moe', 'glm4v_moe', 'glm4v_moe_text'],
];
/** How many experts they have for all tokens, which are one block that many times as wide. */
const SHARED = ['n_shared_experts', 'moe_num_shared_experts'];

const LLAMA4 = ['llama4', 'llama4_text'];
const LFM2 = { modelTypes: ['lfm2_moe'], norm: rmsnorm('ffn_norm'), activationKeys: [], configured: true } as const;

/** V (φ(G x + b_g) ⊙ (W x + b)) + c in layers with experts; routers, and what weighs the experts, stay as they are. */
export const EXPERTS: readonly FeedForward[] = [
  { ...expert('mlp.experts.#'), name: 'experts', modelTypes: QWEN_TYPES, width: OWN_WIDTH },
  {
    ...{ ...expert('mlp.shared_expert'), name: 'shared expert', modelTypes: QWEN_TYPES },
    width: 'shared_expert_intermediate_size',
  },
  {
    ...{ ...expert('mlp'), name: 'dense layers of experts', modelTypes: QWEN_TYPES },
    without: ['pre_feedforward_layernorm', 'post_feedforward_layernorm'],
  },
  { ...expert('mlp.experts.#'), name: 'Qwen3-Next', ...QWEN_NEXT, width: OWN_WIDTH },
  { ...expert('mlp.shared_expert'), name: 'Qwen3-Next', ...QWEN_NEXT, width: 'shared_expert_intermediate_size' },
  { ...expert('mlp'), name: 'Qwen3-Next', ...QWEN_NEXT },
  { ...expert('mlp.experts.#'), name: 'DeepSeek, experts', modelTypes: DEEPSEEK_TYPES, width: OWN_WIDTH },
  ...SHARED.map((key) => ({
    ...{ ...expert('mlp.shared_experts'), name: 'DeepSeek, shared expert', modelTypes: DEEPSEEK_TYPES },
    ...{ width: OWN_WIDTH, when: { [key]: [1] } },
  })),
  {
    ...{ ...expert('mlp.shared_experts'), name: 'DeepSeek, shared experts', modelTypes: DEEPSEEK_TYPES },
    width: undefined,
  },
  { ...expert('mlp'), name: 'DeepSeek, dense layers', modelTypes: DEEPSEEK_TYPES, configured: true },
  { ...expert('mlp.experts.#'), name: 'OLMoE', modelTypes: ['olmoe'], configured: true },
  { ...numbered('block_sparse_moe.experts.#'), name: 'Mixtral', modelTypes: ['mixtral', 'minimax', 'minimax_m2'] },
  {
    ...{ ...numbered('block_sparse_moe.experts.#'), name: 'Phi-3.5-MoE', modelTypes: ['phimoe'] },
    norm: layernorm('post_attention_layernorm'),
  },
  { ...expert('feed_forward'), name: 'Llama 4, dense layers', modelTypes: LLAMA4, width: 'intermediate_size_mlp' },
  // Its routed experts, which lie in one tensor, have the same setting.
  { ...expert('feed_forward.shared_expert'), name: 'Llama 4, shared expert', modelTypes: LLAMA4, width: undefined },
  ...['feed_forward', 'feed_forward.experts.#'].map((part) => ({
    ...{ ...expert(part), name: 'Jamba', modelTypes: ['jamba'], norm: rmsnorm('pre_ff_layernorm') },
  })),
  { ...numbered('feed_forward'), name: 'LFM2', ...LFM2 },
  { ...numbered('feed_forward.experts.#'), name: 'LFM2, experts', ...LFM2, width: OWN_WIDTH },
];
