// Bytes of lossless files, everything included, against plain coding of the same numbers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, writeSafetensors } from '../../dist/index.mjs';
import { environment } from './environment.mjs';
import { bytePlanes } from './size/byte_planes.mjs';
import { flatFloor } from './size/floor.mjs';
import { FORMATS, inFormat, MODELS } from './size/models.mjs';
import { barLines, table } from './table.mjs';

/** Largest size over the flat floor, by model and format. */
const GOALS = {
  'Gaussian 768→3072→768': { F32: 1.005, F16: 1.01, BF16: 1.015, 'BF16 as F32': 1.015 },
  'Gaussian, 30% scaled copies': { F32: 0.75, F16: 0.75, BF16: 0.75 },
  'Gaussian, 30% copied inputs': { F32: 0.88, F16: 0.88, BF16: 0.88 },
  'LeNet ReLU': { F32: 0.99, BF16: 0.97 },
  'LeNet tanh': { F32: 0.99, BF16: 0.97 },
  'LeNet GELU': { F32: 0.99, BF16: 0.97 },
};
const INSTRUCTION_GOAL = 11;

const sum = (values) => values.reduce((total, value) => total + value, 0);

async function measure(model, format, folder) {
  const { activation, tensors: load } = MODELS[model];
  const tensors = inFormat(await load(), format);
  const path = join(folder, 'model.safetensors');
  await writeSafetensors(path, tensors);
  const report = await compress(path, join(folder, 'model.herm'), { activation });
  const raw = sum(tensors.map(({ data }) => data.byteLength));
  const inBlocks = new Set(report.blocks.flatMap(({ input, output, bias }) => [input.tensor, output.tensor, bias]));
  const flat = tensors.filter(({ name }) => !inBlocks.has(name));
  // Hierarchies hold the neurons' own biases, too: these are what is coded, not how it comes apart.
  const isBias = ({ name }) => report.blocks.some(({ bias }) => bias === name);
  const merges = sum(report.blocks.map(({ neurons }, block) => neurons - report.ladder[0][block]));
  const floor = sum(tensors.map(flatFloor));
  const planes = await bytePlanes(tensors, folder);
  return {
    model,
    format,
    raw,
    herm: report.bytes,
    'of raw': report.bytes / raw,
    'of floor': report.bytes / floor,
    ...(planes && { 'of planes + zstd -19': report.bytes / planes }),
    'bytes a merge': (report.hierarchyBytes - sum(tensors.filter(isBias).map(flatFloor))) / merges,
    ...(report.flatBytes > 4096 && { 'flat of floor': report.flatBytes / sum(flat.map(flatFloor)) }),
  };
}

function barsOf(row) {
  const bar = (name, value, goal) => ({
    name: `${row.model}, ${row.format}: ${name}`,
    value,
    goal,
    sense: '≤',
    holds: value <= goal,
  });
  const bars = [bar('bytes of instruction a merge', row['bytes a merge'], INSTRUCTION_GOAL)];
  const goal = GOALS[row.model]?.[row.format];
  if (goal !== undefined) bars.push(bar('of the flat floor', row['of floor'], goal));
  if (row['of planes + zstd -19'] !== undefined)
    bars.push(bar('of byte planes + zstd -19', row['of planes + zstd -19'], 1));
  if (row['flat of floor'] !== undefined)
    bars.push(bar('tensors outside blocks, of their floor', row['flat of floor'], 1.01));
  return bars;
}

export async function run({ model: only }) {
  const folder = await mkdtemp(join(tmpdir(), 'herm-bench-'));
  try {
    const rows = [];
    for (const model of Object.keys(MODELS).filter((name) => only === undefined || name === only)) {
      for (const format of FORMATS) {
        process.stderr.write(`measuring ${model}, ${format} …\n`);
        rows.push(await measure(model, format, folder));
      }
    }
    return { suite: 'size', environment: environment(), rows, bars: rows.flatMap(barsOf) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function render({ environment: where, rows, bars }, options) {
  const lines = Object.entries(where).map(([key, value]) => `${key}: ${value}`);
  return [...lines, '', ...table(rows, options), '', ...barLines(bars)].join('\n');
}
