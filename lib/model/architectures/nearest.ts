import { quoteName } from '../messages.ts';
import type { ModelHeader } from '../model.ts';
import type { TensorInfo } from '../tensor.ts';
import { WEIGHT } from './match.ts';
import { FEED_FORWARDS } from './table.ts';

/** What is known that comes near to a model of unknown blocks, in sentences; '' where nothing does. */
export function describeNearest({ tensors }: ModelHeader): string {
  const matrices = tensors.filter(({ name, shape }) => shape.length === 2 && name.endsWith(WEIGHT));
  return [nearestNames(matrices), lookalikes(matrices)].filter((sentence) => sentence !== '').join(' ');
}

/** The architecture most of whose names end names of the model. */
function nearestNames(matrices: readonly TensorInfo[]): string {
  let best = { score: 0, text: '' };
  for (const { name, layers, gate, input, output } of FEED_FORWARDS) {
    const parts = [gate, input, output].filter((part) => part !== undefined);
    const found = parts.map((part) => {
      const ending = part.slice(part.lastIndexOf('#') + 1).replace(/^\./, '');
      return matrices.find((matrix) => `.${matrix.name}`.endsWith(`.${ending}${WEIGHT}`))?.name;
    });
    const there = found.filter((tensor) => tensor !== undefined);
    const score = there.length / parts.length;
    if (score <= best.score) continue;
    const names = parts.map((part) => quoteName(`${layers[0]}.${part}${WEIGHT}`)).join(', ');
    const text = `The nearest known layout is that of ${name}, ${names} (# is a number), of which the model has only ${there.map(quoteName).join(', ')} with such an ending.`;
    best = { score, text };
  }
  return best.text;
}

const numbers = (name: string) => name.replace(/(^|\.)\d+(?=\.|$)/g, '$1*');

/** Pairs of matrices of one numbered layer, the first of which widens as much as the other one narrows. */
function lookalikes(matrices: readonly TensorInfo[]): string {
  const pairs = new Map<string, number>();
  const layers = new Map<string, TensorInfo[]>();
  for (const info of matrices) {
    const layer = /^(.*?(?:^|\.)\d+)\./.exec(info.name)?.[1];
    if (layer !== undefined) layers.set(layer, [...(layers.get(layer) ?? []), info]);
  }
  for (const members of layers.values()) {
    const wide = members.filter(({ shape: [rows = 0, cols = 0] }) => rows > cols);
    for (const { name, shape } of wide) {
      const back = members.filter(({ shape: [rows, cols] }) => rows === shape[1] && cols === shape[0]);
      if (back.length !== 1) continue;
      const pair = [name, back[0]!.name].map((tensor) => numbers(tensor.slice(0, -WEIGHT.length))).join('>');
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
  }
  const [best] = [...pairs].sort(([, one], [, other]) => other - one);
  if (best === undefined) return '';
  const [pair, count] = best;
  return `By their shapes ${count === 1 ? 'these may be a block' : `these may be ${count} blocks`}: --blocks ${quoteName(pair)}.`;
}
