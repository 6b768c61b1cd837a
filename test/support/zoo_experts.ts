import type { Checkpoint } from './checkpoints.ts';
import { H, layernorm, M, merge, plan, rmsnorm, withNorm } from './zoo.ts';

type Names = readonly [gate: string, input: string, output: string];
const PROJ: Names = ['gate_proj', 'up_proj', 'down_proj'];
const NUMBERED: Names = ['w1', 'w3', 'w2'];
const EXPERT = 8;
const OWN = 'moe_intermediate_size';

/** A block of one layer. */
const at = (layers: string, [gate, input, output]: Names, neurons: number, width: string, count = 1) =>
  plan({
    ...{ name: '', layers, gate, input, output, neurons, count, part: '', bias: false, activation: 'silu' },
    widths: [width],
  });
const LAYER = 'model.layers.1';
const AFTER = rmsnorm(`${LAYER}.post_attention_layernorm`);
const sizes = { hidden_act: 'silu', hidden_size: H, intermediate_size: M, moe_intermediate_size: EXPERT };

const deepseek = (name: string, config: object, shared: number) =>
  merge(
    name,
    { ...sizes, ...config },
    withNorm(
      at('model.layers.0.mlp', PROJ, M, 'intermediate_size'),
      rmsnorm('model.layers.0.post_attention_layernorm'),
    ),
    withNorm(at(`${LAYER}.mlp.experts.#`, PROJ, EXPERT, OWN, 2), AFTER),
    withNorm(at(`${LAYER}.mlp.shared_experts`, PROJ, shared * EXPERT, shared === 1 ? OWN : ''), AFTER),
  );

/** Checkpoints of layers with experts. */
export const EXPERTS_ZOO: readonly Checkpoint[] = [
  deepseek('DeepSeek-V3', { model_type: 'deepseek_v3', n_shared_experts: 1 }, 1),
  deepseek('DeepSeek-V2', { model_type: 'deepseek_v2', n_shared_experts: 2 }, 2),
  deepseek('Kimi K2', { model_type: 'kimi_k2', n_shared_experts: 1 }, 1),
  deepseek('GLM-4.5', { model_type: 'glm4_moe', n_shared_experts: 1 }, 1),
  deepseek('Ernie 4.5', { model_type: 'ernie4_5_moe', moe_num_shared_experts: 1 }, 1),
  merge(
    'Qwen3-Next',
    { ...sizes, model_type: 'qwen3_next', shared_expert_intermediate_size: 12 },
    withNorm(at(`${LAYER}.mlp.experts.#`, PROJ, EXPERT, OWN, 2), { ...AFTER, offset: 1 }),
    withNorm(at(`${LAYER}.mlp.shared_expert`, PROJ, 12, 'shared_expert_intermediate_size'), { ...AFTER, offset: 1 }),
  ),
  merge(
    'OLMoE',
    { model_type: 'olmoe', hidden_act: 'silu', hidden_size: H, intermediate_size: EXPERT },
    withNorm(at(`${LAYER}.mlp.experts.#`, PROJ, EXPERT, 'intermediate_size', 2), AFTER),
  ),
  merge(
    'Phi-3.5-MoE',
    { model_type: 'phimoe', hidden_act: 'silu', hidden_size: H, intermediate_size: EXPERT },
    withNorm(
      at(`${LAYER}.block_sparse_moe.experts.#`, NUMBERED, EXPERT, 'intermediate_size', 2),
      layernorm(AFTER.name),
    ),
  ),
  merge(
    'Llama 4',
    { model_type: 'llama4_text', ...sizes, intermediate_size: 10, intermediate_size_mlp: M },
    withNorm(
      at('model.layers.0.feed_forward', PROJ, M, 'intermediate_size_mlp'),
      rmsnorm('model.layers.0.post_attention_layernorm'),
    ),
    withNorm(at(`${LAYER}.feed_forward.shared_expert`, PROJ, 10, ''), AFTER),
    { name: '', blocks: [], tensors: { [`${LAYER}.feed_forward.experts.down_proj`]: [2, 10, H] } },
  ),
  merge(
    'Jamba',
    { model_type: 'jamba', ...sizes },
    withNorm(
      at('model.layers.0.feed_forward', PROJ, M, 'intermediate_size'),
      rmsnorm('model.layers.0.pre_ff_layernorm'),
    ),
    withNorm(
      at(`${LAYER}.feed_forward.experts.#`, PROJ, M, 'intermediate_size', 2),
      rmsnorm(`${LAYER}.pre_ff_layernorm`),
    ),
  ),
  merge(
    'LFM2 with experts',
    { model_type: 'lfm2_moe', ...sizes },
    withNorm(at('model.layers.0.feed_forward', NUMBERED, M, 'intermediate_size'), rmsnorm('model.layers.0.ffn_norm')),
    withNorm(at(`${LAYER}.feed_forward.experts.#`, NUMBERED, EXPERT, OWN, 2), rmsnorm(`${LAYER}.ffn_norm`)),
  ),
];
