import { HermError } from '../errors.ts';
import type { HermFile } from '../file/read.ts';
import { relativeError } from '../herm/certificate.ts';
import type { Skeleton } from '../herm/skeleton.ts';
import { forward, mlpLayers } from '../model/forward.ts';
import { lookupIn } from '../model/weights.ts';
import type { CallOptions } from '../native/call.ts';

/** On what, and how, blocks are told apart by how much they matter. */
export interface SensitivityOptions extends Pick<CallOptions, 'signal' | 'threads'> {
  /** What a network makes of samples: always the same ones, as many numbers each time. */
  readonly evaluate?: ((skeleton: Skeleton) => Promise<Float64Array>) | undefined;
  /** Samples [rows×inputs] for files whose blocks are a chain, which are run here. */
  readonly inputs?: Float64Array | undefined;
}

/** Small enough to respond in proportion, large enough to stand out of rounding. */
const PROBE_ERROR = 0.1;

/**
 * How much of each block's squared error reaches the output, by block name: one block at a time is narrowed to the recorded
 * width with a certificate nearest to 0.1, and s = (‖y − y_k‖/‖y‖)²/error². What `planWidths` takes as `sensitivity`.
 *
 * @throws HermError `BAD_ARGUMENT` without samples, or for rows or blocks that do not fit; and as skeletons do.
 */
export async function measureSensitivity(file: HermFile, options: SensitivityOptions): Promise<Record<string, number>> {
  const { signal, threads } = options;
  const evaluate = options.evaluate ?? chainOf(file, options);
  const outputs = async (widths: Record<string, number>) =>
    evaluate(await file.skeleton(widths, { refit: false, signal, threads }));
  const whole = await outputs({});
  const found: Record<string, number> = {};
  for (const [block, { name }] of file.blocks.entries()) {
    const probe = probeOf(file, block);
    const changed = probe && relativeError(whole, await outputs({ [name]: probe.width }));
    found[name] = probe === undefined || changed === undefined ? 0 : (changed / probe.error) ** 2;
  }
  return found;
}

/** The whole network of a chain of blocks on the samples given. */
function chainOf({ blocks }: HermFile, { inputs, signal, threads }: SensitivityOptions) {
  if (inputs === undefined) {
    throw new HermError('BAD_ARGUMENT', 'Measuring sensitivity needs samples: "inputs" of a chain, or "evaluate".');
  }
  const rows = inputs.length / blocks[0]!.inputs;
  return ({ tensors }: Skeleton) => forward(mlpLayers(blocks, lookupIn(tensors)), inputs, rows, { signal, threads });
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
