import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeBlocks, precedingNorm } from '../../lib/model/architectures/describe.ts';
import { type FindBlocksOptions, findBlockShapes, findBlocks } from '../../lib/model/blocks.ts';
import { parseConfig } from '../../lib/model/config.ts';
import type { ModelHeader } from '../../lib/model/model.ts';
import { withModel } from '../../lib/model/open_model.ts';
import { type Checkpoint, headerOf, writeCheckpoint } from '../support/checkpoints.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { PLAIN_ZOO } from '../support/zoo_plain.ts';

const zoo = (name: string): Checkpoint => [...PLAIN_ZOO, ...GATED_ZOO].find((one) => one.name === name)!;

interface Change {
  /** Other values of config.json; null: there is none. */
  readonly config?: object | null;
  /** Tensors that are not there. */
  readonly without?: RegExp;
  /** Other dtypes, by the ends of names. */
  readonly dtypes?: Readonly<Record<string, string>>;
  /** Other or more tensors. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

/** A checkpoint's header, with something changed. */
function header(name: string, { config = {}, without, dtypes = {}, shapes = {} }: Change = {}): ModelHeader {
  const checkpoint = zoo(name);
  const entries = Object.entries({ ...checkpoint.tensors, ...shapes }).filter(([tensor]) => !without?.test(tensor));
  // As JSON has it: without what is undefined.
  const json = parseConfig(new TextEncoder().encode(JSON.stringify({ ...checkpoint.config, ...config })), '').json;
  return headerOf(
    { tensors: Object.fromEntries(entries), ...(config !== null && { config: json }) },
    (tensor) => Object.entries(dtypes).find(([end]) => tensor.endsWith(end))?.[1] ?? 'F32',
  );
}

const activationsOf = (head: ModelHeader, options?: FindBlocksOptions) => [
  ...new Set(findBlocks(head, options).map(({ activation }) => activation.name)),
];
const throwing = (code: string, ...parts: readonly string[]) =>
  expect.objectContaining({ code, message: expect.stringMatching(new RegExp(parts.join('[^]*'))) });

function failure(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return 'it did not throw';
}

describe('the activation', () => {
  it.each([
    ['GPT-2', { activation_function: 'relu' }, 'relu'],
    ['GPT-2', { activation_function: undefined }, 'gelu_tanh'],
    ['GPT-2', { activation_function: 'gelu_fast' }, 'gelu_tanh'],
    ['BERT', { hidden_act: 'gelu_python' }, 'gelu'],
    ['ALBERT', { hidden_act: 'gelu_new' }, 'gelu_tanh'],
    ['Llama', { hidden_act: 'swish' }, 'silu'],
    ['Gemma', { hidden_act: 'gelu', hidden_activation: 'gelu_pytorch_tanh' }, 'gelu_tanh'],
    ['Gemma', { hidden_act: 'gelu', hidden_activation: null }, 'gelu'],
    ['Flan-T5', { feed_forward_proj: 'gated-silu' }, 'silu'],
    ['Flan-T5', { feed_forward_proj: 'gated-gelu', dense_act_fn: 'relu' }, 'relu'],
    ['Nemotron', { hidden_act: 'leaky_relu' }, 'leaky_relu'],
    ['Llama', { hidden_act: 'mish' }, 'mish'],
    ['BERT', { hidden_act: 'relu6' }, 'relu6'],
  ])('of %s with %j is %s', (name, config, expected) => {
    expect(activationsOf(header(name, { config }))).toEqual([expected]);
  });

  it.each(['Llama', 'Gemma', 'BART'])('of %s is asked for where no config.json says it', (name) => {
    const head = header(name, { config: null });
    expect(failure(() => findBlocks(head))).toEqual(throwing('ACTIVATION', 'config.json', '--activation'));
    expect(activationsOf(head, { activation: 'silu' })).toEqual(['silu']);
  });

  it('that is said by hand wins, block by block', () => {
    const head = header('GPT-2');
    expect(activationsOf(head, { activation: 'tanh' })).toEqual(['tanh']);
    expect(activationsOf(head, { activation: 'transformer.h.1.mlp=relu' })).toEqual(['gelu_tanh', 'relu']);
  });

  it('is refused where config.json says one that is not known', () => {
    const head = header('Llama', { config: { hidden_act: 'xielu' } });
    expect(failure(() => findBlocks(head))).toEqual(throwing('ACTIVATION', 'config.json', 'hidden_act: "xielu"'));
    expect(activationsOf(head, { activation: 'silu' })).toEqual(['silu']);
  });

  it('of an architecture that the table does not have is what its config.json says', () => {
    const head = header('Llama', { config: { model_type: 'news', hidden_act: 'relu2' } });
    expect(activationsOf(head)).toEqual(['relu2']);
    expect(precedingNorm(head, findBlockShapes(head)[0]!)).toBeUndefined();
  });

  it('of an architecture that the table does not have is not that of another one with the same names', () => {
    const head = header('GPT-2', { config: { model_type: 'news', activation_function: undefined } });
    expect(failure(() => findBlocks(head))).toEqual(throwing('ACTIVATION', 'config.json', 'news', 'hidden_act'));
    expect(activationsOf(head, { activation: 'relu' })).toEqual(['relu']);
  });

  it('of what only the names of gates show is what config.json says', () => {
    const shapes = Object.fromEntries(
      Object.entries({ gate_proj: [8, 6], up_proj: [8, 6], down_proj: [6, 8] }).map(([part, shape]) => [
        ...[`model.layers.1.moe.common.${part}.weight`, shape],
      ]),
    );
    const head = header('Llama', { config: { model_type: 'news', hidden_act: 'relu' }, shapes });
    expect(findBlocks(head).map(({ name, activation }) => [name, activation.name])).toContainEqual([
      ...['model.layers.1.moe.common', 'relu'],
    ]);
  });

  it.each([
    ['audio_tower.layers.0.mlp', { audio_config: { hidden_act: 'relu' } }, 'relu'],
    ['model.visual.blocks.0.mlp', { vision_config: { hidden_act: 'quick_gelu' } }, 'quick_gelu'],
    ['detr_decoder.layers.0.mlp', { detr_decoder_config: { hidden_act: 'relu' }, decoder_config: {} }, 'relu'],
    ['thinker.model.layers.0.mlp', { thinker_config: { text_config: { hidden_act: 'tanh' } } }, 'tanh'],
    ['model.decoder.layers.0.mlp', { encoder: { hidden_act: 'relu' }, decoder: { hidden_act: 'tanh' } }, 'tanh'],
    ['model.layers.0.mlp', { audio_config: { hidden_act: 'relu' }, hidden_act: 'gelu' }, 'gelu'],
  ])('of %s is what its own part of config.json says', (block, config, expected) => {
    const shapes = {
      ...{ [`${block}.gate_proj.weight`]: [8, 6], [`${block}.up_proj.weight`]: [8, 6] },
      [`${block}.down_proj.weight`]: [6, 8],
    };
    const unsaid = { model_type: 'news', hidden_size: undefined, hidden_act: undefined };
    const head = header('Llama', { config: { ...unsaid, ...config }, shapes });
    const only = { ...head, tensors: head.tensors.filter(({ name }) => name in shapes) };
    expect(activationsOf(only)).toEqual([expected]);
  });

  it.each([
    ['activation_sparsity_pattern', [0.95, 0]],
    ['mlp_multipliers', [0.5, 1]],
    ['swiglu_limit', 7],
  ])('is refused where %s says that there is more than one', (key, value) => {
    const head = header('Llama', { config: { [key]: value } });
    expect(failure(() => findBlocks(head))).toEqual(throwing('ACTIVATION', 'config.json', key, '--activation'));
    expect(activationsOf(header('Llama', { config: { [key]: null } }))).toEqual(['silu']);
    expect(activationsOf(header('Llama', { config: { mlp_multipliers: [1, 1] } }))).toEqual(['silu']);
  });
});

describe('config.json', () => {
  it.each<[string, object, ...string[]]>([
    ['GPT-2', { n_inner: 17 }, 'n_inner: 17', 'transformer.h.0.mlp.c_fc.weight', '16 neurons'],
    ['Llama', { hidden_size: 7 }, 'hidden_size: 7', 'mlp.up_proj.weight', '6 inputs'],
    ['Phi-3', { intermediate_size: 32 }, 'intermediate_size: 32', 'gate_up_proj.weight', '16 neurons'],
    ['Whisper', { decoder_ffn_dim: 16 }, 'decoder_ffn_dim: 16', 'model.decoder.layers.0.fc1.weight', '12 neurons'],
  ])('of %s with %j contradicts the tensors', (name, config, ...parts) => {
    expect(failure(() => findBlocks(header(name, { config })))).toEqual(throwing('CONFIG', 'config.json', ...parts));
  });

  it('is held against nothing that it does not say, and nothing of another architecture', () => {
    expect(findBlocks(header('GPT-2', { config: { n_inner: null } }))).toHaveLength(2);
    const other = { model_type: 'news', intermediate_size: 5 };
    expect(findBlocks(header('Llama', { config: other }))).toHaveLength(2);
  });

  it.each(['[]', '{', '1', 'null'])('is refused if it is %s', (text) => {
    const parse = () => parseConfig(new TextEncoder().encode(text), 'dir/config.json');
    expect(failure(parse)).toEqual(throwing('CONFIG', 'dir/config.json is not a JSON object'));
  });
});

describe('damaged models', () => {
  it.each([
    ['GPT-2', /h\.1\.mlp\.c_proj\.weight/, 'h.1.mlp.c_proj.weight'],
    ['GPT-2', /h\.1\.mlp\.c_fc\.weight/, 'h.1.mlp.c_fc.weight'],
    ['Llama', /layers\.0\.mlp\.gate_proj/, 'layers.0.mlp.gate_proj.weight'],
    ['ModernBERT', /layers\.1\.mlp\.Wo/, 'layers.1.mlp.Wo.weight'],
  ])('%s without %s is refused by that name', (name, without, tensor) => {
    for (const config of [{}, null]) {
      const find = () => findBlockShapes(header(name, { without, config }));
      expect(failure(find)).toEqual(throwing('TENSOR_MISSING', tensor));
    }
  });

  it('with sizes that do not fit name the tensors', () => {
    const shapes = { 'model.layers.1.mlp.down_proj.weight': [6, 15] };
    const find = () => findBlockShapes(header('Llama', { shapes }));
    expect(failure(find)).toEqual(throwing('BLOCK_SHAPE', 'up_proj.weight', 'down_proj.weight'));
    const empty = { 'model.layers.0.mlp.Wi.weight': [0, 6], 'model.layers.0.mlp.Wo.weight': [6, 0] };
    expect(failure(() => findBlockShapes(header('ModernBERT', { shapes: empty })))).toMatchObject({
      code: expect.stringMatching(/^(BLOCK_SHAPE|TENSOR_MISSING)$/),
    });
    const odd = { 'model.layers.0.mlp.gate_up_proj.weight': [31, 6] };
    const fused = () => findBlockShapes(header('Phi-3', { shapes: odd, config: null }));
    expect(failure(fused)).toEqual(throwing('BLOCK_SHAPE', 'halves', 'gate_up_proj.weight', '31 rows'));
  });

  it.each(['I8', 'U8', 'F8_E4M3'])('quantised to %s are refused, unless it is no block', (dtype) => {
    const find = (dtypes: Record<string, string>) => () => findBlockShapes(header('Llama', { dtypes }));
    expect(failure(find({ 'up_proj.weight': dtype }))).toEqual(throwing('BLOCK_DTYPE', 'up_proj.weight', dtype));
    expect(find({ 'q_proj.weight': dtype, 'embed_tokens.weight': dtype })()).toHaveLength(2);
  });

  it('packed by a quantiser are refused by name', () => {
    const shapes = { 'model.layers.0.mlp.up_proj.qweight': [1, 16] };
    const find = () => findBlockShapes(header('Llama', { shapes, without: /up_proj\.weight/ }));
    expect(failure(find)).toEqual(throwing('BLOCK_DTYPE', 'up_proj.qweight', 'quantised'));
  });
});

describe('what stands between the linears of a block', () => {
  const inEach = (part: string, shape: readonly number[]) =>
    Object.fromEntries([0, 1].map((n) => [`model.layers.${n}.mlp.${part}`, shape]));

  it.each([
    ['a norm', inEach('ffn_sub_norm.weight', [16])],
    ['a depthwise convolution', inEach('dwconv.dwconv.weight', [16, 1, 3, 3])],
    ['a response normalisation', inEach('grn.weight', [1, 1, 1, 16])],
    ['a BatchNorm', inEach('bn.running_mean', [16])],
  ])('%s makes it none that can be merged', (_, shapes) => {
    const [tensor] = Object.keys(shapes) as [string];
    const find = () => findBlockShapes(header('Llama', { shapes }));
    expect(failure(find)).toEqual(throwing('NO_BLOCKS', 'model.layers.0.mlp', tensor, 'hidden neurons', '--blocks'));
    const [one] = Object.entries(shapes) as [[string, readonly number[]]];
    const other = findBlockShapes(header('Llama', { shapes: Object.fromEntries([one]) }));
    expect(other.map(({ name }) => name)).toEqual(['model.layers.1.mlp']);
    expect(
      findBlockShapes(header('Llama', { shapes }), 'model.layers.*.mlp.gate_proj>model.layers.*.mlp.down_proj'),
    ).toHaveLength(2);
  });

  it.each([
    ['norms of another width', inEach('norm.weight', [6])],
    ['what is deeper', inEach('router.more.norm.weight', [16])],
    ['scales of quantised linears', inEach('down_proj.input_scale', [16])],
    ['single numbers', inEach('act.slope', [1])],
  ])('is not %s', (_, shapes) => {
    expect(findBlockShapes(header('Llama', { shapes }))).toHaveLength(2);
  });

  it('is told apart from a norm around a square block by what it is', () => {
    const square = { gate_proj: [6, 6], up_proj: [6, 6], down_proj: [6, 6] };
    const shapes = Object.assign({}, ...Object.entries(square).map(([part, shape]) => inEach(`${part}.weight`, shape)));
    const config = { intermediate_size: 6 };
    expect(
      findBlockShapes(header('Llama', { config, shapes: { ...shapes, ...inEach('norm.weight', [6]) } })),
    ).toHaveLength(2);
    const batch = { ...shapes, ...inEach('norm.running_mean', [6]) };
    expect(failure(() => findBlockShapes(header('Llama', { config, shapes: batch })))).toEqual(throwing('NO_BLOCKS'));
  });
});

describe('norms', () => {
  it('of checkpoints from TensorFlow are called gamma and beta', () => {
    const place = 'bert.encoder.layer.0.attention.output.LayerNorm';
    const shapes = { [`${place}.gamma`]: [6], [`${place}.beta`]: [6] };
    const head = header('BERT', { without: /layer\.0.*LayerNorm\.(weight|bias)/, shapes });
    const [block] = findBlockShapes(head);
    expect(precedingNorm(head, block!)).toEqual({
      ...{ kind: 'layernorm', weight: `${place}.gamma`, offset: 0, bias: `${place}.beta` },
    });
  });

  it('are not guessed where names leave a choice', () => {
    const head = header('Llama', { config: null });
    const told = describeBlocks(head)(findBlockShapes(head)[0]!);
    expect(told.architectures).toEqual(expect.arrayContaining(['Llama', 'Gemma']));
    expect(told.norm).toBeUndefined();
  });
});

describe('unknown layouts', () => {
  const unknown = (shapes: Record<string, readonly number[]>): ModelHeader => ({
    ...header('GPT-2', { config: null, without: /./ }),
    tensors: Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype: 'F32', begin: 0, end: 0 })),
  });
  const layers = (...names: readonly (readonly [string, number, number])[]) =>
    Object.fromEntries([0, 1].flatMap((n) => names.map(([name, m, k]) => [`net.${n}.${name}.weight`, [m, k]])));

  it('say what comes near, and how to describe them', () => {
    const head = unknown(layers(['attn.q', 4, 4], ['attn.o', 4, 4], ['ff.c_fc', 16, 4], ['ff.c_out', 4, 16]));
    const error = failure(() => findBlockShapes(head)) as Error;
    expect(error).toMatchObject({ code: expect.stringMatching(/^(NO_BLOCKS|BLOCKS_AMBIGUOUS)$/) });
    expect(error.message).toContain('--blocks "net.*.ff.c_fc>net.*.ff.c_out"');
    expect(error.message).toContain('these may be 2 blocks');
    const described = findBlockShapes(head, 'net.*.ff.c_fc>net.*.ff.c_out');
    expect(described.map(({ name, neurons }) => [name, neurons])).toEqual([
      ['net.0.ff.c_fc', 16],
      ['net.1.ff.c_fc', 16],
    ]);
  });

  it('name the nearest architecture and what of it is there', () => {
    const head = unknown({ 'a.mlp.gate_proj.weight': [16, 4], 'b.mlp.up_proj.weight': [16, 4] });
    const error = failure(() => findBlockShapes(head)) as Error;
    expect(error.message).toMatch(/nearest known layout is that of .*mlp\.gate_proj.*"a\.mlp\.gate_proj\.weight"/);
  });

  it('take gates and parts by hand', () => {
    const fused = unknown(layers(['w_in', 32, 4], ['w_out', 4, 16]));
    const option = 'net.*.w_in[1/2]&net.*.w_in[2/2]>net.*.w_out';
    expect(findBlockShapes(fused, option)).toMatchObject([
      { name: 'net.0.w_in', input: { tensor: 'net.0.w_in.weight[2/2]', rows: 16 }, gate: { weight: { rows: 16 } } },
      { name: 'net.1.w_in' },
    ]);
    const apart = unknown(layers(['g', 16, 4], ['u', 16, 4], ['d', 4, 16]));
    expect(findBlockShapes(apart, 'net.1.g&net.1.u>net.1.d')).toMatchObject([
      { name: 'net.1.u', gate: { weight: { tensor: 'net.1.g.weight' } } },
    ]);
    for (const wrong of ['a&b&c>d', 'a>b&c', 'a&>d', 'net.*.nothing>net.*.d']) {
      expect(failure(() => findBlockShapes(apart, wrong))).toMatchObject({ code: 'BLOCK_SPEC' });
    }
  });
});

describe('files of other formats', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hermkit-formats-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const open = (path: string) => withModel(path, async (model) => model.tensors.length);

  it.each([
    ['model.gguf', [0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, 1], 'GGUF'],
    ['pytorch_model.bin', [0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0], 'PyTorch.*save_pretrained'],
    ['old.pt', [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9], 'PyTorch'],
    ['tf_model.h5', [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 0], 'HDF5'],
    ['pickled.bin', [0x80, 2, 0x7d, 0x71, 0, 0x58, 9, 0, 0], 'PyTorch'],
    ['model.tflite', [0x20, 0, 0, 0, 0x54, 0x46, 0x4c, 0x33, 0], 'TensorFlow Lite.*tf2onnx'],
    ['gzip.safetensors', [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0], 'gzip'],
    ['graph.safetensors', [8, 7, 0x12, 7, 0x70, 0x79, 0x74, 0x6f, 0x72], 'ONNX model.*\\.onnx'],
    ['model.herm', [0x89, 0x48, 0x45, 0x52, 0x4d, 0x0d, 0x0a, 0x1a, 1], 'herm expand'],
  ])('%s says what it is', async (name, bytes, why) => {
    writeFileSync(at(name), Uint8Array.from(bytes));
    await expect(open(at(name))).rejects.toEqual(throwing('MODEL_FORMAT', name.replace('.', '\\.'), why));
  });

  it.each([
    ['lfs.safetensors', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n', 'git lfs pull'],
    ['page.safetensors', '\n<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n', 'web page'],
    ['refused.safetensors', '{"error":"Repository not found"}', 'JSON text'],
    ['model.json', '{"format":"graph-model","modelTopology":{}}', 'TensorFlow.js.*tf2onnx'],
  ])('%s says what it is, as text', async (name, text, why) => {
    writeFileSync(at(name), text);
    await expect(open(at(name))).rejects.toEqual(throwing('MODEL_FORMAT', name.replace('.', '\\.'), why));
  });

  it('of TensorFlow in a directory come with what helps them', async () => {
    mkdirSync(at('Page'));
    writeFileSync(at('Page/model.json'), '{"format":"graph-model"}');
    writeFileSync(at('Page/group1-shard1of1.bin'), 'weights');
    await expect(open(at('Page'))).rejects.toEqual(throwing('MODEL_FORMAT', 'group1-shard1of1.bin', 'tf2onnx'));
  });

  it('are not what an index without its shards is', async () => {
    mkdirSync(at('Half'));
    const index = { metadata: { total_size: 8 }, weight_map: { w: 'model-00001-of-00001.safetensors' } };
    writeFileSync(at('Half/model.safetensors.index.json'), JSON.stringify(index));
    writeFileSync(at('Half/pytorch_model.bin'), 'PK');
    await expect(open(at('Half'))).rejects.toEqual(throwing('MODEL_FILES', 'model-00001-of-00001', 'is missing'));
  });

  it('alone in a directory are named, and beside safetensors files kept', async () => {
    mkdirSync(at('Old'));
    writeFileSync(at('Old/config.json'), '{}');
    writeFileSync(at('Old/pytorch_model.bin'), 'PK');
    await expect(open(at('Old'))).rejects.toEqual(throwing('MODEL_FORMAT', 'pytorch_model.bin', 'save_pretrained'));
    writeCheckpoint(at('Both'), zoo('GPT-2'));
    writeFileSync(at('Both/pytorch_model.bin'), 'PK');
    expect(await open(at('Both'))).toBeGreaterThan(0);
  });
});
