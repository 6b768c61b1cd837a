// Tensors of feed-forward blocks as a graph has them, which are called layer#.fc1 and layer#.fc2 here, as PyTorch would.
import { toFloat64 } from '../../../dist/index.mjs';
import { transpose } from './layer.mjs';

/** A tensor's numbers as inputs × outputs, filled up with neurons of zeros to the full width. */
export function inputsByOutputs(tensor, neurons) {
  const values = toFloat64(tensor);
  const isSecond = /fc2/.test(tensor.name);
  if (tensor.shape.length === 1) return isSecond ? values : filled(values, neurons);
  const [rows, cols] = tensor.shape;
  if (isSecond) return filled(transpose(values, rows, cols), neurons * rows);
  return transpose(filled(values, neurons * cols), neurons, cols);
}

function filled(values, length) {
  const out = new Float64Array(length);
  out.set(values);
  return out;
}
