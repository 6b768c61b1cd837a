import { fromFloat64, type Tensor } from '../../../lib/model/tensor.ts';
import { Random } from './random.ts';

export interface LayersOptions {
  readonly layers?: number;
  readonly inputs?: number;
  readonly neurons?: number;
  readonly seed?: number;
}

/** A network of layers as a transformer has them: each an MLP that shares no tensor with the others, and an embedding. */
export function layersModel({ layers = 3, inputs = 6, neurons = 16, seed = 1 }: LayersOptions = {}): Tensor[] {
  const random = new Random(seed);
  const make = (name: string, shape: number[]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => random.gauss());
    return fromFloat64(values, 'F32', name, shape);
  };
  const layer = (at: number) => [
    make(`h.${at}.fc1.weight`, [neurons, inputs]),
    make(`h.${at}.fc1.bias`, [neurons]),
    make(`h.${at}.fc2.weight`, [inputs, neurons]),
    make(`h.${at}.fc2.bias`, [inputs]),
  ];
  return [make('embedding', [20, inputs]), ...Array.from({ length: layers }, (_, at) => layer(at)).flat()];
}

export const RELU = new Map([['activation', 'relu']]);
