import { HermError } from '../errors.ts';
import type { ByteSource } from './source.ts';

const CONVERT =
  'Load it in Python and save it with save_pretrained(…, safe_serialization=True), or its state_dict with safetensors.torch.save_file';
const TORCH = { what: 'a PyTorch checkpoint', advice: CONVERT };
const TENSORFLOW = 'tf2onnx makes an ONNX model of it';
const AGAIN = 'Download the model itself';

/** What a file is in place of a model, and what to do then. */
interface OtherFormat {
  readonly what: string;
  readonly advice: string;
}

/** How files of other formats begin. */
const MAGICS: readonly (OtherFormat & { readonly bytes: readonly number[]; readonly at?: number })[] = [
  {
    bytes: [0x47, 0x47, 0x55, 0x46],
    what: 'GGUF, whose weights mostly are quantised',
    advice: 'Use the safetensors that it was made from',
  },
  { bytes: [0x50, 0x4b, 0x03, 0x04], ...TORCH },
  // A pickle of any protocol with a frame, a tuple of numbers, or an object.
  { bytes: [0x80, 0x02, 0x8a], ...TORCH },
  { bytes: [0x80, 0x02, 0x7d], ...TORCH },
  { bytes: [0x80, 0x02, 0x63], ...TORCH },
  { bytes: [0x80, 0x04, 0x95], what: 'a Python pickle', advice: CONVERT },
  { bytes: [0x89, 0x48, 0x44, 0x46], what: 'HDF5, as Keras writes it', advice: `${CONVERT}, or ${TENSORFLOW}` },
  { bytes: [0x89, 0x48, 0x45, 0x52, 0x4d], what: 'a .herm file', advice: '"herm expand" makes a model of it' },
  { bytes: [0x54, 0x46, 0x4c, 0x33], at: 4, what: 'TensorFlow Lite', advice: TENSORFLOW },
  { bytes: [0x1f, 0x8b], what: 'packed by gzip', advice: 'Unpack it first' },
  { bytes: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], what: 'a NumPy array', advice: 'Name a model' },
];

/** How texts begin that lie where a model should. */
const TEXTS: readonly (OtherFormat & { readonly start: RegExp })[] = [
  {
    start: /^version https:\/\/git-lfs/,
    what: 'a pointer of Git LFS to a file, not the file itself',
    advice: 'Run "git lfs pull" where it was cloned, or download the file',
  },
  {
    start: /^(<!doctype|<html|<\?xml|<head|<error)/i,
    what: 'a web page, as servers send where a download fails',
    advice: AGAIN,
  },
  { start: /^\{[\s\S]*("modelTopology"|"weightsManifest")/, what: 'a TensorFlow.js model', advice: TENSORFLOW },
  { start: /^\{\s*"/, what: 'JSON text, as servers send where a download fails', advice: AGAIN },
];

/** Names that weights of other formats have. */
const ENDINGS = /\.(bin|pt|pth|ckpt|gguf|h5|keras|msgpack|npz|tflite|pb)$/;
/** As far as a text tells what it is. */
const HEAD_BYTES = 4096;

/** What a file is by its beginning, and what to do then, for messages; undefined where that is unknown. */
export function otherFormatOf(first: Uint8Array): OtherFormat | undefined {
  const found = MAGICS.find(({ bytes, at = 0 }) => bytes.every((byte, n) => first[at + n] === byte));
  if (found !== undefined) return found;
  const text = new TextDecoder().decode(first.subarray(0, HEAD_BYTES)).trimStart();
  return TEXTS.find(({ start }) => start.test(text));
}

const ONNX: OtherFormat = { what: 'an ONNX model', advice: 'Give it a name that ends in .onnx' };

/** Whether a file begins as every ONNX model does that exporters write: its version, and then who wrote it, or its graph. */
const beginsLikeOnnx = ([version, number = 0, next = 0]: Uint8Array): boolean =>
  version === 0x08 && number > 0 && number < 32 && [0x12, 0x1a, 0x3a, 0x42].includes(next);

/** Whether a file begins like a safetensors file: the length of its header, and that header. */
export const beginsLikeSafetensors = (first: Uint8Array): boolean =>
  first[8] === 0x7b && first[6] === 0 && first[7] === 0;

/** @throws HermError `MODEL_FORMAT` for what begins like a file of another format than safetensors. */
export async function refuseOtherFormats(source: ByteSource): Promise<void> {
  const found = await strangerIn(source);
  if (found === undefined) return;
  const why = `${source.name} is no safetensors file: it is ${found.what}. ${found.advice}.`;
  throw new HermError('MODEL_FORMAT', why, { file: source.name });
}

/** What {@link refuseOtherFormats} refuses, where samples should be. @throws HermError `PRIOR` */
export async function refuseOtherSamples(source: ByteSource): Promise<void> {
  const found = await strangerIn(source);
  if (found === undefined) return;
  const why = `${source.name} holds no samples: it is ${found.what}. Give them as a .npy file, or as tensors in a safetensors file.`;
  throw new HermError('PRIOR', why, { file: source.name });
}

/** What a source is in place of a safetensors file, as far as its beginning tells. */
async function strangerIn(source: ByteSource): Promise<OtherFormat | undefined> {
  const first = await source.read(0, Math.min(source.size, HEAD_BYTES));
  if (beginsLikeSafetensors(first)) return undefined;
  return beginsLikeOnnx(first) ? ONNX : otherFormatOf(first);
}

/** The error for a directory without weights that hermkit reads, if it has others. */
export function onlyOtherFormats(path: string, names: readonly string[]): HermError | undefined {
  const others = names.filter(
    (name) => ENDINGS.test(name) && !/tokenizer|training_args|scheduler|optimizer/.test(name),
  );
  if (others.length === 0) return undefined;
  const ofTensorFlow = others.some(
    (name) =>
      /\.(tflite|pb)$/.test(name) || /^group\d+-shard/.test(name) || names.includes(name.replace(/bin$/, 'json')),
  );
  const advice = ofTensorFlow ? `It is a model of TensorFlow: ${TENSORFLOW}` : CONVERT;
  const why = `${path} has its weights in ${others.join(', ')}, and no safetensors file. ${advice}.`;
  return new HermError('MODEL_FORMAT', why, { file: path, weights: others });
}
