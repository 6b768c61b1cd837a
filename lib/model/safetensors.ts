import { requireArguments } from '../arguments.ts';
import type { HermError, HermErrorCode } from '../errors.ts';
import { quoteName } from './messages.ts';
import { LENGTH_BYTES, MAX_HEADER_BYTES, parseSafetensorsHeader, refusal } from './safetensors_header.ts';
import type { ByteSource } from './source.ts';
import { type Tensor, type TensorInfo, tensorBytes } from './tensor.ts';

export { serializeSafetensors, writeSafetensors } from './safetensors_write.ts';

/** The header of a safetensors file: what its tensors are and where they lie. */
export interface SafetensorsHeader {
  /** The 8 length bytes and the header, as they stand in the file. */
  readonly raw: Uint8Array;
  /** In the order of their data; empty tensors at the same offset in header order. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the data section starts in the file. */
  readonly dataOffset: number;
  readonly fileSize: number;
}

/**
 * Reads and checks a safetensors header by the rules of the reference implementation: the tensors must fill the data
 * section from its start to the end of the file, without holes or overlaps, each as large as its shape and dtype say.
 *
 * Stricter than the reference in four points: a repeated key is an error, numbers above 2^53 are, tensors described by
 * arrays instead of objects are, and so is a header that would need an excessive amount of memory.
 *
 * @throws HermError with a `SAFETENSORS_…` code that says which rule the file breaks; `IO` when it cannot be read.
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  requireArguments({ source });
  const file = source.name;
  if (source.size < LENGTH_BYTES) {
    const why = `it has ${source.size} bytes, but the header length alone takes ${LENGTH_BYTES}`;
    throw refusal('SAFETENSORS_HEADER_TOO_SMALL', file, why);
  }
  const first = await source.read(0, LENGTH_BYTES);
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    const why = `its header length is ${length}, and at most ${MAX_HEADER_BYTES} is allowed (has it another format?)`;
    throw refusal('SAFETENSORS_HEADER_TOO_LARGE', file, why);
  }
  const dataOffset = LENGTH_BYTES + Number(length);
  if (dataOffset > source.size) {
    const why = `its header should end at byte ${dataOffset}, but the file has only ${source.size} bytes`;
    throw refusal('SAFETENSORS_HEADER_LENGTH', file, why);
  }
  const raw = await source.read(0, dataOffset);
  const { tensors, metadata } = parseSafetensorsHeader(raw.subarray(LENGTH_BYTES), file);
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(tensors, source.size - dataOffset, file);
  return { raw, tensors, metadata, dataOffset, fileSize: source.size };
}

function checkLayout(tensors: readonly TensorInfo[], dataBytes: number, file: string): void {
  let next = 0;
  for (const info of tensors) {
    checkPlace(info, next, file);
    next = info.end;
  }
  if (next === dataBytes) return;
  const why =
    next > dataBytes
      ? `its tensors need ${next} bytes, but only ${dataBytes} follow the header`
      : `${dataBytes - next} bytes follow the last tensor`;
  throw refusal('SAFETENSORS_TRAILING', file, why);
}

/** `next` is where the tensor before it ended. */
function checkPlace({ name, dtype, shape, begin, end }: TensorInfo, next: number, file: string): void {
  const subject = `tensor ${quoteName(name)}`;
  const refuse = (code: HermErrorCode, why: string): HermError =>
    refusal(code, file, `${subject} ${why}`, { tensor: name });
  if (begin > end) throw refuse('SAFETENSORS_OFFSETS', `ends (at ${end}) before it begins (at ${begin})`);
  if (begin < next)
    throw refuse(
      'SAFETENSORS_OFFSETS',
      `begins at ${begin}, inside the one before it (to ${next}); weights that are tied must be saved under one name`,
    );
  if (begin > next) throw refuse('SAFETENSORS_OFFSETS', `begins at ${begin} and leaves a hole from ${next}`);
  const bytes = tensorBytes(dtype, shape, refuse);
  if (bytes !== end - begin) {
    throw refuse(
      'SAFETENSORS_SHAPE',
      `has shape [${shape.join(', ')}] of ${dtype}, which is ${bytes} bytes, but data_offsets span ${end - begin}`,
    );
  }
}

/**
 * The bytes of one tensor of {@link readSafetensorsHeader}.
 *
 * @throws HermError `IO` when they cannot be read, `OUT_OF_MEMORY` when they do not fit in one buffer.
 */
export async function readTensor(
  source: ByteSource,
  header: Pick<SafetensorsHeader, 'dataOffset'>,
  info: TensorInfo,
): Promise<Tensor> {
  requireArguments({ source, header, info });
  const data = await source.read(header.dataOffset + info.begin, info.end - info.begin);
  return { name: info.name, dtype: info.dtype, shape: info.shape, data };
}
