import { requireArguments, requireArray } from '../arguments.ts';
import type { Block } from '../model/block.ts';
import { forward, type Layer } from '../model/forward.ts';
import { type Prior, samplesOf } from '../model/prior.ts';
import type { NativeBlock, NativeFitSamples } from '../native/binding.ts';
import type { CallOptions } from '../native/call.ts';

const IDENTITY = { name: 'identity', slope: 1 } as const;

/** φ(s) of every neuron, in a gated block times its value, as layers: {@link forward} with no output weights. */
function hiddenLayers({ activation }: Block, { input, bias, gate, gateBias }: NativeBlock): Layer[] {
  return [{ activation: IDENTITY, weight: input, bias, gate: gate && { activation, weight: gate, bias: gateBias } }];
}

/**
 * What a block makes of inputs, without its output bias, in double precision.
 *
 * @param inputs [N×n] row-major
 * @returns [N×p] row-major
 */
export async function blockOutputs(
  block: Block,
  weights: NativeBlock,
  inputs: Float32Array,
  options?: CallOptions,
): Promise<Float64Array> {
  requireArguments({ block, weights, options });
  requireArray('inputs', inputs, Float32Array);
  const { output } = weights;
  const layers = hiddenLayers(block, weights);
  const activation = block.gate ? IDENTITY : block.activation;
  layers.push({ activation, weight: { ...output, transposed: !output.transposed }, bias: undefined });
  return forward(layers, Float64Array.from(inputs), inputs.length / block.inputs, options);
}

/** The values of a block's neurons on inputs [N×n], which are the inputs [N×m] of the next block of a chain. */
export async function blockValues(
  block: Block,
  weights: NativeBlock,
  inputs: Float32Array,
  options?: CallOptions,
): Promise<Float32Array> {
  requireArguments({ block, weights, options });
  const m = block.neurons;
  const one = new Float64Array(m * m);
  for (let i = 0; i < m; i++) one[i * m + i] = 1;
  const output = { data: new Uint8Array(one.buffer), dtype: 0, rows: m, cols: m, transposed: false };
  return Float32Array.from(await blockOutputs({ ...block, outputs: m }, { ...weights, output }, inputs, options));
}

/** Samples of a prior with what should come of them; undefined: the prior has none. @throws HermError `PRIOR` */
export async function fitSamplesOf(
  block: Block,
  weights: NativeBlock,
  prior: Prior | undefined,
  options?: CallOptions,
): Promise<NativeFitSamples | undefined> {
  const samples = samplesOf(block, prior);
  if (samples === undefined) return undefined;
  const { inputs, blend } = samples;
  const quiet = { signal: options?.signal, threads: options?.threads };
  return { inputs, blend, targets: samples.targets ?? (await blockOutputs(block, weights, inputs, quiet)) };
}
