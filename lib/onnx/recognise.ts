import { ACTIVATION_NAMES, DEFAULT_SLOPES } from '../model/activation_option.ts';
import type { Activation, ActivationName } from '../model/block.ts';
import type { OnnxGraph } from './graph.ts';
import { activate } from './operators.ts';
import { composed, peeled } from './peel.ts';
import { clips, evaluateRegion, type Region } from './region.ts';

type Affine = NonNullable<Activation['affine']>;

/** 1, −1 and 0, which tell slopes, and a grid around 0. */
const SAMPLES = Float64Array.of(1, -1, 0, ...Array.from({ length: 161 }, (_, at) => (at - 80) / 10));
/** The same and numbers far from 0, the last two farthest, which tell a ReLU from one that ends somewhere. */
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
 * 164 numbers from −8 to 8 (up to 1e18, where it has limits), if that is near enough. Where none is, numbers that it is
 * multiplied by and that are added, before or behind, are taken off it.
 */
export async function recogniseActivation(graph: OnnxGraph, region: Region): Promise<Activation | undefined> {
  const whole = await nearest(graph, region);
  if (whole !== undefined) return whole;
  for (const { core, affine } of await peeled(graph, region)) {
    const found = await nearest(graph, core);
    if (found !== undefined) return { ...found, affine: composed(found.affine, affine) };
  }
  return undefined;
}

async function nearest(graph: OnnxGraph, region: Region): Promise<Activation | undefined> {
  const areFar = clips(graph, region);
  const samples = areFar ? FAR_SAMPLES : SAMPLES;
  const y = await evaluateRegion(graph, region, samples);
  return (await nearestOf(plainCandidates(y), samples, y)) ?? (areFar ? nearestOf(ramps(y), samples, y) : undefined);
}

async function nearestOf(
  candidates: readonly Activation[],
  samples: Float64Array,
  y: Float64Array,
): Promise<Activation | undefined> {
  let best: { activation: Activation; distance: number } | undefined;
  for (const activation of candidates) {
    const distance = distanceOf(y, await activate(activation, samples));
    if (distance < (best?.distance ?? TOLERANCE)) best = { activation, distance };
  }
  return best?.activation;
}

/** Every activation but the identity; of those that agree, such as ReLU and a leaky one of slope 0, the first one counts. */
function plainCandidates([atOne, atMinusOne]: Float64Array): Activation[] {
  return ACTIVATION_NAMES.filter((name) => name !== 'identity')
    .map((name) => ({ name, slope: usualSlope(name, SLOPES[name]?.(atOne!, atMinusOne!) ?? 1) }))
    .filter(({ slope }) => Number.isFinite(slope));
}

/** A line between two limits, as a hard tanh: from what it is far to both sides, and at 0 and 1. */
function ramps(y: Float64Array): Activation[] {
  const [atOne, , atZero] = y;
  const [right, left] = [y.at(-2)!, y.at(-1)!];
  const [middle, half] = [(right + left) / 2, (right - left) / 2];
  const affine: Affine = [(atOne! - atZero!) / half, (atZero! - middle) / half, half, middle];
  return affine.every(Number.isFinite) && affine[0] !== 0 ? [{ name: 'hard_tanh', slope: 1, affine }] : [];
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
