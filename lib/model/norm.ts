import { HermError } from '../errors.ts';
import { precedingNorm } from './architectures/describe.ts';
import type { Block } from './block.ts';
import { quoteName } from './messages.ts';
import { type Model, readNamed } from './model.ts';
import type { NormPrior } from './prior.ts';
import { isFloatDType, toFloat64 } from './tensor.ts';

/** The norm right before a block, by the names of its tensors [n]. */
export interface NormTensors {
  /** γ */
  readonly weight: string;
  /** β; an RMSNorm has none. */
  readonly bias?: string | undefined;
  /** The norm scales by 1 + weight, as Gemma's does. */
  readonly plusOne?: boolean | undefined;
}

const HELP = 'Give it with --norm "block=weight" or "block=weight,bias" (option norms).';

/** The prior that a norm of {@link normOf} leaves for its block. */
export async function readNorm(model: Model, { weight, bias, plusOne }: NormTensors): Promise<NormPrior> {
  const tensors = await readNamed(model, bias === undefined ? [weight] : [weight, bias]);
  const vector = (name: string) => toFloat64(tensors.find((tensor) => tensor.name === name)!);
  const gamma = vector(weight);
  return { deviation: plusOne ? gamma.map((x) => 1 + x) : gamma, mean: bias === undefined ? undefined : vector(bias) };
}

/**
 * The norms of blocks by name from descriptions such as `layer0=norm0.weight,norm0.bias`. A `*` stands for the same text in
 * all three, so that one description serves all layers; `1+` before the weight: the norm scales by 1 + weight.
 *
 * @throws HermError `PRIOR` for a description that is none, or that names no block
 */
export function findNorms(blocks: readonly Block[], descriptions: readonly string[]): Record<string, NormTensors> {
  const norms: Record<string, NormTensors> = {};
  for (const text of descriptions) {
    const found = /^([^=]+)=(1\+)?([^,]+)(?:,([^,]+))?$/.exec(String(text).replaceAll(' ', ''));
    if (found === null) throw new HermError('PRIOR', `${quoteName(text)} describes no norm. ${HELP}`, { norm: text });
    const [, pattern = '', plus, weight = '', bias] = found;
    const matching = blocks.filter(({ name }) => starOf(pattern, name) !== undefined);
    if (matching.length === 0) {
      const names = blocks.map(({ name }) => name);
      const why = `The norm ${quoteName(text)} is of no block; there are: ${names.map(quoteName).join(', ')}.`;
      throw new HermError('PRIOR', why, { norm: text, blocks: names });
    }
    for (const { name } of matching) {
      const star = starOf(pattern, name)!;
      const fill = (tensor: string) => tensor.replaceAll('*', () => star);
      norms[name] = { weight: fill(weight), bias: bias && fill(bias), plusOne: plus !== undefined };
    }
  }
  return norms;
}

/** What the `*` of a pattern stands for in a name (nothing where it has none); undefined: they do not match. */
function starOf(pattern: string, name: string): string | undefined {
  const [before = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name ? '' : undefined;
  const after = rest.join('*');
  const fits = name.startsWith(before) && name.endsWith(after) && name.length >= before.length + after.length;
  return fits ? name.slice(before.length, name.length - after.length) : undefined;
}

/**
 * The norm of a block: among these, or what the names of its layer's tensors tell; undefined where none is known.
 *
 * @throws HermError `PRIOR` where its tensors do not fit
 */
export function knownNorm(
  model: Model,
  block: Block,
  norms: Readonly<Record<string, NormTensors>>,
): NormTensors | undefined {
  const norm = Object.hasOwn(norms, block.name) ? norms[block.name] : namedNorm(model, block);
  if (norm === undefined) return undefined;
  checkVector(model, block, norm.weight);
  if (norm.bias !== undefined) checkVector(model, block, norm.bias);
  return norm;
}

/** The same. @throws HermError `PRIOR` where none is known, too */
export function normOf(model: Model, block: Block, norms: Readonly<Record<string, NormTensors>>): NormTensors {
  const norm = knownNorm(model, block, norms);
  if (norm !== undefined) return norm;
  const why = `Which norm block ${quoteName(block.name)} has is not known. ${HELP}`;
  throw new HermError('PRIOR', why, { block: block.name });
}

function namedNorm(model: Model, block: Block): NormTensors | undefined {
  const norm = precedingNorm(model, block);
  return norm && { weight: norm.weight, bias: norm.bias, plusOne: norm.offset === 1 };
}

function checkVector({ tensors }: Model, { name: block, inputs }: Block, name: string): void {
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (tensor && isFloatDType(tensor.dtype) && tensor.shape.length === 1 && tensor.shape[0] === inputs) return;
  const problem = tensor
    ? `is ${tensor.dtype} [${tensor.shape}], and the block has ${inputs} inputs`
    : 'is not in the model';
  const why = `The norm tensor ${quoteName(name)} of block ${quoteName(block)} ${problem}. ${HELP}`;
  throw new HermError('PRIOR', why, { block, tensor: name });
}
