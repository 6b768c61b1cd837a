import { gateSpectrum } from '../analysis/gid.ts';
import { mergeTerms } from '../analysis/merge_terms.ts';
import { spreadOf, type WeightSpectrum, weightSpectrum } from '../analysis/spectrum.ts';
import { symmetriesOf } from '../analysis/symmetry.ts';
import { weightPrior } from '../analysis/weight_prior.ts';
import type { HermFile } from '../file/read.ts';
import { forestOf } from '../herm/forest.ts';
import type { MergeTree } from '../herm/tree.ts';
import { activationText } from '../model/activation_option.ts';
import { precedingNorm } from '../model/architectures/describe.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import type { GaussianPrior } from '../model/prior.ts';
import { toFloat64 } from '../model/tensor.ts';
import { blockWeights, lookupIn } from '../model/weights.ts';
import type { NativeBlock } from '../native/binding.ts';
import type { CallOptions } from '../native/call.ts';
import { base64, floats } from './encode.ts';
import type { ReportOptions } from './options.ts';
import type { BlockData, CurvePoint, GateData } from './page_data.ts';
import { MAX_PIXELS, picturesOf } from './pictures.ts';
import { PRIOR_WORDS } from './words.ts';

/** Gates of larger blocks take minutes and 56 bytes a squared neuron; `herm gid` gives them. */
const MAX_SPECTRUM = 4096;
/** Of what a merge's neurons compute. */
const FREE_COST = 1e-9;

/** One block's part of a report, and the spectra of its matrices. */
export interface ReportedBlock {
  readonly data: BlockData;
  readonly spectra: readonly {
    readonly tensor: string;
    readonly spectrum: WeightSpectrum;
    readonly rows: number;
    readonly cols: number;
  }[];
  /** What was left out, in words. */
  readonly leftOut: readonly string[];
}

/** Stages of a block, of about as much work each. */
const STAGES = 5;

export async function blockData(
  file: HermFile,
  at: number,
  options: Pick<ReportOptions, 'image'> & CallOptions,
): Promise<ReportedBlock> {
  const block = file.blocks[at]!;
  const call = { signal: options.signal, threads: options.threads };
  const leftOut: string[] = [];
  let stage = 0;
  const next = () => options.onProgress?.(++stage / STAGES);
  const [tree, weights] = [await file.tree(block.name), await readWeights(file, block, call)];
  next();
  const prior = await priorOf(file, block, weights, call);
  const terms = await mergeTerms(block, weights, tree, { ...call, prior });
  next();
  const symmetries = await symmetriesOf(block, weights, call);
  const curve = curveOf(file, at);
  const spectrum = block.neurons <= MAX_SPECTRUM ? await gatesOf(block, weights, curve, call) : undefined;
  if (spectrum === undefined)
    leftOut.push(`the gate spectrum of ${block.name}, which has more than ${MAX_SPECTRUM} neurons`);
  next();
  const spectra = await spectraOf(block, weights, call);
  next();
  const image = options.image;
  const shown = image !== undefined && image.width * image.height === block.inputs;
  const fits = block.neurons * block.inputs <= MAX_PIXELS;
  if (shown && !fits) leftOut.push(`the pictures of ${block.name}, ${block.neurons * block.inputs} pixels in all`);
  const pictures = shown && fits ? await picturesOf(block, weights, tree, image, call) : undefined;
  next();
  const { neurons, inputs, outputs } = block;
  const data: BlockData = {
    name: block.name,
    neurons,
    inputs,
    outputs,
    activation: activationText(block.activation),
    merges: tree.merges,
    children: base64(forestOf(tree).children),
    cost: floats(tree.cost),
    gates: floats(terms.gates),
    angles: floats(terms.angles),
    parts: floats(terms.parts),
    shares: floats(terms.shares),
    termInputs: termInputs(prior),
    curve,
    refits: refitsOf(file, at),
    spectrum,
    dead: symmetries.dead,
    constant: symmetries.constant,
    copies: symmetries.duplicates.map((neuron) => [neuron, symmetries.groups[neuron]!] as const),
    free: freeMerges(tree, terms.gates),
    pictures,
  };
  return { data, spectra, leftOut };
}

async function readWeights(file: HermFile, block: Block, call: CallOptions): Promise<NativeBlock> {
  return blockWeights(block, lookupIn(await file.readTensors(neuronTensors(block), call)));
}

/** What the file's errors are for, as far as names tell the norm; of samples x ~ N(0, I). */
async function priorOf(file: HermFile, block: Block, weights: NativeBlock, call: CallOptions): Promise<GaussianPrior> {
  if (file.prior === 'weights')
    return weightPrior(block, weights, { ...call, prior: await normPriorOf(file, block, call) });
  return file.prior === 'norm' ? normPriorOf(file, block, call) : 'isotropic';
}

function termInputs(prior: GaussianPrior): string {
  if (prior === 'isotropic') return PRIOR_WORDS.isotropic;
  return prior.factor ? PRIOR_WORDS.weights : 'what the norm before the block leaves';
}

async function normPriorOf(file: HermFile, block: Block, call: CallOptions): Promise<GaussianPrior> {
  const norm = precedingNorm(file, block);
  if (norm === undefined) return 'isotropic';
  const [gamma, beta] = await file.readTensors(
    norm.bias === undefined ? [norm.weight] : [norm.weight, norm.bias],
    call,
  );
  return { deviation: toFloat64(gamma!).map((x) => norm.offset + x), mean: beta && toFloat64(beta) };
}

/** One point a width; of levels that do not differ in this block the first. */
function curveOf({ ladder, errors, measured }: HermFile, at: number): CurvePoint[] {
  const points = ladder.map((widths, level) => ({
    width: widths[at]!,
    error: errors[at]![level] ?? null,
    ...(measured && { measured: measured[at]![level] ?? null }),
  }));
  return points.filter(({ width }, level) => width !== points[level - 1]?.width);
}

function refitsOf({ refits }: HermFile, at: number): CurvePoint[] {
  return refits.map(({ widths, errors, measured }) => ({
    width: widths[at]!,
    error: errors[at] ?? null,
    ...(measured && { measured: measured[at] ?? null }),
  }));
}

async function gatesOf(
  block: Block,
  weights: NativeBlock,
  curve: readonly CurvePoint[],
  call: CallOptions,
): Promise<GateData> {
  const { gates, norm, bounds } = await gateSpectrum(block, weights, call);
  const { effectiveRank } = spreadOf(gates);
  return {
    norm,
    effectiveRank,
    gates: floats(gates.filter((gate) => gate > 0)),
    bounds: curve.map(({ width }) => bounds[width]!),
  };
}

async function spectraOf(block: Block, weights: NativeBlock, call: CallOptions): Promise<ReportedBlock['spectra']> {
  const matrices = [
    ...(block.gate ? [{ tensor: block.gate.weight.tensor, matrix: weights.gate! }] : []),
    { tensor: block.input.tensor, matrix: weights.input },
    { tensor: block.output.tensor, matrix: weights.output },
  ];
  const spectra = [];
  for (const { tensor, matrix } of matrices) {
    const spectrum = await weightSpectrum(tensor, matrix, call);
    spectra.push({ tensor, spectrum, rows: matrix.rows, cols: matrix.cols });
  }
  return spectra;
}

function freeMerges({ cost }: MergeTree, gates: Float64Array): number {
  const energy = (t: number) => gates[2 * t]! ** 2 + gates[2 * t + 1]! ** 2;
  return Array.from(cost.keys()).filter((t) => cost[t]! <= FREE_COST * energy(t)).length;
}
