import { describe, expect, it } from 'vitest';
import { HermError } from '../../lib/errors.ts';
import { activationText } from '../../lib/model/activation_option.ts';
import type { BlocksOption } from '../../lib/model/block_option.ts';
import { type FindBlocksOptions, findBlockShapes, findBlocks } from '../../lib/model/blocks.ts';
import { readSafetensorsHeader, serializeSafetensors } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { dtypeBits } from '../../lib/model/tensor.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A real file, in memory: F32 unless `dtypes` says otherwise. */
async function header(shapes: Shapes, metadata: Record<string, string> = {}, dtypes: Record<string, string> = {}) {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const dtype = dtypes[name] ?? 'F32';
    const bytes = (shape.reduce((product, size) => product * size, 1) * dtypeBits(dtype)!) / 8;
    return { name, dtype, shape, data: new Uint8Array(bytes) };
  });
  return readSafetensorsHeader(bufferSource(serializeSafetensors(tensors, new Map(Object.entries(metadata)))));
}

/** `fc1>fc2 4×8>2` for each block found. */
async function blocksOf(shapes: Shapes, blocks?: BlocksOption): Promise<string[]> {
  const found = findBlockShapes(await header(shapes), blocks);
  return found.map((b) => `${b.input.tensor}>${b.output.tensor} ${b.inputs}>${b.neurons}>${b.outputs}`);
}

async function failure(shapes: Shapes, options: FindBlocksOptions = {}, dtypes = {}): Promise<HermError> {
  const head = await header(shapes, {}, dtypes);
  try {
    findBlocks(head, { activation: 'relu', ...options });
  } catch (error) {
    if (error instanceof HermError) return error;
    throw error;
  }
  throw new Error('expected findBlocks to throw');
}

const TWO_LAYERS: Shapes = { 'fc1.weight': [6, 4], 'fc1.bias': [6], 'fc2.weight': [3, 6], 'fc2.bias': [3] };

describe('blocks by name and shape', () => {
  it('describes both sides of a hidden layer and its biases', async () => {
    expect(findBlocks(await header(TWO_LAYERS), { activation: 'gelu' })).toEqual([
      {
        name: 'fc1',
        activation: { name: 'gelu', slope: 1 },
        neurons: 6,
        inputs: 4,
        outputs: 3,
        input: { tensor: 'fc1.weight', rows: 6, cols: 4, transposed: false },
        bias: 'fc1.bias',
        output: { tensor: 'fc2.weight', rows: 3, cols: 6, transposed: true },
        outputBias: 'fc2.bias',
      },
    ]);
  });

  it('does without biases', async () => {
    const [block] = findBlockShapes(await header({ 'fc1.weight': [6, 4], 'fc2.weight': [3, 6] }));
    expect(block).toMatchObject({ bias: undefined, outputBias: undefined });
  });

  it('orders numbers as numbers, whatever the order in the file', async () => {
    const shapes = { 'layers.10.weight': [2, 8], 'layers.2.weight': [8, 8], 'layers.0.weight': [8, 5] };
    expect(await blocksOf(shapes)).toEqual([
      'layers.0.weight>layers.2.weight 5>8>8',
      'layers.2.weight>layers.10.weight 8>8>2',
    ]);
  });

  it.each<[string, Shapes, string[]]>([
    ['nn.Sequential', { '0.weight': [8, 5], '2.weight': [2, 8] }, ['0.weight>2.weight 5>8>2']],
    [
      'a nested nn.Sequential',
      { 'model.mlp.0.weight': [8, 5], 'model.mlp.3.weight': [2, 8] },
      ['model.mlp.0.weight>model.mlp.3.weight 5>8>2'],
    ],
    [
      'a numbered name inside a part',
      { 'encoder.lin_1.weight': [8, 5], 'encoder.lin_2.weight': [2, 8] },
      ['encoder.lin_1.weight>encoder.lin_2.weight 5>8>2'],
    ],
    [
      'a number before the last part',
      { 'layers.0.linear.weight': [8, 5], 'layers.1.linear.weight': [2, 8] },
      ['layers.0.linear.weight>layers.1.linear.weight 5>8>2'],
    ],
    [
      'two linears in each numbered part',
      {
        'layers.0.up.weight': [8, 5],
        'layers.0.down.weight': [3, 8],
        'layers.1.up.weight': [7, 4],
        'layers.1.down.weight': [2, 7],
      },
      ['layers.0.up.weight>layers.0.down.weight 5>8>3', 'layers.1.up.weight>layers.1.down.weight 4>7>2'],
    ],
    [
      'an output layer with a name of its own',
      { 'hidden.0.weight': [8, 5], 'hidden.1.weight': [7, 8], 'out.weight': [2, 7] },
      ['hidden.0.weight>hidden.1.weight 5>8>7', 'hidden.1.weight>out.weight 8>7>2'],
    ],
    [
      'names without numbers, alphabetical in the file',
      { 'hidden.weight': [8, 8], 'input.weight': [8, 5], 'output.weight': [2, 8] },
      ['input.weight>hidden.weight 5>8>8', 'hidden.weight>output.weight 8>8>2'],
    ],
    [
      'convolutions before the linears',
      { 'conv1.weight': [8, 3, 3, 3], 'conv1.bias': [8], 'fc1.weight': [8, 5], 'fc2.weight': [2, 8] },
      ['fc1.weight>fc2.weight 5>8>2'],
    ],
  ])('finds %s', async (_, shapes, expected) => {
    expect(await blocksOf(shapes)).toEqual(expected);
  });

  it('cuts a stack where the shapes do not fit', async () => {
    const shapes = { 'fc1.weight': [8, 5], 'fc2.weight': [6, 8], 'fc3.weight': [7, 9], 'fc4.weight': [2, 7] };
    expect(await blocksOf(shapes)).toEqual(['fc1.weight>fc2.weight 5>8>6', 'fc3.weight>fc4.weight 9>7>2']);
  });

  it('keeps an encoder and a decoder apart, although one could follow the other', async () => {
    const shapes = { 'enc.0.weight': [8, 5], 'enc.2.weight': [2, 8], 'dec.0.weight': [7, 2], 'dec.2.weight': [5, 7] };
    expect(await blocksOf(shapes)).toEqual(['dec.0.weight>dec.2.weight 2>7>5', 'enc.0.weight>enc.2.weight 5>8>2']);
  });

  it.each<[string, Shapes]>([
    ['square layers without numbers', { 'a.weight': [8, 8], 'b.weight': [8, 8] }],
    ['an autoencoder without numbers', { 'decoder.weight': [5, 2], 'encoder.weight': [2, 5] }],
    ['two heads', { 'fc1.weight': [8, 5], 'mean.weight': [2, 8], 'variance.weight': [2, 8] }],
  ])('asks when names and shapes leave a choice: %s', async (_, shapes) => {
    const error = await failure(shapes);
    expect(error.code).toBe('BLOCKS_AMBIGUOUS');
    for (const tensor of Object.keys(shapes)) expect(error.message).toContain(tensor.replace('.weight', ''));
    expect(error.message).toContain('--blocks "fc1>fc2,fc2>fc3"');
  });

  it('does not stop at a hundred layers that fit in any order', async () => {
    const shapes = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a${'b'.repeat(i)}.weight`, [8, 8]]));
    expect((await failure(shapes)).code).toBe('BLOCKS_AMBIGUOUS');
  });

  it.each<[string, Shapes, string]>([
    ['in nn.Sequential', { '0.weight': [8, 5], '1.weight': [8], '3.weight': [2, 8] }, '1.weight'],
    ['by name', { 'fc1.weight': [8, 5], 'bn1.weight': [8], 'fc2.weight': [2, 8] }, 'bn1.weight'],
  ])('does not overlook a normalisation between two linears %s', async (_, shapes, tensor) => {
    const error = await failure(shapes);
    expect(error.code).toBe('BLOCKS_AMBIGUOUS');
    expect(error.message).toContain(tensor);
  });

  it('is not disturbed by a normalisation of the input', async () => {
    const shapes = { '0.weight': [5], '1.weight': [8, 5], '3.weight': [2, 8] };
    expect(await blocksOf(shapes)).toEqual(['1.weight>3.weight 5>8>2']);
  });

  it('says how to go on when there is nothing to find', async () => {
    const error = await failure({ 'conv.weight': [8, 3, 3, 3], 'fc.weight': [2, 8] });
    expect(error.code).toBe('NO_BLOCKS');
    expect(error.message).toContain('--blocks');
  });

  it('refuses quantised weights by name', async () => {
    const error = await failure(TWO_LAYERS, {}, { 'fc2.weight': 'I8' });
    expect(error).toMatchObject({ code: 'BLOCK_DTYPE', details: { tensor: 'fc2.weight', dtype: 'I8' } });
  });

  it('refuses a bias of another length', async () => {
    const error = await failure({ ...TWO_LAYERS, 'fc1.bias': [5] });
    expect(error).toMatchObject({ code: 'BLOCK_SHAPE', details: { tensor: 'fc1.bias' } });
    expect(error.message).toContain('needs [6]');
  });

  it('notices a layer whose weight has another form', async () => {
    const { 'fc2.weight': _, ...rest } = TWO_LAYERS;
    const error = await failure({ ...rest, 'fc2.weight_v': [3, 6], 'fc3.weight': [2, 3] });
    expect(error).toMatchObject({ code: 'TENSOR_MISSING', details: { tensor: 'fc2.weight' } });
  });
});

describe('blocks by hand', () => {
  const SQUARE: Shapes = { 'a.weight': [8, 8], 'a.bias': [8], 'b.weight': [8, 8], 'c.weight': [2, 8], 'c.bias': [2] };

  it('takes pairs and chains of linears', async () => {
    const expected = ['b.weight>a.weight 8>8>8', 'a.weight>c.weight 8>8>2'];
    expect(await blocksOf(SQUARE, 'b>a,a>c')).toEqual(expected);
    expect(await blocksOf(SQUARE, ' b > a.weight > c ')).toEqual(expected);
    const [first, second] = findBlockShapes(await header(SQUARE), 'b>a>c');
    expect(first).toMatchObject({ name: 'b', bias: undefined, outputBias: 'a.bias' });
    expect(second).toMatchObject({ name: 'a', bias: 'a.bias', outputBias: 'c.bias' });
  });

  it('takes objects, with weights stored either way round', async () => {
    const shapes = { kernel1: [4, 6], bias1: [6], kernel2: [6, 3] };
    const blocks = [
      {
        name: 'ffn',
        input: 'kernel1',
        inputTransposed: true,
        bias: 'bias1',
        output: 'kernel2',
        outputTransposed: true,
      },
    ];
    expect(findBlockShapes(await header(shapes), blocks)).toEqual([
      {
        name: 'ffn',
        neurons: 6,
        inputs: 4,
        outputs: 3,
        input: { tensor: 'kernel1', rows: 4, cols: 6, transposed: true },
        bias: 'bias1',
        output: { tensor: 'kernel2', rows: 6, cols: 3, transposed: false },
        outputBias: undefined,
      },
    ]);
  });

  it('takes weights as TensorFlow and Keras call and store them', async () => {
    const keras = { 'net/d0/kernel': [4, 6], 'net/d0/bias': [6], 'net/d1/kernel': [6, 3], 'net/d1/bias': [3] };
    const expected = ['net/d0/kernel>net/d1/kernel 4>6>3'];
    expect(await blocksOf(keras, 'net/d0/kernel>net/d1/kernel')).toEqual(expected);
    const layers = { '0/up/kernel': [4, 6], '0/down/kernel': [6, 3], '1/up/kernel': [3, 8], '1/down/kernel': [8, 4] };
    expect(await blocksOf(layers, '*/up/kernel>*/down/kernel')).toEqual([
      '0/up/kernel>0/down/kernel 4>6>3',
      '1/up/kernel>1/down/kernel 3>8>4',
    ]);
    const [block] = findBlockShapes(await header(keras), 'net/d0/kernel>net/d1/kernel');
    expect(block).toMatchObject({ bias: 'net/d0/bias', outputBias: 'net/d1/bias', input: { transposed: true } });
    const old = { 'fc/weights': [4, 6], 'fc/biases': [6], 'out/weights': [6, 3] };
    expect(findBlockShapes(await header(old), 'fc/weights>out/weights')[0]).toMatchObject({ bias: 'fc/biases' });
  });

  it('says which matrices have other names, and that convolutions stay', async () => {
    const { code, message } = await failure({ 'd0/kernel': [4, 6], conv: [3, 3, 4, 4], table: [9, 4] });
    expect(code).toBe('NO_BLOCKS');
    expect(message).toContain(
      'Matrices of other names (2: "d0/kernel", "table") are given in --blocks as they are called.',
    );
    expect(message).toContain('One tensor has more than two dimensions');
  });

  it('takes weights that fit each other, and their biases, the other way round alone', async () => {
    const other: Shapes = { 'a.weight': [4, 6], 'a.bias': [6], 'b.weight': [6, 3] };
    expect(await blocksOf(other, 'a>b')).toEqual(['a.weight>b.weight 4>6>3']);
    const { message } = await failure({ 'a.weight': [4, 6], 'b.weight': [6, 3] }, { blocks: 'a>b' });
    expect(message).toContain('"a.weight" [4, 6] has 4 neurons');
  });

  it('takes objects as JSON', async () => {
    const shapes = { w: [4, 6], b: [6], v: [6, 3] };
    const one = { input: 'w', inputTransposed: true, bias: 'b', output: 'v', outputTransposed: true };
    expect(await blocksOf(shapes, JSON.stringify([one]))).toEqual(['w>v 4>6>3']);
    expect((await failure(shapes, { blocks: '[{"input":}]' })).message).toMatch(/not valid JSON/);
    const { code, message } = await failure(shapes, { blocks: 'w>v' });
    expect(code).toBe('BLOCK_SPEC');
    expect(message).toContain('give such blocks as JSON: --blocks \'[{"input":"w",');
  });

  it.each<[string, BlocksOption]>([
    ['half a pair', 'a>'],
    ['no pair', 'a'],
    ['nothing', ''],
    ['no blocks', []],
    ['a name twice', 'a>b,a>c'],
    ['an unknown key', [{ input: 'a.weight', output: 'b.weight', bais: 'a.bias' } as never]],
    ['no output', [{ input: 'a.weight' } as never]],
  ])('refuses %s', async (_, blocks) => {
    const error = await failure(SQUARE, { blocks });
    expect(error.code).toBe('BLOCK_SPEC');
    expect(error.message).toContain('--blocks');
  });

  it('names a tensor that is missing', async () => {
    const error = await failure(SQUARE, { blocks: 'a>d' });
    expect(error).toMatchObject({ code: 'TENSOR_MISSING', details: { block: 'a', tensor: 'd.weight' } });
  });

  it('names both tensors of a pair that does not fit', async () => {
    const error = await failure(SQUARE, { blocks: 'c>a' });
    expect(error.code).toBe('BLOCK_SHAPE');
    expect(error.message).toContain('"c.weight" [2, 8] has 2 neurons');
    expect(error.message).toContain('"a.weight" [8, 8] takes 8');
  });

  it.each<[string, BlocksOption]>([
    ['one weight on both sides of a block', 'a>a'],
    ['one output for two blocks', 'a>c,b>c'],
    [
      'one input for two blocks',
      [
        { input: 'a.weight', output: 'b.weight' },
        { name: 'x', input: 'a.weight', output: 'c.weight' },
      ],
    ],
    [
      'one bias for two blocks',
      [
        { input: 'a.weight', bias: 'a.bias', output: 'b.weight' },
        { input: 'b.weight', bias: 'a.bias', output: 'c.weight' },
      ],
    ],
  ])('refuses tied weights: %s', async (_, blocks) => {
    expect((await failure(SQUARE, { blocks })).code).toBe('SHARED_TENSOR');
  });
});

describe('activations', () => {
  const THREE: Shapes = { 'fc1.weight': [6, 4], 'fc2.weight': [5, 6], 'fc3.weight': [2, 5] };
  const chosen = async (activation: string | undefined, metadata: Record<string, string> = {}) =>
    findBlocks(await header(THREE, metadata), { activation }).map((block) => activationText(block.activation));

  it.each([
    ['relu', ['relu', 'relu']],
    ['leaky_relu:0.2', ['leaky_relu:0.2', 'leaky_relu:0.2']],
    ['leaky_relu', ['leaky_relu', 'leaky_relu']],
    ['fc1=relu,fc2=tanh', ['relu', 'tanh']],
    ['gelu, fc2 = sigmoid:2', ['gelu', 'sigmoid:2']],
  ])('reads %s', async (option, expected) => {
    expect(await chosen(option)).toEqual(expected);
  });

  it('may be within lines, as it is written', async () => {
    const text = 'fc1=4.75*hard_swish(0.5*x-1.25)+1.5,fc2=tanh(2*x)';
    expect((await chosen(text)).join()).toBe('4.75*hard_swish(0.5*x-1.25)+1.5,tanh(2*x)');
    const [block] = findBlocks(await header(THREE), { activation: '-1 * elu:0.5( x + 1e-3 ) - .5' });
    expect(block!.activation).toEqual({ name: 'elu', slope: 0.5, affine: [1, 1e-3, -1, -0.5] });
    for (const wrong of ['tanh(0*x)', '1e999*tanh(x)', 'tanh(x', 'tanh(y)', 'tanh(x)*2']) {
      expect((await failure(THREE, { activation: wrong })).code).toBe('ACTIVATION');
    }
  });

  it('has the usual default slopes', async () => {
    const blocks = findBlocks(await header(THREE), { activation: 'leaky_relu,fc2=sigmoid' });
    expect(blocks.map(({ activation }) => activation.slope)).toEqual([0.01, 1]);
  });

  it('takes it from the metadata, and the option before that', async () => {
    expect(await chosen(undefined, { activation: 'fc1=tanh,fc2=relu' })).toEqual(['tanh', 'relu']);
    expect(await chosen('silu', { activation: 'tanh' })).toEqual(['silu', 'silu']);
  });

  it.each<[string, string | undefined, string]>([
    ['none', undefined, 'does not say which activation'],
    ['an unknown one', 'swiglu', 'unknown activation "swiglu"'],
    ['an object property', 'toString', 'unknown activation "toString"'],
    ['an unknown block', 'relu,fc9=tanh', '"fc9"'],
    ['a block left out', 'fc1=relu', 'does not cover the block "fc2"'],
    ['two for one block', 'relu,tanh', 'twice'],
    ['a slope that is none', 'leaky_relu:steep', '"steep"'],
    ['a slope where there is none', 'relu:2', 'only leaky_relu, sigmoid, hard_sigmoid, elu'],
  ])('refuses %s and lists those it knows', async (_, option, part) => {
    const error = await failure(THREE, { activation: option });
    expect(error.code).toBe('ACTIVATION');
    expect(error.message).toContain(part);
    expect(error.message).toContain('leaky_relu, relu2, gelu');
    expect(error.message).toContain('--activation');
  });

  it('says that a wrong one comes from the metadata', async () => {
    const head = await header(THREE, { activation: 'swiglu' });
    expect(() => findBlocks(head)).toThrow(/metadata key "activation".*"swiglu"/);
  });
});
