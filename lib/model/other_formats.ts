import { HermError } from '../errors.ts';
import type { ByteSource } from './source.ts';

const CONVERT = 'Load it in Python and save it with save_pretrained(…, safe_serialization=True)';
const TORCH = `a PyTorch checkpoint. ${CONVERT}`;

/** How files of other formats begin. */
const MAGICS: readonly { readonly bytes: readonly number[]; readonly what: string }[] = [
  {
    bytes: [0x47, 0x47, 0x55, 0x46],
    what: 'GGUF, whose weights mostly are quantised. Use the safetensors that it was made from',
  },
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: TORCH },
  { bytes: [0x80, 0x02, 0x8a], what: TORCH },
  { bytes: [0x89, 0x48, 0x44, 0x46], what: `HDF5. ${CONVERT}` },
  { bytes: [0x89, 0x48, 0x45, 0x52, 0x4d], what: 'a .herm file already. "herm expand" makes a model of it' },
];

/** Names that weights of other formats have. */
const ENDINGS = /\.(bin|pt|pth|ckpt|gguf|h5|msgpack|npz|tflite|pb)$/;

/** @throws HermError `MODEL_FORMAT` for what begins like a file of another format than safetensors. */
export async function refuseOtherFormats(source: ByteSource): Promise<void> {
  const first = await source.read(0, Math.min(source.size, 8));
  const found = MAGICS.find(({ bytes }) => bytes.every((byte, at) => first[at] === byte));
  if (found === undefined) return;
  const why = `${source.name} is no safetensors file: it is ${found.what}.`;
  throw new HermError('MODEL_FORMAT', why, { file: source.name });
}

/** The error for a directory without weights that hermkit reads, if it has others. */
export function onlyOtherFormats(path: string, names: readonly string[]): HermError | undefined {
  const others = names.filter(
    (name) => ENDINGS.test(name) && !/tokenizer|training_args|scheduler|optimizer/.test(name),
  );
  if (others.length === 0) return undefined;
  const why = `${path} has its weights in ${others.join(', ')}, and no safetensors file. ${CONVERT}.`;
  return new HermError('MODEL_FORMAT', why, { file: path, weights: others });
}
