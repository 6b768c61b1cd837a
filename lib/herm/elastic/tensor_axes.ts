import type { CheckedHeader } from '../../file/header.ts';
import { type WholeTensor, wholeTensors } from '../../file/joined.ts';
import type { Axis, Layout } from '../../file/layout.ts';

/** Which neurons the axes of a tensor belong to. */
export interface TensorAxes {
  readonly rows: Axis | undefined;
  readonly cols: Axis | undefined;
}

const NO_AXES: TensorAxes = { rows: undefined, cols: undefined };

/** The axes of these tensors, one after the other. */
export function tensorAxes(tensors: readonly { readonly name: string }[], layout: Layout): TensorAxes[] {
  const found = new Map<string, TensorAxes>();
  for (const { name, rowAxis, colAxis } of layout.weights) found.set(name, { rows: rowAxis, cols: colAxis });
  const biases = [...layout.biases, ...layout.gates.map((gate) => gate?.bias)];
  for (const bias of biases) {
    if (bias === undefined) continue;
    // A bias is an input weight of its neuron, from an input that is always 1.
    const { name, block, side } = bias;
    found.set(name, { rows: { block, side }, cols: undefined });
  }
  return tensors.map(({ name }) => found.get(name) ?? NO_AXES);
}

/** A tensor as the original has it. */
export interface ElasticTensor extends WholeTensor {
  /** Of its parts, one after the other along the rows: their shapes in the original, and their axes. */
  readonly members: readonly { readonly shape: readonly number[]; readonly axes: TensorAxes }[];
}

export function elasticTensors(header: Pick<CheckedHeader, 'json' | 'layout'>): ElasticTensor[] {
  const axes = tensorAxes(header.json.tensors, header.layout);
  return wholeTensors(header.json).map((whole) => ({
    ...whole,
    members: whole.parts.map((index) => ({ shape: header.json.tensors[index]!.shape, axes: axes[index]! })),
  }));
}

/** Whether its shape follows a block's width. */
export function isElastic({ members }: ElasticTensor): boolean {
  return members.some(({ axes }) => axes.rows !== undefined || axes.cols !== undefined);
}

/** The shape of a member at the widths [blocks]. */
export function memberShape(
  { shape, axes: { rows, cols } }: ElasticTensor['members'][number],
  widths: readonly number[],
): number[] {
  const axes = [rows, cols];
  return shape.map((size, at) => (axes[at] === undefined ? size : widths[axes[at].block]!));
}

/** The shape of the whole tensor at the widths [blocks]. */
export function shapeAt({ shape, members }: ElasticTensor, widths: readonly number[]): readonly number[] {
  const shapes = members.map((member) => memberShape(member, widths));
  if (members.length === 1) return shapes[0]!;
  return [shapes.reduce((sum, [rows]) => sum + rows!, 0), ...shapes[0]!.slice(1), ...shape.slice(shapes[0]!.length)];
}
