import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { betweenLinears } from './architectures/between.ts';
import { checkConfig } from './architectures/check_config.ts';
import { asKnownModel, type FoundBlock, findKnownBlocks } from './architectures/find.ts';
import { describeNearest } from './architectures/nearest.ts';
import type { Block, BlockGate, WeightRef } from './block.ts';
import { withActivations } from './block_activations.ts';
import { BLOCKS_HELP, type BlockSpec, type BlocksOption, parseBlocksOption } from './block_option.ts';
import { findGatedBlocks } from './gated_blocks.ts';
import type { GraphBlocks } from './graph_blocks.ts';
import { checkBias, checkFloat, findLayers, specOf } from './linears.ts';
import { quoteName } from './messages.ts';
import type { ModelHeader } from './model.ts';
import { findTensor, parsePart } from './parts.ts';
import { findStacks, type Stack } from './stacks.ts';
import type { TensorInfo } from './tensor.ts';

/** What the names and shapes of a model's tensors do not tell. */
export interface FindBlocksOptions {
  /** The blocks by hand, where names and shapes do not tell them. */
  readonly blocks?: BlocksOption | undefined;
  /** `relu`, `leaky_relu:0.2`, `fc1=relu,fc2=tanh`; default: the model's metadata key `activation`. */
  readonly activation?: string | undefined;
}

/** A block before its activation is known. */
export type BlockShape = Omit<Block, 'activation'>;

/**
 * The blocks of a model, in the order in which they are applied: every two linears that follow each other are one. Where
 * names show gated blocks (`gate_proj`, `up_proj`, `down_proj`; `wi_0`, `wi_1`, `wo`) these are the blocks: the other linears
 * of such a model are attention's.
 *
 * @throws HermError `BLOCKS_AMBIGUOUS`, `BLOCK_SPEC`, `BLOCK_SHAPE` and their like; `ACTIVATION` when the activation is unknown.
 */
export function findBlocks(header: ModelHeader, options: FindBlocksOptions = {}): Block[] {
  requireArguments({ header, options });
  if (header.graph !== undefined) return blocksOfGraph(header.graph, options);
  return withActivations(findBlockShapes(header, options.blocks), header, options.activation);
}

/**
 * The blocks of a graph, which says everything itself.
 *
 * @throws HermError `NO_BLOCKS`, `BLOCK_SPEC` or `ACTIVATION` for options that would say something else.
 */
function blocksOfGraph(
  { blocks, leftAlone, remarks }: GraphBlocks,
  { blocks: byHand, activation }: FindBlocksOptions,
): Block[] {
  if (byHand !== undefined) {
    throw new HermError(
      'BLOCK_SPEC',
      'The blocks of an ONNX model are those of its graph: leave the option blocks out.',
    );
  }
  if (activation !== undefined) {
    const why = 'The graph of an ONNX model says which activations it has: leave the option activation out.';
    throw new HermError('ACTIVATION', why, {});
  }
  checkTies(blocks);
  if (blocks.length > 0) return [...blocks];
  const reasons = leftAlone.map(({ tensor, why }) => `${quoteName(tensor)}: ${why}`).slice(0, 3);
  const why = reasons.length === 0 ? '' : ` What comes near (${leftAlone.length}): ${reasons.join('; ')}.`;
  const others = remarks.length === 0 ? '' : ` Left alone: ${remarks.join('; ')}.`;
  throw new HermError(
    'NO_BLOCKS',
    `The graph has no two linear layers (MatMul, Gemm, Conv of kernel 1) with constant weights and nothing but an activation in between.${why}${others}`,
    { leftAlone, remarks },
  );
}

/**
 * The blocks of a model without their activations: those of the option, else those that names and shapes show.
 *
 * @throws HermError `NO_BLOCKS` when there are none, `BLOCKS_AMBIGUOUS` when only the user can tell, `BLOCK_SPEC` when
 * the option is not valid, `TENSOR_MISSING`, `BLOCK_SHAPE`, `BLOCK_DTYPE` or `SHARED_TENSOR` when tensors do not fit.
 */
export function findBlockShapes(header: ModelHeader, option?: BlocksOption): BlockShape[] {
  if (header.graph !== undefined) return blocksOfGraph(header.graph, { blocks: option });
  const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const known = option === undefined ? findKnownBlocks(header) : [];
  const specs = option === undefined ? findSpecs(header, known) : parseBlocksOption(option, byName.keys());
  const blocks = specs.map((spec) => toBlock(spec, byName));
  for (const found of known) {
    const block = blocks.find(({ name }) => name === found.spec.name);
    if (block !== undefined) checkConfig(found.known, block);
  }
  checkTies(blocks);
  return blocks;
}

const collator = new Intl.Collator('en', { numeric: true });

function findSpecs(header: ModelHeader, known: readonly FoundBlock[]): BlockSpec[] {
  const taken = new Set(known.flatMap(({ spec }) => [spec.input, spec.output]));
  const gated = findGatedBlocks(header).filter(({ input, output }) => !taken.has(input) && !taken.has(output));
  const named = withNothingBetween([...known.map(({ spec }) => spec), ...gated], header);
  if (named.length > 0) return named.sort((a, b) => collator.compare(a.name, b.name));
  const stacks = findPlainStacks(header);
  if (stacks.length === 0) {
    throw new HermError(
      'NO_BLOCKS',
      `The model has no two linear layers (2-D tensors X.weight) that follow each other by name and shape. If it has hidden layers, ${BLOCKS_HELP}. ${describeNearest(header)}`.trimEnd(),
      { tensors: header.tensors.length },
    );
  }
  const specs = stacks.sort((a, b) => collator.compare(a[0]!.name, b[0]!.name)).flatMap(toSpecs);
  return withNothingBetween(specs, header);
}

/** @throws HermError `NO_BLOCKS` where all of these have something between their linears. */
function withNothingBetween(specs: readonly BlockSpec[], header: ModelHeader): BlockSpec[] {
  const between = betweenLinears(asKnownModel(header).byName);
  const others = specs.map(between);
  const first = others.findIndex((tensor) => tensor !== undefined);
  const left = specs.filter((_, at) => others[at] === undefined);
  if (first < 0 || left.length > 0) return left;
  const [{ name }, tensor] = [specs[first]!, others[first]!];
  const why = `The model's feed-forward blocks are none that hermkit can merge: in ${quoteName(name)} ${describe(tensor)} acts on the hidden neurons, between the two linears. A norm or convolution there would have to be part of a merge; a BatchNorm can be folded into the linear before it. Where it stands elsewhere, ${BLOCKS_HELP}.`;
  throw new HermError('NO_BLOCKS', why, { block: name, tensor: tensor.name, shape: tensor.shape });
}

/** @throws HermError `BLOCKS_AMBIGUOUS`, which also says what known architecture comes near. */
function findPlainStacks(header: ModelHeader): Stack[] {
  try {
    return findStacks(findLayers(header)).filter(({ length }) => length > 1);
  } catch (error) {
    if (!(error instanceof HermError) || error.code !== 'BLOCKS_AMBIGUOUS') throw error;
    const message = `${error.message} ${describeNearest(header)}`.trimEnd();
    throw new HermError(error.code, message, error.details, { cause: error });
  }
}

function toSpecs(stack: Stack): BlockSpec[] {
  return stack.slice(1).map((output, at) => {
    const input = stack[at]!;
    return specOf(input.name, input, output);
  });
}

function toBlock(given: BlockSpec, byName: ReadonlyMap<string, TensorInfo>): BlockShape {
  const spec = asStored(given, byName);
  const find = (tensor: string): TensorInfo => {
    const info = findTensor(byName, tensor);
    if (info !== undefined) return info;
    const part = parsePart(tensor);
    const whole = part && byName.get(part.tensor);
    if (whole !== undefined) {
      const [rows] = whole.shape;
      const why = `Block ${quoteName(spec.name)} needs halves of ${describe(whole)}, or other equal parts (${part!.count}), but it has ${rows} rows.`;
      throw new HermError('BLOCK_SHAPE', why, { block: spec.name, tensor: whole.name, shape: whole.shape });
    }
    throw new HermError(
      'TENSOR_MISSING',
      `Block ${quoteName(spec.name)} needs the tensor ${quoteName(tensor)}, which the model does not have. "herm inspect" shows its blocks, and its matrices where it finds no blocks.`,
      { block: spec.name, tensor },
    );
  };
  const findBias = (tensor: string | undefined, weight: TensorInfo, length: number): string | undefined => {
    if (tensor === undefined || (spec.byName && findTensor(byName, tensor) === undefined)) return undefined;
    checkBias(find(tensor), weight, length);
    return tensor;
  };
  const w = find(spec.input);
  const v = find(spec.output);
  const input = toWeight(w, spec.inputTransposed);
  const output = toWeight(v, !spec.outputTransposed);
  const [neurons, inputs] = spec.inputTransposed ? [input.cols, input.rows] : [input.rows, input.cols];
  const [outputs, outputNeurons] = spec.outputTransposed ? [output.cols, output.rows] : [output.rows, output.cols];
  if (neurons !== outputNeurons || neurons === 0) {
    throw new HermError(
      'BLOCK_SHAPE',
      `Block ${quoteName(spec.name)}: ${describe(w)} has ${neurons} neurons, but ${describe(v)} takes ${outputNeurons}; both must be the same and not 0. Where a weight is stored the other way round, say so with inputTransposed or outputTransposed in the blocks option.`,
      { block: spec.name, input: w.shape, output: v.shape },
    );
  }
  const bias = findBias(spec.bias, w, neurons);
  const outputBias = findBias(spec.outputBias, v, outputs);
  const shape = { name: spec.name, neurons, inputs, outputs, input, bias, output, outputBias };
  if (spec.gate === undefined) return shape;
  const g = find(spec.gate);
  const weight = toGate(spec, g, w, [neurons, inputs]);
  const gate: BlockGate = { weight, bias: findBias(spec.gateBias, g, neurons) };
  return { ...shape, gate };
}

/** A block whose weights and biases only fit each other the other way round is stored so, where nothing says otherwise. */
function asStored(spec: BlockSpec, byName: ReadonlyMap<string, TensorInfo>): BlockSpec {
  const shapeOf = (tensor: string | undefined) =>
    tensor === undefined ? undefined : findTensor(byName, tensor)?.shape;
  const [w, v, bias] = [shapeOf(spec.input), shapeOf(spec.output), shapeOf(spec.bias)];
  if (!spec.byName || w?.length !== 2 || v?.length !== 2) return spec;
  const fits = (transposed: boolean) => (transposed ? w[1] === v[0] : w[0] === v[1]);
  const flipped = !spec.inputTransposed;
  // Sizes alone would take two layers in the wrong order for one block.
  if (fits(spec.inputTransposed) || !fits(flipped) || bias?.[0] !== w[flipped ? 1 : 0]) return spec;
  return { ...spec, inputTransposed: flipped, outputTransposed: flipped, gateTransposed: flipped };
}

/** The gate weight, which has the sizes of the input weight `w`. */
function toGate(spec: BlockSpec, g: TensorInfo, w: TensorInfo, [neurons, inputs]: [number, number]): WeightRef {
  const weight = toWeight(g, spec.gateTransposed);
  const [rows, cols] = spec.gateTransposed ? [weight.cols, weight.rows] : [weight.rows, weight.cols];
  if (rows === neurons && cols === inputs) return weight;
  throw new HermError(
    'BLOCK_SHAPE',
    `Block ${quoteName(spec.name)}: its gate ${describe(g)} must have as many neurons (${neurons}) and inputs (${inputs}) as ${describe(w)}. Where it is stored the other way round, say so with gateTransposed in the blocks option.`,
    { block: spec.name, input: w.shape, gate: g.shape },
  );
}

function describe({ name, shape }: TensorInfo): string {
  return `${quoteName(name)} [${shape.join(', ')}]`;
}

/** `transposed`: neurons are columns. */
function toWeight(info: TensorInfo, transposed: boolean): WeightRef {
  checkFloat(info);
  if (info.shape.length !== 2) {
    throw new HermError('BLOCK_SHAPE', `Tensor ${describe(info)} is no matrix, so it cannot be a block's weight.`, {
      tensor: info.name,
      shape: info.shape,
    });
  }
  const [rows, cols] = info.shape as [number, number];
  return { tensor: info.name, rows, cols, transposed };
}

/**
 * Each tensor may be the input weights of one block and the output weights of another, its rows the neurons of one and
 * its columns those of the other, unless that other is gated. Any other sharing would make one merge change two places.
 */
function checkTies(blocks: readonly BlockShape[]): void {
  const users = new Map<string, string>();
  const outputs = new Map(blocks.map(({ name, output }) => [output.tensor, name]));
  const claim = (use: string, tensor: string, block: string): void => {
    const other = users.get(`${use} ${tensor}`);
    if (other !== undefined) throw tied(tensor, other, block);
    users.set(`${use} ${tensor}`, block);
  };
  for (const { name, input, bias, output, outputBias, gate } of blocks) {
    if (input.tensor === output.tensor) throw tied(input.tensor, name, name);
    const inputs = gate ? [gate.weight, input] : [input];
    // The neurons that a gated block reads have outputs in both of its branches, and a block has one output weight.
    for (const { tensor } of gate ? inputs : []) {
      const before = outputs.get(tensor);
      if (before !== undefined) throw tied(tensor, before, name);
    }
    for (const { tensor } of inputs) claim('input weights', tensor, name);
    claim('output weights', output.tensor, name);
    for (const { tensor, transposed } of [...inputs, output]) claim(transposed ? 'columns' : 'rows', tensor, name);
    for (const use of [bias, gate?.bias]) if (use !== undefined) claim('biases', use, name);
    if (outputBias !== undefined) claim('output biases', outputBias, name);
    if (outputBias !== undefined && (bias === outputBias || gate?.bias === outputBias)) {
      throw tied(outputBias, name, name);
    }
  }
}

function tied(tensor: string, first: string, second: string): HermError {
  const who =
    first === second ? `Block ${quoteName(first)} uses` : `Blocks ${quoteName(first)} and ${quoteName(second)} use`;
  return new HermError(
    'SHARED_TENSOR',
    `${who} ${quoteName(tensor)} twice: tied weights cannot be merged. Leave one of the uses out of the blocks option.`,
    { tensor, blocks: first === second ? [first] : [first, second] },
  );
}
