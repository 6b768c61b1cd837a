import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { atomicWrite } from './atomic_write.ts';
import { concat } from './concat.ts';
import { quoteName } from './messages.ts';
import { isWellFormed, LENGTH_BYTES, MAX_HEADER_BYTES, METADATA_KEY } from './safetensors_header.ts';
import { ALL_DTYPES, refuseTensor, type Tensor, tensorBytes } from './tensor.ts';

/** Headers are padded to a multiple of this, so that the data of every dtype is aligned in a mapped file. */
const ALIGNMENT = 8;

/**
 * Writes a safetensors file as the reference serializer does: metadata first, the tensors by descending alignment of
 * their dtypes and then by name, the header padded with spaces to a multiple of 8. Metadata keys keep their order; no
 * metadata is written when there are none. The file appears whole or not at all.
 *
 * @throws HermError `IO` or `ABORTED` when the file cannot be written or the signal fired; `BAD_ARGUMENT` for metadata that are no Map, two tensors of one name, the name
 * `__metadata__`, bytes that do not fit the shape, or text that is not valid Unicode; `SAFETENSORS_DTYPE`,
 * `SAFETENSORS_SHAPE` and `SAFETENSORS_HEADER_TOO_LARGE` for what no reader would accept.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly Tensor[],
  metadata?: ReadonlyMap<string, string>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  requireArguments({ options });
  const parts = serializedParts(tensors, metadata);
  await atomicWrite(
    path,
    async (file) => {
      for (const part of parts) await file.write(part);
    },
    options,
  );
}

/** The bytes that {@link writeSafetensors} writes, for small files and tests. */
export function serializeSafetensors(tensors: readonly Tensor[], metadata?: ReadonlyMap<string, string>): Uint8Array {
  return concat(serializedParts(tensors, metadata));
}

/** The header and the tensors, as they follow each other in the file. @throws HermError as {@link writeSafetensors} */
export function serializedParts(tensors: readonly Tensor[], metadata?: ReadonlyMap<string, string>): Uint8Array[] {
  requireArguments({ tensors, metadata });
  const ordered = inFileOrder(tensors);
  return [makeHeader(ordered, metadata), ...ordered.map(({ data }) => data)];
}

/** Bytes of several buffers. */
export function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function inFileOrder(tensors: readonly Tensor[]): Tensor[] {
  const names = new Set<string>();
  for (const tensor of tensors) {
    checkTensor(tensor);
    if (names.has(tensor.name)) throw unwritable(`two tensors are named ${quoteName(tensor.name)}`);
    names.add(tensor.name);
  }
  const rank = new Map(ALL_DTYPES.map((dtype, index) => [dtype, index]));
  return [...tensors].sort(
    (a, b) =>
      rank.get(b.dtype)! - rank.get(a.dtype)! ||
      // By bytes of UTF-8, as the reference orders names; UTF-16 order differs beyond the basic plane.
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
}

function checkTensor({ name, dtype, shape, data }: Tensor): void {
  if (name === METADATA_KEY) throw unwritable(`no tensor can be named ${METADATA_KEY}`);
  if (!isWellFormed(name)) throw unwritable(`the tensor name ${quoteName(name)} is not valid Unicode`);
  const bytes = tensorBytes(dtype, shape, refuseTensor(name));
  if (bytes !== data.byteLength) {
    throw unwritable(`tensor ${quoteName(name)} has ${data.byteLength} bytes, but its shape and dtype need ${bytes}`);
  }
}

function unwritable(why: string): HermError {
  return new HermError('BAD_ARGUMENT', `Cannot write safetensors: ${why}.`);
}

/** The 8 length bytes and the header. */
function makeHeader(ordered: readonly Tensor[], metadata: ReadonlyMap<string, string> | undefined): Uint8Array {
  const members: string[] = [];
  if (metadata !== undefined && metadata.size > 0) members.push(`"${METADATA_KEY}":${metadataJson(metadata)}`);
  let begin = 0;
  for (const { name, dtype, shape, data } of ordered) {
    const end = begin + data.byteLength;
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const json = Buffer.from(`{${members.join(',')}}`);
  const padded = Math.ceil(json.byteLength / ALIGNMENT) * ALIGNMENT;
  if (padded > MAX_HEADER_BYTES) {
    const why = `the header would have ${padded} bytes, and readers accept at most ${MAX_HEADER_BYTES}`;
    throw new HermError(
      'SAFETENSORS_HEADER_TOO_LARGE',
      `Cannot write safetensors: ${why}. Split the model into shards.`,
    );
  }
  const header = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, LENGTH_BYTES);
  return header;
}

function metadataJson(metadata: ReadonlyMap<string, string>): string {
  const members = Array.from(metadata, ([key, value]) => {
    if (!isWellFormed(key) || !isWellFormed(value)) {
      throw unwritable(`the metadata entry ${quoteName(key)} is not valid Unicode`);
    }
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return `{${members.join(',')}}`;
}
