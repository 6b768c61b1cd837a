import { requireArguments } from '../../arguments.ts';
import type { HermContent } from '../../file/content.ts';
import { joinTensors } from '../../file/joined.ts';
import type { Tensor } from '../../model/tensor.ts';
import type { CallOptions } from '../../native/call.ts';
import { type RecoveredPiece, recoverAll, recoverTo } from '../recover.ts';
import type { WidthRequest } from '../skeleton.ts';
import { LiftedTensors } from './lifted_tensors.ts';
import { openTuned, type TunedInput } from './tuned.ts';

export interface LiftOptions extends CallOptions {
  /** What is passed was trained through the maps of an adapter, instead of being a skeleton's tuned weights. */
  readonly delta?: boolean | undefined;
  /**
   * How much of the original the skeleton does not have is kept, from 0 to 1 (the default): w → keep·w + A(w' − keep·w_k)Bᵀ. Of a
   * skeleton much smaller than the network that was tuned far, a half or a quarter fits the new task better.
   */
  readonly keep?: number | undefined;
  /** False: the skeleton was made without refitted output weights although the file has them for its widths. */
  readonly refit?: boolean | undefined;
  /** The widths of the skeleton, where its shapes do not say them: one that was filled up with zeros (`pad`). */
  readonly widths?: WidthRequest | undefined;
}

/** What was lifted. */
export interface LiftReport {
  /** The tuned skeleton's, by block. */
  readonly widths: Readonly<Record<string, number>>;
  /** The original's tensors that have changed, by name. */
  readonly changed: readonly string[];
}

interface OpenLift {
  readonly lift: LiftedTensors;
  close(): Promise<void>;
}

async function openLift(content: HermContent, input: TunedInput, options: LiftOptions): Promise<OpenLift> {
  requireArguments({ options });
  content.requireComplete('lifting a change');
  const tuned = await openTuned(input);
  const close = () => tuned.close();
  try {
    return { lift: await LiftedTensors.open(content, tuned, options), close };
  } catch (error) {
    await close();
    throw error;
  }
}

const reportOf = ({ widths, changed }: LiftedTensors): LiftReport => ({ widths, changed });

/**
 * The original's files with the change of a tuned skeleton lifted to all of its neurons, piece by piece. What has not changed
 * has the original's bytes, and every file's digest was the original's before the change was added.
 *
 * @throws HermError `TUNED_TENSOR`, `WIDTH`, `BAD_ARGUMENT`, `NON_FINITE`; as opening a model; as recovering the original.
 */
export async function* liftPieces(
  content: HermContent,
  input: TunedInput,
  options: LiftOptions = {},
): AsyncGenerator<RecoveredPiece, LiftReport, undefined> {
  const { lift, close } = await openLift(content, input, options);
  try {
    yield* recoverAll(content, options, lift.edit);
    return reportOf(lift);
  } finally {
    await close();
  }
}

/** Writes what {@link liftPieces} gives as the original lay: a file, or a new directory. `path` is untouched unless all is well. */
export async function liftTo(
  content: HermContent,
  path: string,
  input: TunedInput,
  options: LiftOptions = {},
): Promise<LiftReport> {
  const { lift, close } = await openLift(content, input, options);
  await recoverTo(content, path, options, lift.edit).finally(close);
  return reportOf(lift);
}

/** All tensors of the lifted network, in memory. @throws HermError as {@link liftPieces} */
export async function liftTensors(
  content: HermContent,
  input: TunedInput,
  options: LiftOptions = {},
): Promise<Tensor[]> {
  const { json } = content.header;
  const { lift, close } = await openLift(content, input, options);
  try {
    const tensors: Tensor[] = [];
    for (const index of json.tensors.keys()) {
      tensors.push(await lift.tensor(index));
      options.onProgress?.((index + 1) / json.tensors.length);
    }
    return joinTensors(json, tensors);
  } finally {
    await close();
  }
}
