import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Addon, NativeJob } from '../../lib/native/binding.ts';
import { NATIVE_DTYPES } from '../../lib/native/binding.ts';
import { callNative } from '../../lib/native/call.ts';
import { randomBlock } from './support/random_block.ts';

/** A call that would go on for long, and the arrays that it fills. */
interface LongCall {
  readonly outputs: Record<string, Float32Array | Float64Array | Uint8Array | Uint16Array | Uint32Array>;
  readonly start: (addon: Addon, job: NativeJob) => Promise<unknown>;
  /** Where the kernel shows that it is at work: its first output, or `control[1]`. Without it, the abort comes as soon as the call is queued. */
  readonly begun?: (job: NativeJob) => boolean;
}

const activation = { kind: 4, slope: 0 };
const progressed = ({ control }: NativeJob) => Atomics.load(control, 1) > 0;
const f64 = (length: number) => new Float64Array(length);
const wave = (length: number) => Float64Array.from({ length }, (_, k) => Math.sin(12.9898 * k));
const f64Matrix = (rows: number, cols: number) => ({
  data: new Uint8Array(wave(rows * cols).buffer),
  dtype: NATIVE_DTYPES.F64,
  rows,
  cols,
  transposed: false,
});
const blockWeights = (m: number, n: number, p: number) => randomBlock(m, n, p).weights;
/** Neuron 0 takes in all others, one after another. */
const chain = (m: number) => ({
  pairs: Uint32Array.from({ length: 2 * (m - 1) }, (_, k) => (k % 2 === 0 ? 0 : (k + 1) / 2)),
  halves: new Uint16Array(2 * (m - 1)).fill(0x3800),
});
/** The pairs (0, 1), (1, 2) …, round and round. */
const manyPairs = (m: number, count: number) => Uint32Array.from({ length: 2 * count }, (_, k) => ((k + 1) >> 1) % m);
const scaOutputs = (g: number, d: number) => {
  const k = Math.min(g, d);
  return { basis: f64(k * d), shares: f64(k), angles: f64(k), coordinates: f64(g * k) };
};

const calls: Record<string, () => LongCall> = {
  interaction: () => {
    const m = 3000;
    const outputs = { kernel: f64(m * m), outputGram: f64(m * m), interaction: f64(m * m) };
    const weights = blockWeights(m, 64, 64);
    return {
      outputs,
      start: (addon, job) => addon.interaction({ ...weights, activation, ...outputs }, job),
      begun: () => outputs.kernel[0] !== 0,
    };
  },
  dense: () => {
    const [batch, width] = [6000, 700];
    const outputs = { y: f64(batch * width) };
    const noGate = { gate: undefined, gateBias: undefined, gateActivation: undefined };
    const layer = { weight: f64Matrix(width, width), bias: undefined, activation, ...noGate };
    const args = { x: wave(batch * width), batch, ...layer };
    return {
      outputs,
      start: (addon, job) => addon.dense({ ...args, ...outputs }, job),
      begun: () => outputs.y[0] !== 0,
    };
  },
  scaPairs: () => {
    const pairs = manyPairs(500, 4_000_000);
    const outputs = { shares: f64(pairs.length), angles: f64(pairs.length) };
    const weights = blockWeights(500, 8, 8);
    return {
      outputs,
      start: (addon, job) => addon.scaPairs({ ...weights, pairs, ...outputs }, job),
      begun: () => outputs.shares[0] !== 0,
    };
  },
  pairGates: () => {
    const pairs = manyPairs(500, 4_000_000);
    const outputs = { gates: f64(pairs.length) };
    const weights = blockWeights(500, 8, 8);
    return {
      outputs,
      start: (addon, job) => addon.pairGates({ ...weights, activation, pairs, ...outputs }, job),
      begun: () => outputs.gates[0] !== 0,
    };
  },
  mergeRounds: () => {
    const m = 4000;
    const outputs = {
      pairs: new Uint32Array(2 * (m - 1)),
      alpha: new Uint16Array(2 * (m - 1)),
      beta: new Uint16Array(2 * (m - 1)),
      biasOut: f64(m - 1),
      cost: f64(m - 1),
      report: f64(10),
    };
    const gates = { gateAlpha: undefined, gateBiasOut: undefined };
    const args = {
      ...blockWeights(m, 64, 64),
      activation,
      ...gates,
      roundShare: 0.05,
      plain: false,
      refit: false,
      stored: true,
    };
    return { outputs, start: (addon, job) => addon.mergeRounds({ ...args, ...outputs }, job), begun: progressed };
  },
  certify: () => {
    const m = 400;
    const { pairs, halves } = chain(m);
    const outputs = { errors: f64(m) };
    const widths = Uint32Array.from({ length: m }, (_, at) => m - at);
    const tree = { pairs, alpha: halves, beta: halves, parentBias: f64(m - 1) };
    const weights = blockWeights(m, 16, 16);
    return {
      outputs,
      start: (addon, job) => addon.certify({ ...weights, ...tree, activation, widths, ...outputs }, job),
      begun: progressed,
    };
  },
  refitSkeleton: () => {
    const [m, width] = [1200, 600];
    const { pairs, halves } = chain(m);
    const outputs = { refitted: new Uint8Array(8 * width * 16), error: f64(1) };
    const tree = { pairs, alpha: halves, beta: halves, parentBias: f64(m - 1) };
    const args = { ...blockWeights(m, 16, 16), ...tree, activation, width, ridge: 1e-9 };
    return { outputs, start: (addon, job) => addon.refitSkeleton({ ...args, ...outputs }, job) };
  },
  refitOutput: () => {
    const [n, width] = [16, 800];
    const outputs = { refitted: f64(width * 16) };
    const args = { activation, ridge: 1e-9, kept: wave(width * n), keptBias: undefined, width };
    const weights = blockWeights(1200, n, 16);
    return { outputs, start: (addon, job) => addon.refitOutput({ ...weights, ...args, ...outputs }, job) };
  },
  scaBlock: () => {
    const outputs = scaOutputs(600, 401);
    const weights = blockWeights(600, 200, 200);
    return { outputs, start: (addon, job) => addon.scaBlock({ ...weights, ...outputs }, job) };
  },
  gateSpectrum: () => {
    const outputs = { gates: f64(800) };
    const weights = blockWeights(800, 64, 800);
    return { outputs, start: (addon, job) => addon.gateSpectrum({ ...weights, activation, ...outputs }, job) };
  },
  unfoldLanes: () => {
    const [laneCount, length] = [256, 15_000];
    const { pairs, halves } = chain(laneCount);
    const outputs = {
      lanes: new Uint8Array(wave(laneCount * length).buffer),
      nodes: new Uint8Array((2 * laneCount - 1) * length * 8),
      floors: new Uint16Array(2 * laneCount - 1),
      gains: new Float32Array(2 * laneCount - 1),
      coefficientsOut: new Uint16Array(2 * laneCount - 2),
      followed: new Uint8Array(laneCount - 1),
      elementShifts: new Uint8Array(length),
    };
    const args = {
      dtype: NATIVE_DTYPES.F64,
      laneCount,
      length,
      shift: 0,
      elementFloors: undefined,
      evenElements: false,
    };
    return {
      outputs,
      start: (addon, job) => addon.unfoldLanes({ ...args, pairs, coefficients: halves, ...outputs }, job),
    };
  },
};

it.each(Object.keys(calls))(
  '%s stops in the middle, and touches nothing afterwards',
  { timeout: 60_000 },
  async (name) => {
    const { outputs, start, begun } = calls[name]!();
    const controller = new AbortController();
    let settled = false;
    const call = callNative({ signal: controller.signal, threads: 1 }, async (addon, job) => {
      const work = start(addon, job).finally(() => {
        settled = true;
      });
      work.catch(() => {});
      while (begun && !settled && !begun(job)) await turn();
      controller.abort();
      return work;
    });
    await expect(call).rejects.toMatchObject({ name: 'HermError', code: 'ABORTED' });

    const left = structuredClone(outputs);
    const digest = await callNative(undefined, (addon, job) => addon.xxh64({ data: new Uint8Array() }, job));
    expect(digest).toBe('ef46db3751d8e999');
    for (let turns = 0; turns < 100; turns++) await turn();
    for (const key of Object.keys(outputs)) {
      expect(Buffer.compare(bytesOf(outputs[key]!), bytesOf(left[key]!)), key).toBe(0);
    }
  },
);

const bytesOf = ({ buffer, byteOffset, byteLength }: LongCall['outputs'][string]) =>
  Buffer.from(buffer, byteOffset, byteLength);
