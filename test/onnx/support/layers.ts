import { floatAttribute, GraphBuilder, intAttribute, intsAttribute, type Storage } from './builder.ts';

export const [INPUTS, NEURONS, OUTPUTS] = [5, 12, 4];
export type Make = (graph: GraphBuilder, x: string) => string;
/** A linear layer without biases. */
export const product =
  (name: string, sizes: readonly [number, number], storage: Storage = {}): Make =>
  (graph, x) =>
    graph.node('MatMul', [x, graph.weights(`${name}.weight`, sizes, storage)]);
export const matMul =
  (name: string, sizes: readonly [number, number], storage: Storage = {}): Make =>
  (graph, x) =>
    graph.node('Add', [product(name, sizes, storage)(graph, x), graph.weights(`${name}.bias`, [sizes[1]], storage)]);
export const first = matMul('fc1', [INPUTS, NEURONS]);
export const second = matMul('fc2', [NEURONS, OUTPUTS]);
export const relu: Make = (graph, x) => graph.node('Relu', [x]);

export const gemm =
  (name: string, sizes: readonly [number, number], attribute: Record<string, number>, bias = true): Make =>
  (graph, x) => {
    const dims = 'transB' in attribute ? [sizes[1], sizes[0]] : sizes;
    const inputs = [x, graph.weights(`${name}.weight`, dims)];
    if (bias) inputs.push(graph.weights(`${name}.bias`, [sizes[1]]));
    const attributes = Object.entries(attribute).map(([key, value]) =>
      key.startsWith('trans') ? intAttribute(key, value) : floatAttribute(key, value),
    );
    return graph.node('Gemm', inputs, { attribute: attributes });
  };

/** Its weights are stored the other way round, and a node transposes them. */
export const transposed =
  (name: string, sizes: readonly [number, number], perm?: readonly number[]): Make =>
  (graph, x) => {
    const weight = graph.weights(`${name}.weight`, [sizes[1], sizes[0]]);
    const attribute = perm === undefined ? [] : [intsAttribute('perm', perm)];
    const product = graph.node('MatMul', [x, graph.node('Transpose', [weight], { attribute })]);
    return graph.node('Add', [product, graph.weights(`${name}.bias`, [sizes[1]])]);
  };

/** A model of these layers, for batches of rows. */
export function network(layers: readonly Make[], dims: readonly (number | string)[] = ['n', INPUTS]): GraphBuilder {
  const graph = new GraphBuilder(7);
  const value = layers.reduce((x, layer) => layer(graph, x), graph.input('x', dims));
  graph.output(value, [...dims.slice(0, -1), OUTPUTS]);
  return graph;
}
