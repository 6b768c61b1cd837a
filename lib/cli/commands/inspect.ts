import type { Command } from 'commander';
import { type Symmetries, symmetriesOf } from '../../analysis/symmetry.ts';
import { HermError } from '../../errors.ts';
import { finiteBlocks } from '../../herm/finite_blocks.ts';
import { activationText } from '../../model/activation_option.ts';
import { type BlockDescription, describeBlocks } from '../../model/architectures/describe.ts';
import type { Activation, Block } from '../../model/block.ts';
import { withActivations } from '../../model/block_activations.ts';
import { type BlockShape, findBlockShapes, findBlocks } from '../../model/blocks.ts';
import type { LeftAlone } from '../../model/graph_blocks.ts';
import type { Model } from '../../model/model.ts';
import { withModel } from '../../model/open_model.ts';
import { findTensor } from '../../model/parts.ts';
import type { TensorInfo } from '../../model/tensor.ts';
import { blockWeights } from '../../model/weights.ts';
import { formatBytes } from '../../native/memory.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { loadWeights, MODEL_HELP, type ModelOptions, withModelOptions } from '../model.ts';
import { type Column, keyValues, printable, sections, table } from '../render.ts';

interface InspectOptions extends CommonOptions, ModelOptions {}

interface InspectedBlock extends BlockShape, BlockDescription {
  readonly dtype: string;
  /** Undefined where nothing says it; then there are no symmetries either. */
  readonly activation: Activation | undefined;
  /** Undefined for weights that are not all finite, too. */
  readonly symmetries: Symmetries | undefined;
}

export function addInspect(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .description('Show the blocks of a model, and which of their neurons are dead, constant or copies of another.')
    .argument('<model>', MODEL_HELP);
  withCommonOptions(withModelOptions(command), [
    'herm inspect model.safetensors',
    'herm inspect recogniser.onnx',
    'herm inspect model.safetensors --blocks "fc1>fc2" --activation gelu',
    'herm inspect gpt2/',
    'herm inspect model.safetensors --blocks "layers.*.up>layers.*.down" --activation gelu',
  ]).action((path: string, options: InspectOptions) => run(options, (context) => inspect(path, options, context)));
}

async function inspect(path: string, options: InspectOptions, context: Context): Promise<Outcome> {
  return withModel(path, async (model) => {
    const head = headOf(model);
    const matrices = model.tensors.filter(({ shape }) => shape.length === 2);
    try {
      const shapes = findBlockShapes(model, options.blocks);
      const blocks = await inspectBlocks(model, shapes, options, context);
      const { leftAlone, remarks } = model.graph ?? {};
      return {
        json: { ...head, blocks: blocks.map(toJson), ...(leftAlone && { leftAlone, remarks }) },
        text: sections(
          headText(path, head),
          blockText(blocks),
          leftAloneText(leftAlone ?? []),
          remarksText(remarks ?? []),
        ),
      };
    } catch (error) {
      if (!(error instanceof HermError) || !UNKNOWN_BLOCKS.includes(error.code)) throw error;
      const { code, message, details } = error;
      return {
        json: { ...head, matrices, error: { code, message, details } },
        text: sections(headText(path, head), matrixText(matrices), message),
        ok: false,
      };
    }
  });
}

/** Then a list of all matrices helps to describe the blocks by hand. */
const UNKNOWN_BLOCKS: readonly string[] = ['NO_BLOCKS', 'BLOCKS_AMBIGUOUS', 'TENSOR_MISSING'];

async function inspectBlocks(
  model: Model,
  shapes: readonly BlockShape[],
  { activation }: InspectOptions,
  { signal, progress }: Context,
): Promise<InspectedBlock[]> {
  const byName = new Map(model.tensors.map((info) => [info.name, info]));
  const dtypeOf = ({ input }: BlockShape) => findTensor(byName, input.tensor)!.dtype;
  const named = describeBlocks(model);
  const blocks =
    model.graph === undefined ? withKnownActivations(shapes, model, activation) : findBlocks(model, { activation });
  if (blocks === undefined) {
    const nothing = { activation: undefined, symmetries: undefined };
    return shapes.map((shape) => ({ ...shape, ...named(shape), dtype: dtypeOf(shape), ...nothing }));
  }
  return progress('looking for symmetries', async (onProgress) => {
    const inspected: InspectedBlock[] = [];
    for (const [index, block] of blocks.entries()) {
      const { leftOut } = await finiteBlocks(model, [block], true, signal);
      const symmetries = leftOut.length > 0 ? undefined : await symmetriesIn(model, block, signal);
      inspected.push({ ...block, ...named(block), dtype: dtypeOf(block), symmetries });
      onProgress((index + 1) / blocks.length);
    }
    return inspected;
  });
}

/** Undefined where nothing says them. @throws HermError `ACTIVATION` for what says something that is not known. */
function withKnownActivations(
  shapes: readonly BlockShape[],
  model: Model,
  option: string | undefined,
): Block[] | undefined {
  try {
    return withActivations(shapes, model, option);
  } catch (error) {
    if (!(error instanceof HermError) || error.code !== 'ACTIVATION') throw error;
    const { unsaid } = error.details;
    if (unsaid === true) return undefined;
    throw error;
  }
}

async function symmetriesIn(model: Model, block: Block, signal: AbortSignal): Promise<Symmetries> {
  return symmetriesOf(block, blockWeights(block, await loadWeights(model, block)), { signal });
}

interface Head {
  readonly file: string;
  /** The safetensors files that it is made of. */
  readonly files: readonly string[];
  readonly bytes: number;
  readonly tensors: number;
  readonly parameters: number;
}

function headOf({ name, files, tensors }: Model): Head {
  const elements = ({ shape }: TensorInfo) => shape.reduce((product, size) => product * size, 1);
  return {
    file: name,
    files: files.map((file) => file.name),
    bytes: files.reduce((sum, { source }) => sum + source.size, 0),
    tensors: tensors.length,
    parameters: tensors.reduce((sum, tensor) => sum + elements(tensor), 0),
  };
}

function toJson({ symmetries, activation, ...block }: InspectedBlock): object {
  if (symmetries === undefined) return { ...block, activation: activation ?? null, symmetries: null };
  const { dead, constant, duplicates, groups } = symmetries;
  const copies = duplicates.map((neuron) => ({ neuron, of: groups[neuron] }));
  return { ...block, activation, symmetries: { dead, constant, copies } };
}

function headText(path: string, { files, bytes: size, tensors, parameters }: Head): string {
  const count = files.length === 1 ? '' : ` in ${files.length} files`;
  return keyValues([
    ['file', `${path}, ${formatBytes(size)}${count}`],
    ['tensors', `${tensors}, ${parameters.toLocaleString('en')} numbers`],
  ]);
}

const right = (title: string): Column => ({ title, align: 'right' });

function blockText(blocks: readonly InspectedBlock[]): string {
  const rows = blocks.map(({ name, inputs, neurons, outputs, dtype, activation, symmetries }) => [
    name,
    `${inputs} > ${neurons} > ${outputs}`,
    dtype,
    activation === undefined ? 'unknown' : activationText(activation),
    ...counts(symmetries),
  ]);
  const columns = [{ title: 'block' }, { title: 'layer' }, { title: 'dtype' }, { title: 'activation' }];
  const text = table([...columns, right('dead'), right('constant'), right('copies')], rows);
  const note = blocks.some(({ activation }) => activation === undefined)
    ? 'The file does not say which activation it uses: give it with --activation, for example --activation relu.'
    : '';
  return sections(text, namesNote(blocks), note, nonFiniteNote(blocks));
}

function nonFiniteNote(blocks: readonly InspectedBlock[]): string {
  const names = blocks.flatMap(({ name, activation, symmetries }) => (activation && !symmetries ? [name] : []));
  if (names.length === 0) return '';
  return `NaN or infinite weights: ${names.map(printable).join(', ')}. Mend them, or compress with --allow-nonfinite.`;
}

/** Layers of a graph that follow each other and are no block. */
function leftAloneText(leftAlone: readonly LeftAlone[]): string {
  if (leftAlone.length === 0) return '';
  const rows = leftAlone.map(({ tensor, why }) => [printable(tensor), printable(why)]);
  return table([{ title: 'left alone' }, { title: 'why' }], rows);
}

function remarksText(remarks: readonly string[]): string {
  return remarks.length === 0 ? '' : `Left alone: ${remarks.map(printable).join('; ')}.`;
}

/** What the names of tensors, or the graph, tell, all layers as one. */
function namesNote(blocks: readonly InspectedBlock[]): string {
  const starred = (name: string) => printable(name.replace(/(^|\.)\d+(?=\.|$)/g, '$1*'));
  const lines = blocks.map(({ architectures, name, norm }) => {
    if (architectures.length === 0 && norm === undefined) return '';
    const plus = norm?.offset === 1 ? '1 + ' : '';
    const before = norm === undefined ? 'norm unknown' : `reads ${norm.kind} ${plus}${starred(norm.weight)}`;
    return architectures.length === 0 ? `${printable(name)} ${before}` : `${architectures.join(' or ')}: ${before}`;
  });
  return [...new Set(lines)].filter((line) => line !== '').join('\n');
}

function counts(symmetries: Symmetries | undefined): string[] {
  if (symmetries === undefined) return ['-', '-', '-'];
  return [symmetries.dead, symmetries.constant, symmetries.duplicates].map(({ length }) => String(length));
}

function matrixText(matrices: readonly TensorInfo[]): string {
  if (matrices.length === 0) return '';
  const rows = matrices.map(({ name, shape, dtype }) => [name, shape.join(' x '), dtype]);
  return table([{ title: 'matrix' }, { title: 'shape' }, { title: 'dtype' }], rows);
}
