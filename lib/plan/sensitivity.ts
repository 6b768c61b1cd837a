import { requireArguments, requireArray } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { HermFile } from '../file/read.ts';
import { relativeError } from '../herm/certificate.ts';
import type { Skeleton } from '../herm/skeleton.ts';
import type { CallOptions } from '../native/call.ts';
import { chainRun } from './sample_runs.ts';

/** On what, and how, blocks are told apart by how much they matter. */
export interface SensitivityOptions extends CallOptions {
  /** What a network makes of samples: always the same ones, as many numbers each time. */
  readonly evaluate?: ((skeleton: Skeleton) => Promise<Float64Array>) | undefined;
  /** Samples [rows×inputs] for files whose blocks are a chain, which are run here. */
  readonly inputs?: Float64Array | undefined;
}

/** How much narrowing one block changes the output. */
export interface BlockSensitivity {
  readonly name: string;
  readonly neurons: number;
  /** The width that was tried; null where no narrower width has an error. */
  readonly width: number | null;
  /** Its certificate. */
  readonly error: number | null;
  /** ‖y − y_k‖/‖y‖ of the output on the samples. */
  readonly change: number;
  /** (change/error)² */
  readonly sensitivity: number;
}

/** Small enough to respond in proportion, large enough to stand out of rounding. */
const PROBE_ERROR = 0.1;

/**
 * How much of each block's squared error reaches the output, by block name: one block at a time is narrowed to the recorded
 * width with a certificate nearest to 0.1, and s = (‖y − y_k‖/‖y‖)²/error². What `planWidths` takes as `sensitivity`.
 *
 * @throws HermError `BAD_ARGUMENT` without samples, for rows that do not fit, or outputs of another number; `NO_CHAIN`;
 * `NON_FINITE` for outputs that are NaN, infinite or all 0; and as skeletons do.
 */
export async function measureSensitivity(
  file: HermFile,
  options: SensitivityOptions = {},
): Promise<Record<string, number>> {
  const measured = await probeBlocks(file, options);
  return Object.fromEntries(measured.map(({ name, sensitivity }) => [name, sensitivity]));
}

/** {@link measureSensitivity} with what it was computed from. @throws HermError as it */
export async function probeBlocks(file: HermFile, options: SensitivityOptions): Promise<BlockSensitivity[]> {
  requireArguments({ file, options });
  const { signal, threads, onProgress } = options;
  const evaluate = options.evaluate ?? chainRun(file, requireInputs(options), { signal, threads });
  const outputs = async (widths: Record<string, number>) =>
    evaluate(await file.skeleton(widths, { refit: false, signal, threads }));
  const tellDone = (runs: number) => onProgress?.(runs / (file.blocks.length + 1));
  const changeOf = comparedWith(await outputs({}), file.name);
  tellDone(1);
  const found: BlockSensitivity[] = [];
  for (const [block, { name, neurons }] of file.blocks.entries()) {
    const probe = probeOf(file, block);
    if (probe === undefined) found.push({ name, neurons, width: null, error: null, change: 0, sensitivity: 0 });
    else {
      const change = changeOf(await outputs({ [name]: probe.width }));
      found.push({ name, neurons, ...probe, change, sensitivity: (change / probe.error) ** 2 });
    }
    tellDone(block + 2);
  }
  return found;
}

function requireInputs({ inputs }: SensitivityOptions): Float64Array {
  if (inputs !== undefined) requireArray('inputs', inputs, Float64Array);
  if (inputs !== undefined) return inputs;
  const why = 'Measuring sensitivity needs samples: a Float64Array "inputs" of a chain, or "evaluate".';
  throw new HermError('BAD_ARGUMENT', why);
}

/** The relative change of outputs. @throws HermError `NON_FINITE`, `BAD_ARGUMENT` */
function comparedWith(whole: Float64Array, file: string): (outputs: Float64Array) => number {
  const finite = (outputs: Float64Array) => {
    requireArray('What "evaluate" resolves to', outputs, Float64Array);
    const bad = outputs.find((value) => !Number.isFinite(value));
    if (bad === undefined) return;
    const why = `The network of ${file} makes ${bad} of these samples: nothing can be measured on them.`;
    throw new HermError('NON_FINITE', why, { file });
  };
  finite(whole);
  if (whole.every((value) => value === 0)) {
    const why = `The network of ${file} makes nothing but 0 of these samples, or there are none: nothing can be measured on them.`;
    throw new HermError('NON_FINITE', why, { file });
  }
  return (outputs) => {
    if (outputs.length !== whole.length) {
      const why = `A narrower network makes ${outputs.length} numbers of the samples, and the whole one ${whole.length}.`;
      throw new HermError('BAD_ARGUMENT', why, { file });
    }
    finite(outputs);
    return relativeError(whole, outputs);
  };
}

/** The recorded width whose certificate is nearest to the probe's, by its ratio; undefined: no width has an error. */
function probeOf({ blocks, ladder, errors }: HermFile, block: number): { width: number; error: number } | undefined {
  const distance = (error: number) => Math.abs(Math.log(error / PROBE_ERROR));
  const known = ladder.flatMap((widths, level) => {
    const error = errors[block]![level] ?? 0;
    return error > 0 && widths[block]! < blocks[block]!.neurons ? [{ width: widths[block]!, error }] : [];
  });
  return known.sort((a, b) => distance(a.error) - distance(b.error))[0];
}
