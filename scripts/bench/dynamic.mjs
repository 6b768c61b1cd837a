// A network in a server at each width: how long a switch takes, what it reads, what it holds, how fast it answers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource, compress, fromFloat64, open, serializeSafetensors } from '../../dist/index.mjs';
import { environment } from './environment.mjs';
import { lenetPath } from './lenet.mjs';
import { table } from './table.mjs';

const SHARES = [0.125, 0.25, 0.5, 1];
const REQUESTS = 200;

/** A feed-forward block as GPT-2 has it, 768→3072→768, of seeded Gaussian-like numbers. */
function transformerBlock() {
  let state = 1;
  const unit = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const normal = () => Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
  const make = (name, shape, scale) => {
    const length = shape.reduce((product, size) => product * size);
    return fromFloat64(
      Float64Array.from({ length }, () => scale * normal()),
      'F32',
      name,
      shape,
    );
  };
  const tensors = [
    make('fc1.weight', [3072, 768], 768 ** -0.5),
    make('fc1.bias', [3072], 0.02),
    make('fc2.weight', [768, 3072], 0.02),
    make('fc2.bias', [768], 0.02),
  ];
  return bufferSource(serializeSafetensors(tensors), 'block.safetensors');
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

/** Widths ascending, so that each switch reads what is new; then back to the first, which reads nothing. */
async function measure(model, path) {
  const net = await open(path);
  const rows = [];
  for (const share of [...SHARES, SHARES[0]]) {
    const start = performance.now();
    const { widths, bytesRead, memory } = await net.setWidth(share);
    const switched = performance.now() - start;
    const latencies = [];
    const x = new Float32Array(net.inputs).fill(0.5);
    for (let request = 0; request < REQUESTS; request++) {
      const began = performance.now();
      await net.forward(x);
      latencies.push(performance.now() - began);
    }
    latencies.sort((a, b) => a - b);
    rows.push({
      model,
      widths: Object.values(widths).join(' + '),
      'switch, ms': switched,
      'read, KiB': Math.round(bytesRead / 1024),
      'tensors, KiB': Math.round(memory / 1024),
      'file kept, KiB': Math.round(net.kept / 1024),
      'a row, median ms': percentile(latencies, 0.5),
      'a row, 99% ms': percentile(latencies, 0.99),
    });
  }
  await net.close();
  return rows;
}

/** @returns {{suite, environment, rows}} */
export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'hermkit-dynamic-'));
  try {
    const files = { LeNet: lenetPath('relu'), 'block 768→3072→768': transformerBlock() };
    const rows = [];
    for (const [model, input] of Object.entries(files)) {
      const path = join(folder, `${rows.length}.herm`);
      await compress(input, path, { activation: 'relu' });
      rows.push(...(await measure(model, path)));
    }
    return { suite: 'dynamic', environment: environment(), rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function render({ environment: where, rows }, { markdown }) {
  const lines = Object.entries(where).map(([key, value]) => `${markdown ? '- ' : ''}${key}: ${value}`);
  return [...lines, '', ...table(rows, { markdown })].join('\n');
}
