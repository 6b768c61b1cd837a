import { HermError } from '../errors.ts';
import { NATIVE_ACTIVATIONS } from '../native/binding.ts';
import type { Activation, ActivationName } from './block.ts';
import { quoteName } from './messages.ts';

/** Names that an activation option may use. */
export const ACTIVATION_NAMES = Object.keys(NATIVE_ACTIVATIONS) as ActivationName[];

/** What `identity`, `relu`, … have in place of a slope: it is not used. */
const NO_SLOPE = 1;
export const DEFAULT_SLOPES: Partial<Record<ActivationName, number>> = {
  leaky_relu: 0.01,
  sigmoid: 1,
  hard_sigmoid: 1 / 6,
  elu: 1,
};

const HELP = `Known are ${ACTIVATION_NAMES.join(', ')}. Give one for all blocks ("relu", "leaky_relu:0.2", "sigmoid:2", "2*tanh(0.5*x)+1") or one a block ("fc1=relu,fc2=tanh"), with --activation or the option activation.`;

/** An activation option as read: one for every block that is not named, and those that are named. */
interface ActivationOption {
  readonly general: Activation | undefined;
  readonly byBlock: ReadonlyMap<string, Activation>;
}

/**
 * The activations of blocks by name, from the option if there is one, else from the model's metadata key `activation`; where
 * these say nothing of a block, what is `known` of it. `hint` says where else it could stand.
 *
 * @throws HermError `ACTIVATION` when neither says it, or one of them names an unknown activation, slope or block.
 */
export function chooseActivations(
  names: readonly string[],
  option: string | undefined,
  metadata: ReadonlyMap<string, string>,
  known: (block: string) => Activation | undefined = () => undefined,
  hint = '',
): Map<string, Activation> {
  const text = option ?? metadata.get('activation');
  if (text !== undefined && typeof text !== 'string') {
    throw activationError('The activation option is no text.');
  }
  if (text === undefined) {
    return new Map(
      names.map((name) => {
        const activation = known(name);
        if (activation !== undefined) return [name, activation];
        const why = 'The model file does not say which activation its blocks have, and their names leave a choice.';
        throw activationError([why, hint].join(' ').trimEnd(), { block: name, blocks: names, unsaid: true });
      }),
    );
  }
  const from = option === undefined ? 'The metadata key "activation" of the model' : 'The activation option';
  const { general, byBlock } = parse(text, from);
  for (const name of byBlock.keys()) {
    if (names.includes(name)) continue;
    throw activationError(`${from} names the block ${quoteName(name)}, but the blocks are ${names.join(', ')}.`, {
      block: name,
      blocks: names,
    });
  }
  return new Map(
    names.map((name) => {
      const activation = byBlock.get(name) ?? general ?? known(name);
      if (activation !== undefined) return [name, activation];
      throw activationError(`${from} (${quoteName(text)}) does not cover the block ${quoteName(name)}.`, {
        block: name,
      });
    }),
  );
}

/** `relu` · `leaky_relu:0.2` · `fc1=relu,fc2=tanh` · `relu,fc2=tanh` (all but fc2). */
function parse(text: string, from: string): ActivationOption {
  const byBlock = new Map<string, Activation>();
  let general: Activation | undefined;
  for (const entry of text.split(',').map((part) => part.trim())) {
    const equals = entry.lastIndexOf('=');
    const activation = parseOne(entry.slice(equals + 1).trim(), from);
    const block = entry.slice(0, Math.max(equals, 0)).trim();
    const twice = equals < 0 ? general !== undefined : byBlock.has(block);
    if (twice) throw activationError(`${from} (${quoteName(text)}) says twice what ${block || 'all blocks'} have.`);
    if (equals < 0) general = activation;
    else byBlock.set(block, activation);
  }
  return { general, byBlock };
}

const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
/** `4*tanh(0.5*x-1)+2`, with or without each of the numbers. */
const AFFINE = new RegExp(
  String.raw`^(?:(${NUMBER})\*)?([^()*]+)\((?:(${NUMBER})\*)?x([+-]${NUMBER})?\)([+-]${NUMBER})?$`,
);

function parseOne(text: string, from: string): Activation {
  const written = AFFINE.exec(text.replaceAll(' ', ''));
  if (written === null) return parsePlain(text, from);
  const [, outerScale = '1', plain, innerScale = '1', innerShift = '0', outerShift = '0'] = written;
  const affine = [innerScale, innerShift, outerScale, outerShift].map(Number) as [number, number, number, number];
  if (affine.every(Number.isFinite) && affine[0] !== 0) return { ...parsePlain(plain!, from), affine };
  throw activationError(`${from} has ${quoteName(text)}, whose numbers are not finite, or 0 before x.`);
}

function parsePlain(text: string, from: string): Activation {
  const [name, slopeText, ...rest] = text.split(':');
  if (!isActivationName(name) || rest.length > 0) {
    throw activationError(`${from} has the unknown activation ${quoteName(text)}.`, { activation: text });
  }
  const defaultSlope = DEFAULT_SLOPES[name];
  if (slopeText === undefined) return { name, slope: defaultSlope ?? NO_SLOPE };
  if (defaultSlope === undefined) {
    throw activationError(
      `${from} gives ${name} a slope (${quoteName(text)}), but only ${Object.keys(DEFAULT_SLOPES).join(', ')} have one.`,
    );
  }
  const slope = Number(slopeText);
  if (slopeText.trim() === '' || !Number.isFinite(slope)) {
    throw activationError(`${from} has the slope ${quoteName(slopeText)}, which is not a number.`);
  }
  return { name, slope };
}

function isActivationName(name: string | undefined): name is ActivationName {
  return name !== undefined && Object.hasOwn(NATIVE_ACTIVATIONS, name);
}

/** `relu`, `leaky_relu:0.2` where the slope is not the default, `2*tanh(0.5*x)`: what the option takes. */
export function activationText({ name, slope, affine }: Activation): string {
  const defaultSlope = DEFAULT_SLOPES[name];
  const plain = defaultSlope === undefined || defaultSlope === slope ? name : `${name}:${slope}`;
  if (affine === undefined) return plain;
  const [innerScale, innerShift, outerScale, outerShift] = affine;
  return `${factor(outerScale)}${plain}(${factor(innerScale)}x${summand(innerShift)})${summand(outerShift)}`;
}

/** Numbers of single precision have no more digits than these. */
const short = (value: number) => Number(value.toPrecision(9));
const factor = (scale: number) => (scale === 1 ? '' : `${short(scale)}*`);
const summand = (shift: number) => (shift === 0 ? '' : `${shift < 0 ? '' : '+'}${short(shift)}`);

function activationError(problem: string, details: Record<string, unknown> = {}): HermError {
  return new HermError('ACTIVATION', `${problem} ${HELP}`, { ...details, known: ACTIVATION_NAMES });
}
