import { quoteName } from '../messages.ts';
import type { ModelHeader } from '../model.ts';
import { isFloatDType, type TensorInfo } from '../tensor.ts';
import { WEIGHT } from './match.ts';
import { FEED_FORWARDS } from './table.ts';

/** What is known that comes near to a model of unknown blocks, in sentences; '' where nothing does. */
export function describeNearest({ tensors }: ModelHeader): string {
  const matrices = tensors.filter(({ name, shape }) => shape.length === 2 && name.endsWith(WEIGHT));
  const sentences = [nearestNames(matrices), lookalikes(matrices), otherTensors(tensors)];
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

/** Weights that cannot be found by name: matrices that are called otherwise, and convolutions. */
function otherTensors(tensors: readonly TensorInfo[]): string {
  const others = tensors.filter(({ name, shape, dtype }) => {
    return shape.length === 2 && isFloatDType(dtype) && !name.endsWith(WEIGHT);
  });
  const kernels = tensors.filter(({ shape }) => shape.length > 2).length;
  const some = others.slice(0, 3).map(({ name }) => quoteName(name));
  const matrices = `Matrices of other names (${others.length}: ${some.join(', ')}${others.length > 3 ? ', …' : ''}) are given in --blocks as they are called.`;
  const convolutions = `${kernels === 1 ? 'One tensor has' : `${kernels} tensors have`} more than two dimensions, as convolutions do, and stay as they are.`;
  return [...(others.length > 0 ? [matrices] : []), ...(kernels > 0 ? [convolutions] : [])].join(' ');
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
