// What the quality benchmark says about the methods of others rests on these: examples worked by hand.
import { describe, expect, it } from 'vitest';
import { skeletonWeights } from '../../lib/herm/certificate.ts';
import { buildTree } from '../../lib/herm/merge.ts';
import type { MergeTree } from '../../lib/herm/tree.ts';
import { randomBlock } from '../binding/support/random_block.ts';

interface Layer {
  readonly m: number;
  readonly n: number;
  readonly p: number;
  readonly w: Float64Array;
  readonly b: Float64Array;
  readonly v: Float64Array;
}

interface Plan {
  readonly k: number;
  readonly to: Int32Array;
  readonly input: Float64Array;
  readonly output: Float64Array;
  readonly bias?: Float64Array;
}

type Plans = (k: number) => Plan;
type Method = (known: { layer: Layer; kernel?: Float64Array; seed?: number }) => Plans;

const part = (name: string) => import(new URL(`../../scripts/bench/quality/${name}.mjs`, import.meta.url).href);
type Pruning =
  | 'l1Pruning'
  | 'l2Pruning'
  | 'functionalPruning'
  | 'pivotedCholesky'
  | 'pivotedQr'
  | 'neuronMergingL1'
  | 'neuronMergingL2';
const pruning: Record<Pruning, Method> = await part('pruning');
const folding: Record<'kmeansFolding' | 'wardFolding' | 'iterativeMerging', Method> = await part('folding');
const { gather }: { gather: (rows: Float64Array, cols: number, plan: Plan, share: Float64Array) => Float64Array } =
  await part('layer');
const { skeletonPlans }: { skeletonPlans: (tree: MergeTree, b: Float64Array) => Plans } = await part('herm');

/** Neurons as [w, b, v], one input and one output. */
function line(...neurons: [number, number, number][]): Layer {
  const column = (at: 0 | 1 | 2) => Float64Array.from(neurons, (neuron) => neuron[at]);
  return { m: neurons.length, n: 1, p: 1, w: column(0), b: column(1), v: column(2) };
}

const onLine = (...w: number[]) => line(...w.map((x): [number, number, number] => [x, 0, 1]));
const run = (method: Method, known: Parameters<Method>[0], k: number) => method(known)(k);

describe('pruning', () => {
  it('L1 and L2 norms of the input weights, without biases, disagree where one neuron is sparse', () => {
    const layer = {
      m: 3,
      n: 2,
      p: 1,
      w: Float64Array.of(3, 0, 2, 2, 0, 1),
      b: Float64Array.of(0, 0, 9),
      v: Float64Array.of(1, 1, 1),
    };
    expect(run(pruning.l1Pruning, { layer }, 1)).toMatchObject({ k: 1, to: Int32Array.of(-1, 0, -1) });
    expect(run(pruning.l2Pruning, { layer }, 1)).toMatchObject({ k: 1, to: Int32Array.of(0, -1, -1) });
    expect(run(pruning.l1Pruning, { layer }, 2).to).toEqual(Int32Array.of(0, 1, -1));
  });

  it('functional norms: Φ_ii ‖v_i‖² is 36, 16, 18', () => {
    const layer = line([1, 0, 6], [9, 0, 2], [1, 0, Math.SQRT2]);
    const kernel = Float64Array.of(1, 0, 0, 0, 4, 0, 0, 0, 9);
    expect(run(pruning.functionalPruning, { layer, kernel }, 2).to).toEqual(Int32Array.of(0, -1, 1));
  });

  it('pivots: of two neurons that are nearly the same, one is enough', () => {
    const kernel = Float64Array.of(4, 3.9, 0, 3.9, 4, 0, 0, 0, 1);
    const known = { layer: onLine(1, 1, 1), kernel };
    expect(run(pruning.functionalPruning, known, 2).to).toEqual(Int32Array.of(0, 1, -1));
    // What is left of neuron 1 is 4 − 3.9²/4 = 0.1975 < 1.
    expect(run(pruning.pivotedCholesky, known, 2).to).toEqual(Int32Array.of(0, -1, 1));
    // Γ knows that neuron 2 says little, Φ alone does not.
    const quiet = { layer: line([1, 0, 1], [1, 0, 1], [1, 0, 0.1]), kernel };
    expect(run(pruning.pivotedCholesky, quiet, 2).to).toEqual(Int32Array.of(0, 1, -1));
    expect(run(pruning.pivotedQr, quiet, 2).to).toEqual(Int32Array.of(0, -1, 1));
  });

  it('pivots of a matrix of rank one are still all indices', () => {
    const kernel = Float64Array.of(1, 2, 2, 4);
    expect(run(pruning.pivotedQr, { layer: onLine(1, 2), kernel }, 1).to).toEqual(Int32Array.of(-1, 0));
    expect(run(pruning.pivotedQr, { layer: onLine(1, 2), kernel }, 2).to).toEqual(Int32Array.of(0, 1));
  });

  it('Neuron Merging: outputs go to the kept neuron with the largest cosine of (w, b), scaled, if it is 0.45 at least', () => {
    // (2, 0) is half of (4, 0). (−1, 0.4) has cosines −0.93 and 0.37, (1, 1.5) has 0.55 and 0.83 with (4, 0) and (0, 3).
    const layer = line([4, 0, 1], [0, 3, 1], [2, 0, 1], [-1, 0.4, 1], [1, 1.5, 1]);
    const { k, to, input, output } = run(pruning.neuronMergingL2, { layer }, 2);
    expect(k).toBe(2);
    expect(to).toEqual(Int32Array.of(0, 1, 0, -1, 1));
    expect([...input.subarray(0, 3), input[4]]).toEqual([1, 1, 0, 0]);
    expect([...output.subarray(0, 3)]).toEqual([1, 1, 0.5]);
    expect(output[4]).toBeCloseTo(Math.hypot(1, 1.5) / 3, 12);
    // By L1 norm (3, 3) comes before (5, 0), by L2 norm as well; (4, 2) against (5, 0) is where they differ.
    const two = line([4, 2, 1], [5, 0, 1]);
    expect(run(pruning.neuronMergingL1, { layer: two }, 1)).toMatchObject({ to: Int32Array.of(0, 0) });
    expect(run(pruning.neuronMergingL2, { layer: two }, 1).input).toEqual(Float64Array.of(0, 1));
  });
});

describe('folding', () => {
  it('k-means: the mean of inputs and biases, the sum of outputs', () => {
    const layer = line([1, 2, 3], [10, 0, 1], [2, 4, 3.5]);
    const plan = run(folding.kmeansFolding, { layer, seed: 1 }, 2);
    const [together, alone] = [plan.to[0]!, plan.to[1]!];
    expect(plan.to).toEqual(Int32Array.of(together, alone, together));
    const slots = (values: Float64Array, share: Float64Array) => gather(values, 1, plan, share);
    expect(slots(layer.w, plan.input)[together]).toBe(1.5);
    expect(slots(layer.b, plan.input)[together]).toBe(3);
    expect(slots(layer.v, plan.output)[together]).toBe(6.5);
    expect(slots(layer.v, plan.output)[alone]).toBe(1);
  });

  it('Ward: a large group takes a neuron in only where that costs least', () => {
    // Taking 1 into the group of four zeros costs 4/5 · 1² = 0.8, pairing it with 2.1 costs 1/2 · 1.1² = 0.605.
    const plan = run(folding.wardFolding, { layer: onLine(0, 0, 0, 0, 1, 2.1) }, 2);
    expect(plan.to[5]).toBe(plan.to[4]);
    expect(plan.to[0]).not.toBe(plan.to[4]);
    expect([...plan.input]).toEqual([0.25, 0.25, 0.25, 0.25, 0.5, 0.5]);
    expect([...plan.output]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('IFM: sums of inputs, means of outputs; a merged neuron is compared as it is then', () => {
    // 1 and 1.1 become 2.1, which is nearer to 2.2 than 3 is; their mean would not be.
    const plan = run(folding.iterativeMerging, { layer: onLine(1, 1.1, 2.2, 3) }, 2);
    expect(plan.to).toEqual(Int32Array.of(0, 0, 0, 1));
    expect([...plan.input]).toEqual([1, 1, 1, 1]);
    expect([...plan.output].map((share) => 1 / share)).toEqual([3, 3, 3, 1]);
    expect(run(folding.iterativeMerging, { layer: onLine(1, 1.1, 2.2, 3) }, 4).to).toEqual(Int32Array.of(0, 1, 2, 3));
  });
});

it("HERM's plans are its skeletons", async () => {
  const { block, weights } = randomBlock(24, 6, 5, 'relu', 3);
  const numbers = ({ data }: { data: Uint8Array }) => new Float64Array(data.slice().buffer);
  const tree = await buildTree(block, weights);
  const plans = skeletonPlans(tree, numbers(weights.bias!));
  for (const width of [24, 17, 5, 1]) {
    const kept = await skeletonWeights(block, weights, tree, width);
    const plan = plans(width);
    const rows = gather(numbers(weights.input), 6, plan, plan.input);
    numbers(kept.weights.input).forEach((value, at) => {
      expect(rows[at]).toBeCloseTo(value, 9);
    });
    expect(plan.bias).toEqual(numbers(kept.weights.bias!));
  }
});
