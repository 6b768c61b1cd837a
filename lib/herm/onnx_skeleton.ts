import { HermError } from '../errors.ts';
import { allocating } from '../file/allocating.ts';
import type { CodecOptions } from '../file/codec.ts';
import type { HermContent } from '../file/content.ts';
import { wholeTensors } from '../file/joined.ts';
import { concat } from '../model/concat.ts';
import { quoteName } from '../model/messages.ts';
import type { Tensor } from '../model/tensor.ts';
import { type Relocated, relocate } from '../onnx/relocate.ts';

/**
 * The files of an ONNX model with the tensors of a skeleton: what `files` of the header names, each in parts.
 *
 * @param tensors in the order of the header's
 * @param embed put external data into the model itself, which then needs no other file
 * @throws HermError `TOO_LARGE`, `ONNX_EXTERNAL` for external data that cannot be embedded, or as reading the file does.
 */
export async function onnxSkeleton(
  content: HermContent,
  tensors: readonly Tensor[],
  embed: boolean,
  options: CodecOptions,
): Promise<readonly (readonly Uint8Array[])[]> {
  const { files } = content.header.json;
  const infos = wholeTensors(content.header.json);
  const isIn = (file: number) => (_: unknown, index: number) => infos[index]!.file === file;
  const relocated = new Map<string, Relocated>();
  const parts: (readonly Uint8Array[])[] = [];
  for (const [file, { name, format }] of files.entries()) {
    if (format !== 'data') continue;
    const found = relocate(await content.source(file, options), infos.filter(isIn(file)), tensors.filter(isIn(file)));
    relocated.set(name, found);
    parts[file] = found.parts;
  }
  const find = (location: string): Relocated => {
    const found = relocated.get(location);
    if (found !== undefined) return found;
    const why = `The ONNX model in ${content.file} has external data in ${quoteName(location)}, which is no file of it.`;
    throw new HermError('ONNX_EXTERNAL', why, { file: content.file, location });
  };
  const whole = new Map<string, Uint8Array>();
  const embedded = (location: string, begin: number, end: number): Uint8Array => {
    const bytes = whole.get(location) ?? concat(find(location).parts);
    whole.set(location, bytes);
    return bytes.subarray(begin, end);
  };
  // Only here: loading what reads ONNX takes longer than most commands do.
  const { resizeOnnx } = await import('../onnx/resize.ts');
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const [file, { name, format }] of files.entries()) {
    if (format !== 'onnx') continue;
    const external = {
      placeOf: (location: string, offset: number) => find(location).placeOf(offset),
      ...(embed && { embed: embedded }),
    };
    parts[file] = [resizeOnnx(await withoutTensors(content, file, options), name, byName, external)];
  }
  return parts;
}

/**
 * One ONNX model with the tensors of a skeleton and all external data.
 *
 * @throws HermError `MODEL_FORMAT` where the original is no ONNX model; as {@link onnxSkeleton}.
 */
export async function onnxModel(
  content: HermContent,
  tensors: readonly Tensor[],
  options: CodecOptions,
): Promise<Uint8Array> {
  const { files, name } = content.header.json;
  if (files[0]!.format !== 'onnx') {
    const why = `${content.file} was made of ${name}, which is no ONNX model.`;
    throw new HermError('MODEL_FORMAT', why, { file: content.file });
  }
  const [model] = await onnxSkeleton(content, tensors, true, options);
  return model![0]!;
}

/** A file of the original, with zeros where its tensors are. */
async function withoutTensors(content: HermContent, file: number, options: CodecOptions): Promise<Uint8Array> {
  const { files, tensors } = content.header.json;
  const { name, size, dataOffset } = files[file]!;
  const rest = await content.source(file, options);
  const bytes = await allocating(`${quoteName(name)} in ${content.file}`, async () => new Uint8Array(size));
  let [used, at] = [0, 0];
  for (const { begin, end, file: own } of tensors) {
    if (own !== file) continue;
    const gap = dataOffset + begin - at;
    bytes.set(rest.subarray(used, used + gap), at);
    used += gap;
    at = dataOffset + end;
  }
  bytes.set(rest.subarray(used), at);
  return bytes;
}
