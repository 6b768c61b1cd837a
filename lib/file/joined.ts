import { HermError } from '../errors.ts';
import { concat } from '../model/concat.ts';
import { quoteName } from '../model/messages.ts';
import type { ModelTensor } from '../model/model.ts';
import type { Joined } from '../model/parts.ts';
import type { Tensor } from '../model/tensor.ts';
import type { HermHeader } from './schema.ts';

/** A tensor as the original has it: one of the header's, or several joined along their first axis. */
export interface WholeTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
  readonly file: number;
  /** Numbers of the header's tensors. */
  readonly parts: readonly number[];
}

/** Tensors, some of which are one in their file. */
interface JoinedTensors {
  readonly tensors: readonly ModelTensor[];
  readonly joined: readonly Joined[];
}

/** The original's tensors, in its order. */
export function wholeTensors({ tensors, joined }: JoinedTensors): WholeTensor[] {
  const starts = new Map(joined.map((join) => [join.first, join]));
  const whole: WholeTensor[] = [];
  for (let first = 0; first < tensors.length; ) {
    const { name, count } = starts.get(first) ?? { name: tensors[first]!.name, count: 1 };
    const parts = Array.from({ length: count }, (_, at) => first + at);
    const members = parts.map((index) => tensors[index]!);
    const { dtype, begin, file } = members[0]!;
    whole.push({ name, dtype, shape: joinedShape(members), begin, end: members.at(-1)!.end, file, parts });
    first += count;
  }
  return whole;
}

type Shaped = Pick<Tensor, 'shape'>;

function joinedShape(members: readonly Shaped[]): readonly number[] {
  if (members.length === 1) return members[0]!.shape;
  return [members.reduce((rows, { shape }) => rows + shape[0]!, 0), ...members[0]!.shape.slice(1)];
}

/** The whole tensors of a network from those of the header's list. */
export function joinTensors(header: JoinedTensors, tensors: readonly Tensor[]): Tensor[] {
  return wholeTensors(header).map(({ name, dtype, parts }) => {
    const members = parts.map((index) => tensors[index]!);
    if (members.length === 1) return members[0]!;
    return { name, dtype, shape: joinedShape(members), data: concat(members.map(({ data }) => data)) };
  });
}

/** @throws HermError `HERM_HEADER` for lists that do not say which tensors are one. */
export function checkJoined({ tensors, joined }: HermHeader, columnsOf: (tensor: string) => unknown): void {
  let next = 0;
  for (const { name, first, count } of joined) {
    const bad = (why: string) => new HermError('HERM_HEADER', `The joined tensor ${quoteName(name)} ${why}.`, { name });
    const members = tensors.slice(first, first + count);
    if (first < next || count < 2 || members.length < count) throw bad('is made of other tensors than there are');
    const [head, ...others] = members as [(typeof members)[number], ...typeof members];
    const alike = (other: typeof head) =>
      other.file === head.file && other.dtype === head.dtype && sameRows(head, other);
    if (head.shape.length === 0 || !others.every(alike)) throw bad('is made of tensors that differ in more than rows');
    if (others.some(({ begin }, at) => begin !== members[at]!.end))
      throw bad('is made of tensors with others between them');
    if (others.some((other) => columnsOf(other.name) !== columnsOf(head.name))) {
      throw bad('is made of tensors whose columns merge in different ways');
    }
    next = first + count;
  }
}

function sameRows({ shape: [, ...one] }: Shaped, { shape: [, ...other] }: Shaped): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}
