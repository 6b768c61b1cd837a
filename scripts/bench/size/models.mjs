// The networks whose files are measured, in single precision, and their copies in other formats.
import { fromFloat64, toFloat64 } from '../../../dist/index.mjs';
import { lenetPath, loadModel } from '../lenet.mjs';
import { GPT2, syntheticBlock } from '../speed/blocks.mjs';
import { sentenceEncoder } from './sentence_encoder.mjs';

const lenet = async (activation) => (await loadModel(lenetPath(activation))).tensors;
const synthetic = (kind) => syntheticBlock({ ...GPT2, activation: 'relu', kind }).tensors;

/** By name: the activation, and the tensors. */
export const MODELS = {
  'Gaussian 768→3072→768': { activation: 'relu', tensors: () => synthetic('iid') },
  'Gaussian, 30% scaled copies': { activation: 'relu', tensors: () => synthetic('scaled') },
  'Gaussian, 30% copied inputs': { activation: 'relu', tensors: () => synthetic('inputs') },
  'LeNet ReLU': { activation: 'relu', tensors: () => lenet('relu') },
  'LeNet tanh': { activation: 'tanh', tensors: () => lenet('tanh') },
  'LeNet GELU': { activation: 'gelu', tensors: () => lenet('gelu') },
  'Sentence encoder': { activation: 'relu', tensors: sentenceEncoder },
};

export const FORMATS = ['F32', 'F16', 'BF16', 'BF16 as F32'];

/** The tensors with their single-precision numbers in another format; others stay as they are. */
export function inFormat(tensors, format) {
  if (format === 'F32') return tensors;
  return tensors.map((tensor) => {
    if (tensor.dtype !== 'F32') return tensor;
    const { name, shape } = tensor;
    const narrow = fromFloat64(toFloat64(tensor), format === 'F16' ? 'F16' : 'BF16', name, shape);
    return format === 'BF16 as F32' ? fromFloat64(toFloat64(narrow), 'F32', name, shape) : narrow;
  });
}
