import { ACTIVATION_NAMES, DEFAULT_SLOPES } from '../model/activation_option.ts';
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
/** The slopes that activations would have by their values at 1 and −1. */
const SLOPES: Partial<Record<ActivationName, (atOne: number, atMinusOne: number) => number>> = {
  leaky_relu: (_, atMinusOne) => -atMinusOne,
  sigmoid: (atOne) => Math.log(atOne / (1 - atOne)),
  hard_sigmoid: (atOne) => atOne - 0.5,
  elu: (_, atMinusOne) => atMinusOne / Math.expm1(-1),
};

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
    if (distance < (best?.distance ?? TOLERANCE)) best = { activation, distance };
  }
  return best?.activation;
}

/** Every activation but the identity; of those that agree, such as ReLU and a leaky one of slope 0, the first one counts. */
function candidates([atOne, atMinusOne]: Float64Array): Activation[] {
  return ACTIVATION_NAMES.filter((name) => name !== 'identity')
    .map((name) => ({ name, slope: usualSlope(name, SLOPES[name]?.(atOne!, atMinusOne!) ?? 1) }))
    .filter(({ slope }) => Number.isFinite(slope));
}

/** The default slope where the one that is found is that but for rounding. */
function usualSlope(name: ActivationName, slope: number): number {
  const usual = DEFAULT_SLOPES[name] ?? slope;
  return Math.abs(slope - usual) < TOLERANCE * usual ? usual : slope;
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
