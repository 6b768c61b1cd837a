import { HermError } from '../../errors.ts';
import type { BlockSpec } from '../block_option.ts';
import { commonParent } from '../linears.ts';
import { quoteName } from '../messages.ts';
import type { ModelHeader } from '../model.ts';
import { parsePart, partName } from '../parts.ts';
import type { TensorInfo } from '../tensor.ts';
import type { FeedForward } from './feed_forward.ts';
import { type Incomplete, type KnownBlock, type KnownModel, knownBlock } from './known.ts';
import { type Match, Matcher, nameIn, WEIGHT } from './match.ts';
import { FEED_FORWARDS } from './table.ts';

/** A block that was found by its names. */
export interface FoundBlock {
  readonly spec: BlockSpec;
  readonly known: KnownBlock;
}

const inputs = new Matcher(FEED_FORWARDS, ({ input }) => input);
const outputs = new Matcher(FEED_FORWARDS, ({ output }) => output);
/** What quantised checkpoints call a weight that is packed. */
const PACKED = ['.qweight', '.weight_packed', '.weight_quantized'];

/** The tensors of a model by name; those that it has in parts are whole. */
export function asKnownModel(header: ModelHeader): KnownModel {
  const byName = new Map<string, TensorInfo>(header.tensors.map((info) => [info.name, info]));
  for (const { name, first, count } of header.joined ?? []) {
    const parts = header.tensors.slice(first, first + count);
    const shape = [count * parts[0]!.shape[0]!, ...parts[0]!.shape.slice(1)];
    byName.set(name, { ...parts[0]!, name, shape, end: parts.at(-1)!.end });
  }
  return { ...header, byName };
}

/**
 * All feed-forward blocks of a model whose names the table has.
 *
 * @throws HermError `TENSOR_MISSING` where one layer lacks a tensor that others have, `BLOCK_DTYPE` for packed weights.
 */
export function findKnownBlocks(header: ModelHeader): FoundBlock[] {
  const model = asKnownModel(header);
  const found: FoundBlock[] = [];
  const incomplete: Incomplete[] = [];
  for (const name of model.byName.keys()) {
    refusePacked(name);
    if (!name.endsWith(WEIGHT)) continue;
    const matches = inputs.match(name.slice(0, -WEIGHT.length));
    if (matches.length === 0) continue;
    const known = knownBlock(model, matches);
    if ('missing' in known) incomplete.push(known);
    else found.push({ spec: specOf(model, known), known });
  }
  checkComplete(model, found, incomplete);
  return withOwnNames(found);
}

/** Two blocks of one module, as Q-Formers have, are called by their inputs. */
function withOwnNames(found: readonly FoundBlock[]): FoundBlock[] {
  const seen = new Set<string>();
  const twice = new Set(found.map(({ spec: { name } }) => name).filter((name) => seen.size === seen.add(name).size));
  return found.map(({ spec, known }) => {
    const name = twice.has(spec.name) ? nameIn(known, known.entries[0].input) : spec.name;
    return { spec: { ...spec, name }, known };
  });
}

/** What is known of a block by the name of its input. */
export function identify(model: KnownModel, inputTensor: string): KnownBlock | undefined {
  const tensor = parsePart(inputTensor)?.tensor ?? inputTensor;
  if (!tensor.endsWith(WEIGHT) || !model.byName.has(tensor)) return undefined;
  const matches = inputs.match(tensor.slice(0, -WEIGHT.length));
  const known = matches.length === 0 ? undefined : knownBlock(model, matches);
  return known === undefined || 'missing' in known ? undefined : known;
}

function specOf({ byName }: KnownModel, known: KnownBlock): BlockSpec {
  const [{ input, output, gate, fused, transposed = false }] = known.entries;
  const linear = (part: string) => nameIn(known, part);
  const bias = (name: string) => (byName.has(`${name}.bias`) ? `${name}.bias` : undefined);
  const common = {
    name: commonParent(linear(input), linear(output)) || linear(input),
    inputTransposed: transposed,
    output: linear(output) + WEIGHT,
    outputTransposed: transposed,
    outputBias: bias(linear(output)),
    gateTransposed: transposed,
    byName: false,
  };
  if (fused) {
    const half = (tensor: string | undefined, part: number) => tensor && partName({ tensor, part, count: 2 });
    const [weight, own] = [linear(input) + WEIGHT, bias(linear(input))];
    const [first, second] = fused === 'gate' ? [1, 2] : [2, 1];
    const gateHalf = { gate: half(weight, first), gateBias: half(own, first) };
    return { ...common, ...gateHalf, input: half(weight, second)!, bias: half(own, second) };
  }
  return {
    ...common,
    input: linear(input) + WEIGHT,
    bias: bias(linear(input)),
    gate: gate && linear(gate) + WEIGHT,
    gateBias: gate && bias(linear(gate)),
  };
}

function refusePacked(name: string): void {
  const ending = PACKED.find((packed) => name.endsWith(packed));
  if (ending === undefined || inputs.match(name.slice(0, -ending.length)).length === 0) return;
  const why = `Tensor ${quoteName(name)} holds quantised weights in packed form, but neurons can only be merged in F64, F32, F16 or BF16. Use the model before its quantisation.`;
  throw new HermError('BLOCK_DTYPE', why, { tensor: name });
}

/** A layer that lacks what the same layers beside it have is not another architecture, but damaged. */
function checkComplete(model: KnownModel, found: readonly FoundBlock[], incomplete: readonly Incomplete[]): void {
  const styles = new Map<string, FeedForward>();
  for (const { known } of found) {
    const [entry] = known.entries;
    const style = `${known.layer.replace(/\d+/g, '#')} ${entry.input}`;
    const other = styles.get(style) ?? entry;
    styles.set(style, other);
    if (other.gate === entry.gate) continue;
    const gate = (other.gate ?? entry.gate)!;
    const lacking = found.find(
      ({ spec, known: { layer } }) => !spec.gate && layer.replace(/\d+/g, '#') === known.layer.replace(/\d+/g, '#'),
    )!;
    throw missing(nameIn(lacking.known, gate) + WEIGHT, lacking.spec.name);
  }
  const hasStyle = ({ entry, layer }: Match) => styles.get(`${layer.replace(/\d+/g, '#')} ${entry.input}`) === entry;
  for (const { match, missing: tensor } of incomplete) {
    if (tensor !== '' && hasStyle(match)) throw missing(tensor, match.layer);
  }
  const places = new Set(found.map(({ known }) => nameIn(known, known.entries[0].input)));
  for (const name of model.byName.keys()) {
    if (!name.endsWith(WEIGHT)) continue;
    const orphan = outputs
      .match(name.slice(0, -WEIGHT.length))
      .find((match) => hasStyle(match) && !places.has(nameIn(match, match.entry.input)));
    if (orphan !== undefined) throw missing(nameIn(orphan, orphan.entry.input) + WEIGHT, orphan.layer);
  }
}

function missing(tensor: string, where: string): HermError {
  const why = `The model lacks the tensor ${quoteName(tensor)}, which the layers beside ${quoteName(where)} have. Download or export it again; to leave that layer out, describe the others by hand (--blocks).`;
  return new HermError('TENSOR_MISSING', why, { tensor, block: where });
}
