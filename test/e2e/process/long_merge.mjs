import { buildTree } from 'hermkit';

/** A merge; of half a second or more unless there are fewer neurons. Its listener is told the end, too. */
export function longMerge(options, neurons = 4000) {
  const width = 64;
  const weight = (phase) => {
    const values = Float64Array.from({ length: neurons * width }, (_, k) => Math.sin(12.9898 * k + phase));
    return { data: new Uint8Array(values.buffer), dtype: 0, rows: neurons, cols: width, transposed: false };
  };
  const ref = { tensor: 'w', rows: neurons, cols: width, transposed: false };
  const activation = { name: 'relu', slope: 0 };
  const block = { name: 'fc', activation, neurons, inputs: width, outputs: width, input: ref, output: ref };
  return buildTree(block, { input: weight(1), bias: undefined, output: weight(2) }, options);
}
