import type { Activation, ActivationName } from '../model/block.ts';
import type { OnnxGraph } from './graph.ts';
import { activate } from './operators.ts';
import { clips, evaluateRegion, type Region } from './region.ts';

/** 1 and −1, which tell slopes, and a grid around 0. */
const SAMPLES = Float64Array.of(1, -1, ...Array.from({ length: 161 }, (_, at) => (at - 80) / 10));
/** The same and numbers far from 0, which tell a ReLU from one that ends somewhere. */
const FAR_SAMPLES = Float64Array.of(
  ...SAMPLES,
  ...Array.from({ length: 116 }, (_, at) => (at % 2 ? -1 : 1) * 2 ** (at / 2 + 3)),
);
/** Constants of half precision change a function by some 3e-5; exact and tanh GELU differ by 4.7e-4. */
const TOLERANCE = 1e-4;
const WITHOUT_SLOPE: readonly ActivationName[] = ['relu', 'relu2', 'gelu', 'gelu_tanh', 'quick_gelu', 'silu', 'tanh'];

/**
 * Which activation a region of a graph computes, however it is written: the one of the kernels that comes nearest to it at
 * 163 numbers from −8 to 8 (up to 1e18, where it has limits), if that is near enough.
 */
export async function recogniseActivation(graph: OnnxGraph, region: Region): Promise<Activation | undefined> {
  const samples = clips(graph, region) ? FAR_SAMPLES : SAMPLES;
  const y = await evaluateRegion(graph, region, samples);
  let best: { activation: Activation; distance: number } | undefined;
  for (const activation of candidates(y)) {
    const distance = distanceOf(y, await activate(activation, samples));
    if (distance <= (best?.distance ?? TOLERANCE)) best = { activation, distance };
  }
  return best?.activation;
}

function candidates([atOne, atMinusOne]: Float64Array): Activation[] {
  const found: Activation[] = WITHOUT_SLOPE.map((name) => ({ name, slope: 1 }));
  if (Number.isFinite(atMinusOne)) found.unshift({ name: 'leaky_relu', slope: -atMinusOne! });
  const slope = Math.log(atOne! / (1 - atOne!));
  if (Number.isFinite(slope)) found.push({ name: 'sigmoid', slope: Math.abs(slope - 1) < TOLERANCE ? 1 : slope });
  return found;
}

/** The largest difference, relative where numbers are above 1; NaN is never near. */
function distanceOf(y: Float64Array, other: Float64Array): number {
  let largest = 0;
  for (const [at, value] of y.entries()) {
    const distance = Math.abs(value - other[at]!) / Math.max(1, Math.abs(value));
    if (!(distance <= largest)) largest = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
  }
  return largest;
}
