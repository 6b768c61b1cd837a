/*
 * Calls every export of an addon with valid arguments that were damaged in seeded ways. Exits with 0 when every call
 * either settled normally or failed with one of the stable codes.
 *
 * node fuzz_addon.mjs <addon> <seed> <calls> <codes as JSON>
 */
import { createRequire } from 'node:module';

const [addonFile, seed, calls, codes] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonFile);
const known = new Set(JSON.parse(codes));

let state = Number(seed) >>> 0;
function below(limit) {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
}
const pick = (list) => list[below(list.length)];

const [m, n, p] = [4, 3, 2];
const f64 = (length) => Float64Array.from({ length }, () => (below(2001) - 1000) / 500);
const u8 = (length) => Uint8Array.from({ length }, () => below(4));
const matrix = (rows, cols) => ({
  data: new Uint8Array(f64(rows * cols).buffer),
  dtype: 0,
  rows,
  cols,
  transposed: false,
});
const activation = () => ({ kind: below(18), slope: 0.1, affine: pick([undefined, [2, -1, 0.5, 3]]) });
const gate = () => ({ gate: matrix(m, n), gateBias: pick([undefined, matrix(1, m)]) });
const block = () => ({
  input: matrix(m, n),
  bias: pick([undefined, matrix(1, m)]),
  output: matrix(m, p),
  activation: activation(),
  ...pick([{}, gate()]),
});
const norm = () => ({
  ...pick([{}, { priorMean: f64(n), priorScale: f64(n) }]),
  ...pick([{}, { priorFactor: f64(n * n) }]),
});
// Five samples, or none.
const samples = (rest = {}) => {
  const inputs = Float32Array.from(f64(5 * n));
  return pick([{}, { samples: { inputs, blend: pick([0, 0.3, 1]), ...rest } }]);
};
const fitSamples = () => samples({ targets: f64(5 * p) });
const slots = () => Uint32Array.of(0, 1, 0, 2, 0, 3);
const halves = () => new Uint16Array(6).fill(0x3800);
const tree = () => ({ pairs: slots(), alpha: halves(), beta: halves(), parentBias: f64(3) });
const blockWithTree = () => {
  const found = block();
  return { ...found, ...tree(), ...(found.gate && { gateAlpha: halves(), parentGateBias: f64(3) }) };
};
const sca = (g, d) => {
  const k = Math.min(g, d);
  return { basis: f64(k * d), shares: f64(k), angles: f64(k), coordinates: f64(g * k) };
};
const gid = (g) => ({ gates: f64(g), inputMixing: f64(g * g), outputMixing: f64(g * g) });
const lanes = () => ({
  lanes: new Uint8Array(f64(m * n).buffer),
  dtype: 0,
  laneCount: m,
  length: n,
  shift: 0,
  elementFloors: undefined,
  pairs: slots(),
  coefficients: halves(),
});
// A root and the split of it.
const nodeLanes = () => ({
  dtype: 0,
  shift: 0,
  roots: 1,
  parents: Uint32Array.of(0),
  coefficients: Uint16Array.of(0x3800, 0x3400),
  followed: Uint8Array.of(0),
  floors: new Uint16Array(3),
  gains: new Float32Array(3).fill(1),
  rows: Uint32Array.of(0, 1, 2),
  rowCount: 3,
  length: n,
  elementFloors: undefined,
  onlyFollowed: pick([true, false]),
  levelInstructions: Uint32Array.of(0, 1),
  levelElements: Uint32Array.of(n, n),
  strips: 1,
});
// Two neurons that merge, in one level for each.
const side = (name) => ({
  [`${name}Dtype`]: below(4),
  [`${name}Coefficients`]: Uint16Array.of(0x3800, 0x3400),
  [`${name}Followed`]: Uint8Array.of(0),
  [`${name}Floors`]: Uint16Array.of(1, 0, 0),
  [`${name}Gains`]: Float32Array.of(1, 1, 1),
});
const hierarchy = () => ({
  neurons: 2,
  roots: 1,
  slots: Uint32Array.of(0, 0, 1),
  leaf: Uint8Array.of(0, 1, 1),
  costs: Float32Array.of(0.5),
  ...side('input'),
  ...side('output'),
  ...pick([{}, side('gate')]),
  biases: u8(12),
  biasDtype: 1,
  gateBiases: undefined,
  gateBiasDtype: undefined,
  levelInstructions: Uint32Array.of(0, 1),
  sizes: Uint32Array.of(30, 30),
});
const numbers = () => ({ dtype: 1, columns: 3 });
const layout = () => ({ wordBytes: 4, rotate: pick([true, false]) });
const constantPlanes = () => new Uint8Array(40).fill(1);
const valid = {
  buildInfo: () => ({}),
  detach: () => ({ buffer: new ArrayBuffer(8) }),
  encodedBound: () => ({}),
  certify: () => ({ ...blockWithTree(), ...norm(), ...fitSamples(), widths: Uint32Array.of(4, 2, 1), errors: f64(3) }),
  refitSkeleton: () => ({
    ...blockWithTree(),
    ...norm(),
    ...fitSamples(),
    width: 2,
    ridge: 1e-9,
    refitted: u8(2 * p * 8),
    error: f64(1),
  }),
  skeletonWeights: () => {
    const found = blockWithTree();
    return {
      ...found,
      width: 2,
      inputOut: f64(2 * n),
      outputOut: f64(2 * p),
      biasOut: f64(found.bias ? 2 : 0),
      gateOut: f64(found.gate ? 2 * n : 0),
      gateBiasOut: f64(found.gateBias ? 2 : 0),
    };
  },
  interaction: () => ({ ...block(), ...norm(), kernel: f64(m * m), outputGram: f64(m * m), interaction: f64(m * m) }),
  refitOutput: () => ({
    ...block(),
    ...norm(),
    ...fitSamples(),
    ridge: 1e-9,
    kept: f64(2 * n),
    keptBias: pick([undefined, f64(2)]),
    width: 2,
    refitted: f64(2 * p),
  }),
  dense: () => ({
    x: f64(5 * n),
    batch: 5,
    weight: matrix(m, n),
    bias: matrix(1, m),
    activation: activation(),
    ...pick([{}, { ...gate(), gateActivation: activation() }]),
    y: f64(5 * m),
  }),
  sca: () => ({ neurons: f64(3 * 5), count: 3, width: 5, inputs: 3, ...sca(3, 5) }),
  scaBlock: () => {
    const found = block();
    return { ...found, ...sca(m, (n + 1) * (found.gate ? 2 : 1) + p) };
  },
  scaPairs: () => ({ ...block(), pairs: slots(), shares: f64(6), angles: f64(6) }),
  gid: () => ({ count: 2, kernel: Float64Array.of(2, 1, 1, 2), outputGram: Float64Array.of(3, 1, 1, 2), ...gid(2) }),
  gidBlock: () => ({ ...block(), neurons: Uint32Array.of(0, 2, 3), kernel: f64(9), outputGram: f64(9), ...gid(3) }),
  gateSpectrum: () => ({ ...block(), gates: f64(m) }),
  pairGates: () => ({ ...block(), pairs: slots(), gates: f64(6) }),
  mergeTerms: () => ({
    ...blockWithTree(),
    ...norm(),
    gates: f64(6),
    angles: f64(3),
    parts: f64(3),
    shares: f64(6),
  }),
  weightFactor: () => ({ input: matrix(m, n), gate: pick([undefined, matrix(m, n)]), share: 0.5, factor: f64(n * n) }),
  singularValues: () => ({ matrix: matrix(m, n), values: f64(Math.min(m, n)) }),
  symmetries: () => ({ ...block(), classes: u8(m), groups: new Uint32Array(m) }),
  mergeRounds: () => ({
    ...block(),
    ...norm(),
    ...samples(),
    roundShare: 0.05,
    plain: pick([true, false]),
    refit: pick([true, false]),
    pairs: new Uint32Array(6),
    alpha: halves(),
    beta: halves(),
    stored: pick([true, false]),
    gateAlpha: halves(),
    biasOut: f64(3),
    gateBiasOut: f64(3),
    cost: f64(3),
    report: f64(10),
  }),
  measureGram: () => block(),
  tensorShift: () => ({ data: u8(64), dtype: below(4) }),
  loadLanes: () => ({ source: { ...matrix(n, m), transposed: true }, lanes: u8(m * n * 8) }),
  storeLanes: () => ({
    ...lanes(),
    slots: Uint32Array.of(0, 2),
    elements: Uint32Array.of(1),
    transposed: true,
    out: u8(16),
  }),
  mergeLanes: () => lanes(),
  unfoldLanes: () => ({
    ...lanes(),
    evenElements: false,
    nodes: u8((m + 3) * n * 8),
    floors: new Uint16Array(m + 3),
    gains: new Float32Array(m + 3),
    coefficientsOut: new Uint16Array(6),
    followed: new Uint8Array(3),
    elementShifts: new Uint8Array(n),
  }),
  splitNearest: () => ({
    ...lanes(),
    positions: Uint32Array.of(0, 1, 0, 2),
    coefficients: Uint16Array.of(0x3800, 0x3400, 0x3c00, 0),
    gains: Float32Array.of(1, 1, 2, 1),
    floors: new Uint16Array(4),
    followedSecond: Uint8Array.of(0, 1),
  }),
  applyGains: () => ({
    ...lanes(),
    gains: new Float32Array(m).fill(1.5),
    elementGains: pick([undefined, new Float32Array(n).fill(-2)]),
  }),
  encodeLanes: () => ({
    ...nodeLanes(),
    words: new Uint8Array(3 * n * 8),
    elementShifts: new Uint8Array(n),
    sizes: Float64Array.of(0, 30, 30, 0),
    out: u8(500),
  }),
  decodeLanes: () => ({
    tensors: [
      {
        ...nodeLanes(),
        name: 'it',
        words: u8(3 * n * 8),
        wanted: 1,
        sections: [u8(0), u8(30), u8(30), u8(0)],
      },
    ],
  }),
  encodeHierarchy: () => ({ ...hierarchy(), out: u8(500) }),
  decodeHierarchy: () => ({ ...hierarchy(), data: u8(60) }),
  encodedNumbersBound: () => ({ ...numbers(), count: 6 }),
  encodeNumbers: () => ({ ...numbers(), words: u8(24), out: u8(200) }),
  decodeNumbers: () => ({ ...numbers(), data: Uint8Array.of(9, 0, 1, 0, 1, 0, 1, 0, 1, 0), words: u8(24) }),
  encodeWords: () => ({ ...layout(), words: u8(24), out: u8(100) }),
  decodeWords: () => ({ ...layout(), data: constantPlanes(), words: u8(24) }),
  xxh64: () => ({ data: u8(9) }),
};

const throwing = () => {
  throw Object.assign(new Error('from a getter'), { code: 'BAD_ARGUMENT' });
};
const anything = () =>
  pick([
    () => undefined,
    () => null,
    () => pick([0, -0, -1, 1, 2, 3, 7, 0.5, 1e-320, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 64]),
    () => pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
    () => pick(['', '3', 'x'.repeat(1000)]),
    () => pick([true, false]),
    () => pick([10n, Symbol('x'), () => 1, /x/, new Date(0)]),
    () => pick([[], [1, 2], {}, { length: 3 }, Object.create(null)]),
    () => new Proxy({}, { get: throwing }),
    () =>
      new (pick([
        Uint8Array,
        Int8Array,
        Uint16Array,
        Int32Array,
        Uint32Array,
        Float32Array,
        Float64Array,
        BigInt64Array,
      ]))(below(40)),
    () => new Uint8Array(new SharedArrayBuffer(8)),
    () => new DataView(new ArrayBuffer(8)),
    () => new ArrayBuffer(8),
    () => detached(),
    () => f64(9).fill(pick([Number.NaN, Number.POSITIVE_INFINITY, 1e200, -1e308, 1e-310])),
    () => Uint32Array.from({ length: 6 }, () => pick([0, 1, 3, 4, 2 ** 32 - 1])),
    () => Uint16Array.from({ length: 6 }, () => below(65536)),
  ])();

function detached() {
  const array = new Float64Array(4);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

/** Typed arrays keep their type and length, mostly: what is in them is damaged then. */
function damaged(value) {
  const kind = below(4);
  if (kind === 0 || value === null || value === undefined) return anything();
  if (ArrayBuffer.isView(value) && value.length > 0 && typeof value[0] === 'number') {
    if (kind === 1) return value.subarray(below(value.length));
    const copy = value.slice();
    const special = [0, 1, 255, 2 ** 32 - 1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 1e160, -1e160, 1e-310];
    for (let times = 1 + below(4); times > 0; times--)
      copy[below(copy.length)] = kind === 2 ? pick(special) : below(2 ** 32);
    return copy;
  }
  if (typeof value === 'object') return damageOne(value);
  if (typeof value === 'number') return pick([value + 1, value - 1, value * 2, 0, anything()]);
  return anything();
}

function damageOne(object) {
  const keys = Object.keys(object);
  if (keys.length === 0) return anything();
  const key = pick(keys);
  return { ...object, [key]: damaged(object[key]) };
}

function check(name, error) {
  if (known.has(error?.code)) return;
  console.error(`${name} failed without a code:`, error);
  process.exit(3);
}

const names = Object.keys(addon);
const missing = names.filter((name) => !valid[name]);
if (missing.length > 0 || names.length !== Object.keys(valid).length) {
  console.error('exports and their valid arguments differ', missing);
  process.exit(4);
}
const control = () => new Int32Array(2);
let settled = 0;
for (let call = 0; call < Number(calls); call++) {
  const name = names[call % names.length];
  let [args, job] = [valid[name](), { control: control(), threads: 1 + below(3) }];
  for (let damages = below(3); damages > 0; damages--) {
    if (below(8) === 0) job = damaged(job);
    else args = below(20) === 0 ? anything() : damageOne(args ?? {});
  }
  if (name === 'encodedBound') [args, job] = [anything(), anything()];
  try {
    const result = addon[name](...[args, job].slice(0, below(30) === 0 ? below(2) : 2));
    if (typeof result?.then === 'function') await result;
    settled++;
  } catch (error) {
    check(name, error);
  }
}
console.log(JSON.stringify({ settled }));
