import { HermError } from '../../errors.ts';
import type { HermContent } from '../../file/content.ts';
import { dtypeBytes, floatDType, isFloatDType, type Tensor, type TensorInfo } from '../../model/tensor.ts';
import type { KernelOptions } from '../exact_matrix.ts';
import type { EditPiece } from '../recover.ts';
import { readSkeleton, type SkeletonReader } from '../skeleton.ts';
import { AxisMaps } from './axis_maps.ts';
import { applyChange, type WeightChange } from './change.ts';
import { differenceOf, memberOf } from './difference.ts';
import type { LiftOptions } from './lift.ts';
import { type ElasticTensor, elasticTensors } from './tensor_axes.ts';
import { type Tuned, tunedError } from './tuned.ts';
import { readTunedShape, type TunedShape } from './tuned_widths.ts';

/** What a tensor becomes: a weight change, other bytes, or undefined: what it was. */
type TensorChange = WeightChange | { readonly bytes: Uint8Array } | undefined;

interface Parts {
  readonly content: HermContent;
  readonly tuned: Tuned;
  readonly tensors: readonly ElasticTensor[];
  readonly shape: TunedShape;
  readonly base: SkeletonReader;
  readonly delta: boolean;
  readonly keep: number;
  readonly kernel: KernelOptions;
}

/** The original's tensors with the change of a tuned skeleton; each change is made when its tensor is at hand. */
export class LiftedTensors {
  readonly #parts: Parts;
  readonly #maps: AxisMaps;
  /** [tensors of the header] */
  readonly #wholes: readonly { readonly whole: ElasticTensor; readonly part: number }[];
  /** [files] numbers of the header's tensors. */
  readonly #inFile: readonly (readonly number[])[];
  readonly #changed = new Set<string>();
  #last: { readonly index: number; readonly change: Promise<TensorChange> } | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    const { json } = parts.content.header;
    const scale = parts.delta ? 'unit' : 'least-norm';
    this.#maps = new AxisMaps(parts.content, parts.shape.widths, scale, parts.kernel);
    this.#wholes = parts.tensors.flatMap((whole) => whole.parts.map((_, part) => ({ whole, part })));
    const indices = [...json.tensors.keys()];
    this.#inFile = json.files.map((_, file) => indices.filter((index) => json.tensors[index]!.file === file));
  }

  /** @throws HermError as {@link readTunedShape}, `BAD_ARGUMENT`, and as reading the file does. */
  static async open(content: HermContent, tuned: Tuned, options: LiftOptions): Promise<LiftedTensors> {
    const { delta = false, keep = 1, refit, signal, threads } = options;
    if (!(typeof keep === 'number' && keep >= 0 && keep <= 1)) {
      throw new HermError('BAD_ARGUMENT', `keep must be a share from 0 to 1, not ${keep}.`, { keep });
    }
    if (delta && keep !== 1) {
      throw new HermError(
        'BAD_ARGUMENT',
        'keep is for a tuned skeleton: what an adapter trained (delta) leaves the original as it is.',
        { keep },
      );
    }
    const tensors = elasticTensors(content.header);
    const shape = readTunedShape(content, tensors, tuned, options.widths, delta);
    for (const tensor of tensors) checkDType(tensor, tuned, delta);
    const kernel = { signal, threads };
    const base = await readSkeleton(content, shape.widths, { refit, ...kernel });
    return new LiftedTensors({ content, tuned, tensors, shape, base, delta, keep, kernel });
  }

  get widths(): Record<string, number> {
    const { content, shape } = this.#parts;
    return content.byName(shape.widths);
  }

  /** Names of the tensors that have changed, of those that were asked for. */
  get changed(): string[] {
    return this.#parts.tensors.map(({ name }) => name).filter((name) => this.#changed.has(name));
  }

  /** Adds the change to a piece of one of the original's files. */
  readonly edit: EditPiece = async (file, at, bytes) => {
    const { files, tensors } = this.#parts.content.header.json;
    const inData = at - files[file]!.dataOffset;
    const index = tensorAt(tensors, this.#inFile[file]!, inData);
    return index === undefined ? bytes : this.#changedBytes(index, inData - tensors[index]!.begin, bytes);
  };

  /** By its number in the header. */
  async tensor(index: number): Promise<Tensor> {
    const { content, kernel } = this.#parts;
    const full = content.header.blocks.map(({ neurons }) => neurons);
    const tensor = await content.tensor(index, full, kernel);
    return { ...tensor, data: await this.#changedBytes(index, 0, tensor.data) };
  }

  async #changedBytes(index: number, at: number, bytes: Uint8Array): Promise<Uint8Array> {
    if (this.#last?.index !== index) this.#last = { index, change: this.#changeOf(index) };
    const change = await this.#last.change;
    if (change === undefined) return bytes;
    if ('bytes' in change) return change.bytes.subarray(at, at + bytes.byteLength);
    return applyChange(change, bytes, at / dtypeBytes(change.dtype), this.#parts.kernel.signal);
  }

  async #changeOf(index: number): Promise<TensorChange> {
    const { content, tuned, shape, base, delta, keep } = this.#parts;
    const { whole, part } = this.#wholes[index]!;
    if (!tuned.tensors.has(whole.name)) return undefined;
    const found = memberOf(await tuned.read(whole.name), whole, part, shape, tuned);
    const before = await base.tensor(index);
    const info = content.header.json.tensors[index]!;
    const { rows, cols } = whole.members[part]!.axes;
    const isFlat = rows === undefined && cols === undefined;
    if (isFlat && !delta && found.dtype === info.dtype) {
      if (Buffer.compare(found.data, before.data) === 0) return undefined;
      this.#changed.add(whole.name);
      return { bytes: found.data };
    }
    const kept = isFlat ? 1 : keep;
    const { change, isChange } = differenceOf(before, found, { tuned, delta, keep: kept });
    if (isChange) this.#changed.add(whole.name);
    else if (kept === 1) return undefined;
    return {
      tensor: info.name,
      dtype: floatDType(info.dtype),
      columns: columnsOf(info.shape),
      keep: kept,
      change,
      changeColumns: columnsOf(before.shape),
      rows: rows && (await this.#maps.of(rows)),
      cols: cols && (await this.#maps.of(cols)),
    };
  }
}

/** Numbers behind the first axis. */
function columnsOf(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, size) => product * size, 1);
}

/** The last of these tensors that begins at or before a byte, unless it ends there, too. */
function tensorAt(tensors: readonly TensorInfo[], indices: readonly number[], at: number): number | undefined {
  let [low, high] = [0, indices.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tensors[indices[middle]!]!.begin <= at) low = middle + 1;
    else high = middle;
  }
  const index = indices[low - 1];
  return index === undefined || tensors[index]!.end <= at ? undefined : index;
}

/** @throws HermError `TUNED_TENSOR` for numbers that cannot be compared with the original's. */
function checkDType({ name, dtype }: ElasticTensor, tuned: Tuned, delta: boolean): void {
  const found = tuned.tensors.get(name)?.dtype;
  if (found === undefined || (isFloatDType(found) && isFloatDType(dtype))) return;
  if (!delta && found === dtype) return;
  const expected = isFloatDType(dtype) ? 'F64, F32, F16 or BF16' : dtype;
  const why =
    delta && found === dtype
      ? `has dtype ${found}, of which there are no changes`
      : `has dtype ${found}, not ${expected}`;
  throw tunedError(tuned, name, why, { found, expected });
}
