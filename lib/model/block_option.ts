import { z } from 'zod';
import { HermError } from '../errors.ts';
import type { Block } from './block.ts';
import { quoteName } from './messages.ts';
import { parsePart, partName } from './parts.ts';

/** One block described by hand, by tensor names; the shapes come from the model. */
export interface BlockSpec {
  /** Default: the input tensor's name without `.weight`. */
  readonly name: string;
  /** W. */
  readonly input: string;
  /** Neurons are W's columns ([n×m], as TensorFlow and GPT-2 store it); default false. */
  readonly inputTransposed: boolean;
  /** b; undefined: none. */
  readonly bias: string | undefined;
  /** V. */
  readonly output: string;
  /** Neurons are V's rows ([m×p]); default false. */
  readonly outputTransposed: boolean;
  /** c; undefined: none. */
  readonly outputBias: string | undefined;
  /** G of a gated block, whose `input` is the value branch; undefined: not gated. */
  readonly gate: string | undefined;
  /** Neurons are G's columns; default: as W's. */
  readonly gateTransposed: boolean;
  /** b_g; undefined: none. */
  readonly gateBias: string | undefined;
  /**
   * True in the string form: the biases are those beside the weights if the model has them, and sizes may tell that all weights are
   * stored the other way round. False where all is said.
   */
  readonly byName: boolean;
}

/**
 * A block as an option gives it: `input`, `output` and `gate` are tensor names. With a gate, y = V (φ(G x + b_g) ⊙ (W x + b)) + c:
 * `input` is the branch that the activation does not act on (`up_proj`), `gate` the one that it does (`gate_proj`).
 */
export interface BlockOption {
  readonly name?: string | undefined;
  readonly input: string;
  readonly inputTransposed?: boolean | undefined;
  readonly bias?: string | undefined;
  readonly output: string;
  readonly outputTransposed?: boolean | undefined;
  readonly outputBias?: string | undefined;
  readonly gate?: string | undefined;
  readonly gateTransposed?: boolean | undefined;
  readonly gateBias?: string | undefined;
}

/**
 * `fc1>fc2,fc2>fc3` (linears without their `.weight`; `fc1>fc2>fc3` is short for it), or the blocks as objects, also as JSON. With a
 * gate `gate&value>output`. A `*` stands for a number, the same ones in all of a block: `layers.*.up>layers.*.down`. Weights as
 * TensorFlow and Keras call and store them (`dense/kernel`, [n×m]) are named as they are.
 */
export type BlocksOption = string | readonly BlockOption[];

/** What messages show of the option. */
export const BLOCKS_HELP =
  'describe the blocks by hand, input linear > output linear: --blocks "fc1>fc2,fc2>fc3", with a gate "gate&up>down", * for any number (option blocks)';

/** The option that describes these blocks. */
export function blocksOption(blocks: readonly Omit<Block, 'activation'>[]): BlockOption[] {
  return blocks.map(({ name, input, bias, output, outputBias, gate }) => ({
    ...{ name, bias, outputBias, input: input.tensor, inputTransposed: input.transposed },
    ...{ output: output.tensor, outputTransposed: !output.transposed },
    ...(gate && { gate: gate.weight.tensor, gateTransposed: gate.weight.transposed, gateBias: gate.bias }),
  }));
}

const WEIGHT = '.weight';
const BIAS = '.bias';
const tensorName = z.string().min(1);
const blockSchema = z.strictObject({
  name: tensorName.optional(),
  input: tensorName,
  inputTransposed: z.boolean().default(false),
  bias: tensorName.optional(),
  output: tensorName,
  outputTransposed: z.boolean().default(false),
  outputBias: tensorName.optional(),
  gate: tensorName.optional(),
  gateTransposed: z.boolean().optional(),
  gateBias: tensorName.optional(),
});
const optionSchema = z.union([z.string(), z.array(blockSchema)]);
/** What TensorFlow and Keras call weights, behind a layer's name, and the biases beside them. */
const KERNEL = /^(.*[/._])(kernel|weights)$/;
const KERNEL_BIASES = ['bias', 'biases', 'b'];

/**
 * @param tensors names that a `*` may stand for parts of
 * @throws HermError `BLOCK_SPEC` when the option is neither form, names a block twice, or has none.
 */
export function parseBlocksOption(option: BlocksOption, tensors: Iterable<string> = []): BlockSpec[] {
  const parsed = optionSchema.safeParse(typeof option === 'string' ? fromJson(option) : option);
  if (!parsed.success) {
    throw specError(`The blocks option is not valid:\n${z.prettifyError(parsed.error)}\n`);
  }
  const specs = typeof parsed.data === 'string' ? parseText(parsed.data, [...tensors]) : parsed.data.map(fromObject);
  if (specs.length === 0) throw specError('The blocks option has no block');
  const repeated = specs.find(({ name }, at) => specs.findIndex((other) => other.name === name) < at);
  if (repeated) throw specError(`Two blocks have the name ${quoteName(repeated.name)}`);
  return specs;
}

/** The blocks that a text has as JSON; any other text as it is. */
function fromJson(text: string): unknown {
  if (!/^\s*\[/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw specError(`The blocks option is not valid JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
}

function parseText(text: string, tensors: readonly string[]): BlockSpec[] {
  const names = new Set(tensors);
  return text
    .split(',')
    .flatMap((chain) => expandStars(chain, tensors).flatMap((expanded) => parseChain(expanded, names)));
}

/** A chain with a `*` for each layer that has the numbers. */
function expandStars(chain: string, tensors: readonly string[]): string[] {
  if (!chain.includes('*')) return [chain];
  const first = stripWeight(chain.split(/[>&]/)[0]!.trim()).replace(/\[\d+\/\d+\]$/, '');
  const literal = (part: string) => part.replace(/[^\w]/g, '\\$&');
  const ending = KERNEL.test(first) ? '' : '\\.weight';
  const pattern = new RegExp(`^${first.split('*').map(literal).join('(\\d+)')}${ending}$`);
  const found = tensors.flatMap((tensor) => {
    const [, ...numbers] = pattern.exec(tensor) ?? [];
    return numbers.length === 0 ? [] : [numbers];
  });
  if (found.length === 0)
    throw specError(`The blocks option has ${quoteName(first)}, but no linear of the model is called so`);
  return found.map((numbers) =>
    chain.replace(/[^>&]+/g, (linear) => {
      let next = 0;
      return linear.replace(/\*/g, () => numbers[next++] ?? '*');
    }),
  );
}

function parseChain(chain: string, names: ReadonlySet<string>): BlockSpec[] {
  const linears = chain.split('>').map((part) => part.split('&').map((name) => stripWeight(name.trim())));
  const whole = linears.length > 1 && linears.every((part, at) => part.length <= (at === 0 ? 2 : 1));
  if (!whole || linears.flat().includes('')) {
    throw specError(`The blocks option has ${quoteName(chain)} where an input linear > an output linear should be`);
  }
  return linears.slice(1).map(([output], at) => {
    const inputs = linears[at]!;
    return fromLinears(inputs.at(-1)!, output!, inputs.length === 2 ? inputs[0] : undefined, names);
  });
}

/** `fc1.weight` of `fc1`, `fc1.weight[1/2]` of `fc1[1/2]`. */
function tensorOf(linear: string, ending: string): string {
  const part = parsePart(linear);
  return part === undefined ? linear + ending : partName({ ...part, tensor: part.tensor + ending });
}

/** The weight and the bias of a linear by its name. @throws HermError `BLOCK_SPEC` for a tensor that does not say which its biases are. */
function tensorsOf(linear: string, names: ReadonlySet<string>): { weight: string; bias: string | undefined } {
  const byName = { weight: tensorOf(linear, WEIGHT), bias: tensorOf(linear, BIAS) };
  if (names.has(byName.weight) || !names.has(linear)) return byName;
  const [, layer] = KERNEL.exec(linear) ?? [];
  if (layer === undefined) {
    const json = JSON.stringify([{ input: linear, bias: '…', output: '…' }]);
    throw specError(
      `The blocks option has the tensor ${quoteName(linear)}, whose name does not say which biases go with it; give such blocks as JSON: --blocks '${json}', with inputTransposed and outputTransposed where neurons are the input's columns and the output's rows`,
    );
  }
  return { weight: linear, bias: KERNEL_BIASES.map((ending) => layer + ending).find((name) => names.has(name)) };
}

function fromLinears(
  inputName: string,
  outputName: string,
  gateName: string | undefined,
  names: ReadonlySet<string>,
): BlockSpec {
  const input = tensorsOf(inputName, names);
  const output = tensorsOf(outputName, names);
  const gate = gateName === undefined ? undefined : tensorsOf(gateName, names);
  const isTransposed = KERNEL.test(input.weight);
  return {
    name: parsePart(inputName)?.tensor ?? inputName,
    input: input.weight,
    inputTransposed: isTransposed,
    bias: input.bias,
    output: output.weight,
    outputTransposed: isTransposed,
    outputBias: output.bias,
    gate: gate?.weight,
    gateTransposed: isTransposed,
    gateBias: gate?.bias,
    byName: true,
  };
}

function fromObject(block: z.infer<typeof blockSchema>): BlockSpec {
  if (block.gate === undefined && (block.gateBias !== undefined || block.gateTransposed !== undefined)) {
    throw specError(`The block with the input ${quoteName(block.input)} has no gate, but gateBias or gateTransposed`);
  }
  return {
    name: block.name ?? stripWeight(block.input),
    input: block.input,
    inputTransposed: block.inputTransposed,
    bias: block.bias,
    output: block.output,
    outputTransposed: block.outputTransposed,
    outputBias: block.outputBias,
    gate: block.gate,
    gateTransposed: block.gateTransposed ?? block.inputTransposed,
    gateBias: block.gateBias,
    byName: false,
  };
}

function stripWeight(name: string): string {
  return name.endsWith(WEIGHT) ? name.slice(0, -WEIGHT.length) : name;
}

function specError(problem: string): HermError {
  return new HermError('BLOCK_SPEC', `${problem}; ${BLOCKS_HELP}.`);
}
