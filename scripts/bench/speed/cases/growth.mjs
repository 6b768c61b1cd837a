// (e) How time and memory grow with the number of neurons.
import { availableParallelism } from 'node:os';
import { atMost } from '../bars.mjs';
import { KINDS } from '../blocks.mjs';
import { interleave } from '../interleave.mjs';
import { runTask } from '../process.mjs';
import { exponent } from '../stats.mjs';

export const title = 'Builds of m neurons, 1024 inputs and outputs, GELU, f32 with biases';

const SIZES = [1024, 2048, 4096, 8192, 14336];
const WIDTH = 1024;
const EXPONENT_GOAL = 2.2;
const MEMORY_GOAL = 1.3;
// Input and output Gram matrix, float32.
const gramBytes = (neurons) => 2 * 4 * neurons ** 2;

export async function run({ maxNeurons }) {
  const sizes = SIZES.filter((neurons) => neurons <= maxNeurons);
  const rows = [];
  const bars = [];
  for (const kind of KINDS) {
    const own = [];
    for (const neurons of sizes) own.push(await measure(neurons, kind));
    const fitted = exponent(own.map((row) => [row.neurons, row.seconds]));
    bars.push(atMost(`growth exponent, ${kind}`, fitted, EXPONENT_GOAL));
    const largest = own.find((row) => row.neurons === SIZES.at(-1));
    bars.push(atMost(`peak memory at m = ${SIZES.at(-1)}, ${kind}`, largest?.['peak/needed'], MEMORY_GOAL));
    rows.push(...own);
  }
  return { rows, bars };
}

async function measure(neurons, kind) {
  const spec = { neurons, inputs: WIDTH, outputs: WIDTH, activation: 'gelu', bias: true, kind };
  const { build } = await interleave({ build: () => runTask('build', { spec, threads: availableParallelism() }) });
  const peak = Math.max(...build.runs.map(({ peakBytes }) => peakBytes));
  const { weightBytes } = build.runs[0];
  const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);
  return {
    weights: kind,
    neurons,
    seconds: build.seconds,
    runs: build.runs.length,
    'peak MiB': mebibytes(peak),
    'Gram MiB': mebibytes(gramBytes(neurons)),
    'weights MiB': mebibytes(weightBytes),
    'peak/needed': peak / (gramBytes(neurons) + weightBytes),
  };
}
