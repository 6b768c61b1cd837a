import { HermError } from '../errors.ts';
import { BLOCKS_HELP } from './block_option.ts';
import { type Layers, type Linear, parentOf, type Scale } from './linears.ts';
import { quoteName } from './messages.ts';

/** Linears in the order in which they are applied, an activation between each and the next. */
export type Stack = readonly Linear[];

/** Orders of a few linears are tried one by one; where more steps are needed, shapes do not tell enough anyway. */
const MAX_STEPS = 20_000;

/**
 * Stacks of linears, by name and confirmed by shape (outputs of one = inputs of the next): first those that share a name
 * but for its number (`fc1`, `fc2`; `layers.0`, `layers.2`), in numeric order and cut where the shapes do not fit; then
 * linears with names of their own (`head`) join them where the shapes allow exactly one order.
 *
 * @throws HermError `BLOCKS_AMBIGUOUS` when the shapes allow several orders, or none because one linear fits several
 * others, or something that is no plain activation may stand in between.
 */
export function findStacks({ linears, scales }: Layers): Stack[] {
  const segments = numberedRuns(linears);
  const stacks = components(segments).map((component) => joinSegments(component).flat());
  for (const stack of stacks) checkScales(stack, scales);
  return stacks;
}

function numberedRuns(linears: readonly Linear[]): Stack[] {
  const byStem = new Map<string, Linear[]>();
  for (const linear of linears) {
    const key = linear.stem ?? linear.name;
    byStem.set(key, [...(byStem.get(key) ?? []), linear]);
  }
  return [...byStem.values()].flatMap((run) => cutByShape(run.sort((a, b) => a.number - b.number)));
}

function cutByShape(run: readonly Linear[]): Stack[] {
  const pieces: Linear[][] = [];
  for (const linear of run) {
    const last = pieces.at(-1);
    if (last && fits(last.at(-1)!, linear)) last.push(linear);
    else pieces.push([linear]);
  }
  return pieces;
}

function fits(from: Linear, to: Linear): boolean {
  return from.outputs === to.inputs;
}

/** Whether the names let `from` be applied right before `to`; numbered neighbours have been decided already. */
function mayPrecede(from: Stack, to: Stack): boolean {
  const [last, first] = [from.at(-1)!, to[0]!];
  if (from === to || !fits(last, first)) return false;
  if (last.stem !== undefined && last.stem === first.stem) return false;
  // Two stacks that each have an order of their own are two parts (encoder, decoder): what lies between is unknown.
  if (from.length > 1 && to.length > 1) return false;
  return encloses(parentOf(last.name), parentOf(first.name)) || encloses(parentOf(first.name), parentOf(last.name));
}

function encloses(outer: string, inner: string): boolean {
  return outer === '' || inner === outer || inner.startsWith(`${outer}.`);
}

/** Segments that some possible link connects. */
function components(segments: readonly Stack[]): Stack[][] {
  const rest = new Set(segments);
  const found: Stack[][] = [];
  for (const start of segments) {
    if (!rest.delete(start)) continue;
    const component = [start];
    for (const member of component) {
      for (const other of rest) {
        if (!mayPrecede(member, other) && !mayPrecede(other, member)) continue;
        rest.delete(other);
        component.push(other);
      }
    }
    found.push(component);
  }
  return found;
}

/** The one order of all segments in which each fits the next. */
function joinSegments(component: readonly Stack[]): readonly Stack[] {
  if (component.length === 1) return component;
  const orders = findOrders(component);
  if (orders.length === 1) return orders[0]!;
  const names = component.map((stack) => stack.map(({ name }) => name).join(' > '));
  const problem = orders.length === 0 ? 'do not form one chain' : 'fit together in more than one order';
  throw new HermError(
    'BLOCKS_AMBIGUOUS',
    `By their shapes these linear layers ${problem}: ${names.join(', ')}. Please ${BLOCKS_HELP}.`,
    { linears: component.flat().map(({ name, weight }) => ({ name, shape: weight.shape })) },
  );
}

/** Up to two orders, which is enough to know whether there is one. */
function findOrders(component: readonly Stack[]): Stack[][] {
  const orders: Stack[][] = [];
  let steps = 0;
  const extend = (order: readonly Stack[]): void => {
    if (order.length === component.length) orders.push([...order]);
    for (const next of component) {
      if (orders.length > 1 || order.includes(next)) continue;
      if (++steps > MAX_STEPS) return;
      const last = order.at(-1);
      if (last === undefined || mayPrecede(last, next)) extend([...order, next]);
    }
  };
  extend([]);
  return steps > MAX_STEPS ? [] : orders;
}

/** A normalisation between two linears makes their hidden layer another function than y = V φ(W x + b) + c. */
function checkScales(stack: Stack, scales: readonly Scale[]): void {
  stack.slice(1).forEach((to, at) => {
    const from = stack[at]!;
    const between = scales.find((scale) => mayStandBetween(scale, from, to));
    if (between === undefined) return;
    throw new HermError(
      'BLOCKS_AMBIGUOUS',
      `${quoteName(`${between.name}.weight`)} may be a normalisation or a learned activation between ${quoteName(from.name)} and ${quoteName(to.name)}. Fold it into a linear layer first; or, if it stands elsewhere, ${BLOCKS_HELP}.`,
      { tensor: `${between.name}.weight`, linears: [from.name, to.name] },
    );
  });
}

function mayStandBetween(scale: Scale, from: Linear, to: Linear): boolean {
  if (scale.stem !== undefined && scale.stem === from.stem && scale.stem === to.stem) {
    return scale.number > from.number && scale.number < to.number;
  }
  return parentOf(scale.name) === parentOf(from.name) && scale.length === from.outputs;
}
