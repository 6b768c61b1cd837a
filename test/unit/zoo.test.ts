import { describe, expect, it } from 'vitest';
import { describeBlocks } from '../../lib/model/architectures/describe.ts';
import { widthGroups } from '../../lib/model/architectures/width_keys.ts';
import { findBlockShapes, findBlocks } from '../../lib/model/blocks.ts';
import { blockSummary, headerOf } from '../support/checkpoints.ts';
import { H, M, merge, plan } from '../support/zoo.ts';
import { EXPERTS_ZOO } from '../support/zoo_experts.ts';
import { LANGUAGE_ZOO } from '../support/zoo_language.ts';
import { SPEECH_ZOO } from '../support/zoo_speech.ts';
import { VISION_ZOO } from '../support/zoo_vision.ts';

const collator = new Intl.Collator('en', { numeric: true });

describe.each([...LANGUAGE_ZOO, ...VISION_ZOO, ...SPEECH_ZOO, ...EXPERTS_ZOO])('$name', (checkpoint) => {
  const header = headerOf(checkpoint);

  it('shows all its feed-forward blocks, what they read and what they compute', () => {
    const told = describeBlocks(header);
    const found = findBlocks(header).map((block) => blockSummary(block, told(block).norm));
    expect(found).toEqual([...checkpoint.blocks].sort((a, b) => collator.compare(a.name, b.name)));
  });

  it('has its widths in config.json where loaders look for them', () => {
    const groups = widthGroups(header);
    expect(new Set(groups.map(({ path = [] }) => path.join('.')))).toEqual(new Set(checkpoint.widths));
    expect(groups.flatMap(({ users }) => users.map(({ input }) => input)).sort()).toEqual(
      checkpoint.blocks.map(({ input }) => input).sort(),
    );
  });
});

it('two blocks of one layer are called by their inputs', () => {
  const layer = { name: '', layers: 'encoder.layer.#', part: '', bias: true, activation: 'gelu' };
  const config = { model_type: 'instructblip_qformer', hidden_act: 'gelu' };
  const both = merge(
    'Q-Former',
    config,
    plan({ ...layer, input: 'intermediate.dense', output: 'output.dense', count: 1 }),
    plan({ ...layer, input: 'intermediate_query.dense', output: 'output_query.dense', count: 1 }),
  );
  expect(findBlocks(headerOf(both)).map(({ name }) => name)).toEqual([
    ...['encoder.layer.0.intermediate_query.dense', 'encoder.layer.0.intermediate.dense'],
  ]);
});

describe('names that say too little', () => {
  const fc = { layers: 'model.layers.#', part: '', bias: true, activation: '', name: '' };
  const bare = (input: string, output: string, config?: object) =>
    headerOf(plan({ ...fc, input, output, ...(config && { config: { ...config } }) }));

  it.each([
    ['PyTorch', 'linear1', 'linear2', 'model.layers.#'],
    ['OpenCLIP', 'mlp.c_fc', 'mlp.c_proj', 'visual.transformer.resblocks.#'],
    ['Flux', 'ff_context.net.0.proj', 'ff_context.net.2', 'transformer_blocks.#'],
  ])('of %s are blocks whose activation is asked for', (_, input, output, layers) => {
    const header = headerOf(plan({ ...fc, input, output, layers }));
    expect(findBlockShapes(header)).toHaveLength(2);
    expect(() => findBlocks(header)).toThrow(/which activation/);
    expect(findBlocks(header, { activation: 'quick_gelu' })[0]).toMatchObject({ inputs: H, neurons: M });
  });

  it('of XGLM and BioGPT are neither where no config.json says it', () => {
    const told = (config?: object) => {
      const header = bare('fc1', 'fc2', config);
      return describeBlocks(header)({ input: { tensor: 'model.layers.0.fc1.weight', rows: M, cols: H } as never });
    };
    expect(told().architectures).toEqual([]);
    expect(told({ model_type: 'news' }).architectures).toEqual([]);
    expect(told({ model_type: 'xglm' }).architectures).toEqual(['XGLM']);
  });
});
