/*
 * node merge_peak.mjs <neurons> <inputs> <outputs> <threads>: the first rounds of a merge for refits. Prints the bytes that
 * it says it needs, and those of the process before it and at its highest.
 */
import { blockWeights, buildTree, lookupIn } from 'hermkit';
import { peak } from './peak_memory.mjs';

const [neurons, inputs, outputs, threads] = process.argv.slice(2).map(Number);

function tensor(name, shape) {
  const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, at) => Math.sin(at * at + at));
  return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
}

const matrix = (name, rows, cols, transposed) => ({ tensor: name, rows, cols, transposed });
const block = {
  name: 'fc',
  activation: { name: 'gelu', slope: 1 },
  ...{ neurons, inputs, outputs, bias: undefined, outputBias: undefined },
  input: matrix('w', neurons, inputs, false),
  output: matrix('v', outputs, neurons, true),
};
const weights = blockWeights(block, lookupIn([tensor('w', [neurons, inputs]), tensor('v', [outputs, neurons])]));
const merge = (options) => buildTree(block, weights, { cost: 'refit', threads, ...options });

const need = await merge({ memory: 1 }).catch((error) => error.details.need);
const before = process.memoryUsage.rss();
// The first round is the largest.
const enough = new AbortController();
await merge({ signal: enough.signal, onProgress: (done) => done > 0 && enough.abort() }).catch((error) => {
  if (error.code !== 'ABORTED') throw error;
});
console.log(JSON.stringify({ need, before, peak: peak() }));
