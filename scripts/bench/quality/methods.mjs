// All methods by name. `cut(view, prior, seed)` gives a function from k to a plan (layer.mjs).
import { blockValues, buildTree, forward, fromFloat64, interactionOf, nativeMatrix } from '../../../dist/index.mjs';
import { iterativeMerging, kmeansFolding, wardFolding } from './folding.mjs';
import { skeletonPlans } from './herm.mjs';
import { transpose } from './layer.mjs';
import {
  functionalPruning,
  l1Pruning,
  l2Pruning,
  neuronMergingL1,
  neuronMergingL2,
  pivotedCholesky,
  pivotedQr,
} from './pruning.mjs';

/** HERM's hierarchy of one block, by one of its costs. */
export const hermBy =
  (cost) =>
  async ({ block, weights, layer }, prior) =>
    skeletonPlans(await buildTree(block, weights, { prior, cost }), layer.b);

const ofWeights =
  (method) =>
  async ({ layer }, _prior, seed) =>
    method({ layer, seed });
const ofKernel = (method) => async (view, prior) => method({ layer: view.layer, kernel: await kernelOf(view, prior) });

const ONCE = [0];
const SEEDS = [1, 2, 3];

/** Those that see no data; the refit is the same for all. */
export const DATA_FREE = [
  { name: 'L1 pruning', cut: ofWeights(l1Pruning), seeds: ONCE },
  { name: 'L2 pruning', cut: ofWeights(l2Pruning), seeds: ONCE },
  { name: 'functional-norm pruning', cut: ofKernel(functionalPruning), seeds: ONCE },
  { name: 'pivoted Cholesky', cut: ofKernel(pivotedCholesky), seeds: ONCE },
  { name: 'k-means folding', cut: ofWeights(kmeansFolding), seeds: SEEDS },
  { name: 'Ward folding', cut: ofWeights(wardFolding), seeds: ONCE },
  { name: 'IFM', cut: ofWeights(iterativeMerging), seeds: ONCE },
  { name: 'Neuron Merging (L1)', cut: ofWeights(neuronMergingL1), seeds: ONCE },
  { name: 'Neuron Merging (L2)', cut: ofWeights(neuronMergingL2), seeds: ONCE },
];

/** Those that see samples: least squares is the refit with a blend of 0. */
export const SAMPLED = [
  { name: 'functional-norm pruning', cut: ofKernel(functionalPruning), seeds: ONCE },
  { name: 'pivoted QR', cut: ofKernel(pivotedQr), seeds: ONCE },
];

/** Φ [m×m]: under a Gaussian prior, or AᵀA/N of the neurons' values A on samples alone, without any blend. */
async function kernelOf({ block, weights }, prior) {
  if (prior?.inputs === undefined) return (await interactionOf(block, weights, { prior })).kernel;
  const m = block.neurons;
  const values = await blockValues(block, weights, prior.inputs);
  const count = values.length / m;
  const rows = transpose(Float64Array.from(values), count, m);
  const weight = nativeMatrix(fromFloat64(rows, 'F64', 'values', [m, count]));
  const sums = await forward([{ activation: { name: 'identity', slope: 1 }, weight, bias: undefined }], rows, m);
  return sums.map((sum) => sum / count);
}
