// (c) SCA input shares and GID gates of all pairs, against plain code and against per-pair decompositions.
import { availableParallelism } from 'node:os';
import { atLeast } from '../bars.mjs';
import { interleave } from '../interleave.mjs';
import { runTask } from '../process.mjs';

export const title = 'Pairs per second of a block 768→3072→768 ReLU without biases';

// ReLU without biases: the only kernel that plain code has in closed form, so the peers' fastest case.
const SPEC = { neurons: 3072, inputs: 768, outputs: 768, activation: 'relu' };
const ALL = (SPEC.neurons * (SPEC.neurons - 1)) / 2;
const METHODS = [
  { name: 'hermkit', label: 'hermkit', count: ALL },
  { name: 'plain', label: 'plain JavaScript', count: 50_000, goal: 50 },
  { name: 'svd', label: 'ml-matrix SVD', count: 1000, goal: 500 },
];
const QUANTITIES = { sca: 'SCA input shares', gid: 'GID gates' };
const SAMPLE = 500;
// Peers decompose in double precision, without scaling rows first: they agree with each other to about 1e-13.
const AGREEMENT = 1e-5;

export async function run({ maxNeurons }) {
  if (SPEC.neurons > maxNeurons) return { rows: [], bars: [] };
  const rows = [];
  const bars = [];
  const threads = availableParallelism();
  for (const [quantity, what] of Object.entries(QUANTITIES)) {
    const contestants = {};
    for (const { name: method, count } of METHODS) {
      contestants[method] = () => runTask('pairs', { spec: SPEC, method, quantity, count, sample: SAMPLE, threads });
    }
    const results = await interleave(contestants);
    const reference = results.svd.runs[0].sample;
    const speed = ({ name, count }) => count / results[name].seconds;
    for (const method of METHODS) {
      const ratio = speed(METHODS[0]) / speed(method);
      const difference = largestDifference(results[method.name].runs[0].sample, reference);
      if (difference > AGREEMENT) throw new Error(`${what}: ${method.label} differs by ${difference} from ml-matrix.`);
      rows.push({
        quantity: what,
        method: method.label,
        pairs: method.count,
        'pairs/s': Math.round(speed(method)),
        'hermkit is faster by': ratio,
        'largest difference': difference.toExponential(1),
      });
      if (method.goal) bars.push(atLeast(`${what}, times faster than ${method.label}`, ratio, method.goal));
    }
  }
  return { rows, bars };
}

/** Relative to the largest value. */
function largestDifference(values, reference) {
  const scale = Math.max(...reference);
  return Math.max(...values.map((value, at) => Math.abs(value - reference[at]))) / scale;
}
