import { requireArguments } from '../../arguments.ts';
import type { HermContent } from '../../file/content.ts';
import type { Axis } from '../../file/layout.ts';
import type { Tensor } from '../../model/tensor.ts';
import { type CallOptions, throwIfAborted } from '../../native/call.ts';
import { resolveWidths, type WidthRequest } from '../skeleton.ts';
import { AxisMaps } from './axis_maps.ts';
import type { AxisMap } from './root_map.ts';
import { type ElasticTensor, elasticTensors, isElastic, memberShape, shapeAt } from './tensor_axes.ts';

/** Sparse maps through which the whole network is tuned, as tensors. */
export interface Adapter {
  /**
   * Of every tensor of the model whose rows or columns are neurons: `<name>.rows.index` (I64) and `<name>.rows.coefficient` (F32), one
   * number for every row of the original, and `<name>.columns.index` and `<name>.columns.coefficient`. A row of the original
   * changes by its coefficient times the row of the trained change that its index names; columns likewise. For every row of the
   * change, the squares of the coefficients sum to 1.
   */
  readonly tensors: readonly Tensor[];
  /** `widths` and `shapes` (of the changes, by tensor), as JSON. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly widths: Readonly<Record<string, number>>;
  /** Numbers that are trained: those of all changes. */
  readonly parameters: number;
}

/** @throws HermError `WIDTH`; `HERM_TRUNCATED` for a prefix, or as reading the file does. */
export async function makeAdapter(
  content: HermContent,
  request: WidthRequest,
  options: Pick<CallOptions, 'signal'> = {},
): Promise<Adapter> {
  requireArguments({ options });
  const { signal } = options;
  content.requireComplete('an adapter');
  const at = resolveWidths(content, request);
  const maps = new AxisMaps(content, at, 'unit', { signal });
  const tensors: Tensor[] = [];
  const shapes: Record<string, readonly number[]> = {};
  for (const tensor of elasticTensors(content.header).filter(isElastic)) {
    throwIfAborted(signal);
    const { name, members } = tensor;
    shapes[name] = shapeAt(tensor, at);
    if (members.some(({ axes }) => axes.rows !== undefined)) {
      tensors.push(...mapTensors(`${name}.rows`, await rowsOf(tensor, at, maps)));
    }
    const { cols } = members[0]!.axes;
    if (cols !== undefined) tensors.push(...mapTensors(`${name}.columns`, await maps.of(cols)));
  }
  const widths = content.byName(at);
  const metadata = new Map([
    ['widths', JSON.stringify(widths)],
    ['shapes', JSON.stringify(shapes)],
  ]);
  const size = (shape: readonly number[]) => shape.reduce((product, count) => product * count, 1);
  return { tensors, metadata, widths, parameters: Object.values(shapes).reduce((sum, shape) => sum + size(shape), 0) };
}

/** Of all members, one after the other; rows that are no neurons are their own. */
async function rowsOf({ members }: ElasticTensor, widths: readonly number[], maps: AxisMaps): Promise<AxisMap> {
  const index: number[] = [];
  const coefficient: number[] = [];
  let start = 0;
  for (const member of members) {
    const own = await rowMap(member.axes.rows, member.shape[0]!, maps);
    for (const root of own.index) index.push(start + root);
    for (const value of own.coefficient) coefficient.push(value);
    start += memberShape(member, widths)[0]!;
  }
  return { index: Uint32Array.from(index), coefficient: Float64Array.from(coefficient) };
}

async function rowMap(axis: Axis | undefined, rows: number, maps: AxisMaps): Promise<AxisMap> {
  if (axis !== undefined) return maps.of(axis);
  return { index: Uint32Array.from({ length: rows }, (_, row) => row), coefficient: new Float64Array(rows).fill(1) };
}

function mapTensors(name: string, { index, coefficient }: AxisMap): Tensor[] {
  const shape = [index.length];
  const [indices, values] = [
    new DataView(new ArrayBuffer(8 * index.length)),
    new DataView(new ArrayBuffer(4 * index.length)),
  ];
  for (const [at, root] of index.entries()) {
    indices.setBigInt64(8 * at, BigInt(root), true);
    values.setFloat32(4 * at, coefficient[at]!, true);
  }
  return [
    { name: `${name}.index`, dtype: 'I64', shape, data: new Uint8Array(indices.buffer) },
    { name: `${name}.coefficient`, dtype: 'F32', shape, data: new Uint8Array(values.buffer) },
  ];
}
